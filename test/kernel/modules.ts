/**
 * What guests need of Deno's cache.
 *
 * @module
 */

/** Guests have no network: what programs of these folders import must be in Deno's cache, compiled. */
export async function cacheModules(programs: readonly string[]): Promise<void> {
  const root = new URL("../../", import.meta.url).pathname;
  const folders = ["src", "handlers", ...programs];
  const files = folders.flatMap((folder) => sourcesBelow(root + folder));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...files],
    cwd: root,
  }).output();
  if (code !== 0) {
    throw new Error(`Cannot cache what the guests import: ${new TextDecoder().decode(stderr)}`);
  }
}

function sourcesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return sourcesBelow(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}
