/** Programs of this machine that serve as peers and loads. */

/** Path of a program, or undefined; also looks where ordinary users' PATH does not. */
export function findProgram(name: string): string | undefined {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":");
  return folders.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end; returns what it printed. Throws where it fails. */
export async function runProgram(path: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(path, { args: [...args] }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${path} ${args.join(" ")} failed: ${complained || said}`);
  return said;
}

/** A file of `length_bytes` of random bytes, all of it written, on `path`. */
export async function writeImage(path: string, length_bytes: number): Promise<void> {
  using file = await Deno.open(path, { create: true, truncate: true, write: true });
  const piece = crypto.getRandomValues(new Uint8Array(65536));
  for (let done = 0; done < length_bytes;) done += await file.write(piece);
}
