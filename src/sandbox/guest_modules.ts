/**
 * The modules of guests as plain JavaScript in few files, made once for each daemon: a guest has no
 * cache, so it would take the types away at each start.
 *
 * What guests evaluate, and nothing else, is copied to a folder that others read and nobody but the
 * daemon's user writes.
 *
 * @module
 */
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { linkModules } from "./guest_link.ts";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));
const GUEST = "guest.js";
const CONTRACT = "plugin.js";
const IMPORT_MAP = "import_map.json";
/** What a process executes and resolves, and what handlers import as "lunette/plugin". */
const ENTRIES = new Map([
  ["sandbox/guest.ts", GUEST],
  ["sandbox/lockdown/gate.ts", "gate.js"],
  ["plugin/mod.ts", CONTRACT],
]);

/** Paths of the prepared modules. */
export interface GuestModules {
  /** All of them lie here. */
  readonly folder: string;
  /** The module that is executed. */
  readonly entry: string;
  /** The import map that handlers need. */
  readonly import_map: string;
}

async function makeFiles(): Promise<Map<string, string>> {
  const read = async (name: string) =>
    stripTypeScriptTypes(await Deno.readTextFile(join(SOURCES, name)));
  const files = await linkModules(ENTRIES, read);
  const imports = { "lunette/plugin": `./${CONTRACT}` };
  return files.set(IMPORT_MAP, JSON.stringify({ imports }));
}

/** The folder must not be there. Modes do not depend on the daemon's umask. */
async function write(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await Deno.mkdir(folder, { mode: 0o700 });
  for (const [name, text] of files) {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text, { createNew: true });
    await Deno.chmod(path, 0o644);
  }
  await Deno.chmod(folder, 0o755);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** Removes what daemons have left that were killed, and what this one has made before. */
function removeLeftovers(runtime: string): void {
  for (const { name } of Deno.readDirSync(runtime)) {
    const pid = /^guest-(\d+)$/.exec(name)?.[1];
    if (pid === undefined) continue;
    if (pid === String(Deno.pid) || !exists(`/proc/${pid}`)) remove(join(runtime, name));
  }
}

async function prepare(runtime: string): Promise<GuestModules> {
  removeLeftovers(runtime);
  const folder = join(runtime, `guest-${Deno.pid}`);
  await write(folder, await makeFiles());
  addEventListener("unload", () => remove(folder));
  return { folder, entry: join(folder, GUEST), import_map: join(folder, IMPORT_MAP) };
}

/** By the folder for run-time files. */
const prepared = new Map<string, Promise<GuestModules>>();

/**
 * Prepares the modules in a folder of their own under `runtime`, the daemon's folder for run-time
 * files, where they are not there yet. They are removed when the process ends. A compiled program has
 * them in itself: undefined.
 */
export async function prepareGuestModules(runtime: string): Promise<GuestModules | undefined> {
  if (Deno.build.standalone) return undefined;
  // The guest's permissions are about the name without symbolic links.
  const path = Deno.realPathSync(runtime);
  const known = prepared.get(path);
  if (known !== undefined && exists((await known).entry)) return known;
  if (prepared.get(path) === known) {
    const made = prepare(path);
    prepared.set(path, made);
    // The next start of a guest tries again.
    made.catch(() => prepared.delete(path));
  }
  return prepared.get(path);
}
