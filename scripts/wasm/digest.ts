/**
 * Digests that tie the committed .wasm to the sources it was made from.
 *
 * @module
 */

/** Folders that have no say in the build: what is made, tests, examples. */
const OTHER_FOLDERS = new Set(["target", "pkg", "tests", "examples", "benches"]);

/** SHA-256 of the bytes, as lower-case hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Whether a file of that name has a say in what the build makes. */
export function isSource(name: string): boolean {
  return name.endsWith(".rs") || name === "Cargo.toml" || name === "Cargo.lock";
}

/** Paths of all sources below the folder, relative to it, sorted. */
export function listSources(folder: string, prefix = ""): string[] {
  const paths: string[] = [];
  for (const entry of Deno.readDirSync(`${folder}/${prefix}`)) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory && !OTHER_FOLDERS.has(entry.name)) {
      paths.push(...listSources(folder, `${path}/`));
    } else if (entry.isFile && isSource(entry.name)) {
      paths.push(path);
    }
  }
  return paths.sort();
}

/**
 * One digest over all sources below the folder. Every file counts with its
 * path and the digest of its content, so that no two trees read the same.
 */
export async function digestSources(folder: string): Promise<string> {
  const lines: string[] = [];
  for (const path of listSources(folder)) {
    lines.push(`${await sha256(await Deno.readFile(`${folder}/${path}`))}  ${path}\n`);
  }
  return await sha256(new TextEncoder().encode(lines.join("")));
}
