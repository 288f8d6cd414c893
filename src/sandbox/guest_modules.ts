/**
 * The modules of guests as plain JavaScript, made once for each daemon: a guest has no cache, so it
 * would take the types away at each start.
 *
 * What guests evaluate, and nothing else, is copied to a folder that others read and nobody but the
 * daemon's user writes. Lines and columns stay what they are in the sources.
 *
 * @module
 */
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));
/** What a process executes, and what handlers import as "lunette/plugin". */
const ENTRY = "sandbox/guest.ts";
const CONTRACT = "plugin/mod.ts";
const IMPORT_MAP = "import_map.json";

/** A specifier of another of our modules, where it is imported or resolved. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*|\bimport\.meta\.resolve\(\s*)"(\.[^"\n]+)\.ts"/g;

/** Paths of the prepared modules. */
export interface GuestModules {
  /** All of them lie here. */
  readonly folder: string;
  /** The module that is executed. */
  readonly entry: string;
  /** The import map that handlers need. */
  readonly import_map: string;
}

const copyOf = (name: string): string => name.replace(/\.ts$/, ".js");

/** Takes the types away; `imports` are the sources that it imports. */
function toJavaScript(name: string, source: string): { text: string; imports: string[] } {
  const imports: string[] = [];
  const text = stripTypeScriptTypes(source).replace(SPECIFIER, (_, before, path) => {
    imports.push(join(dirname(name), `${path}.ts`));
    return `${before}"${path}.js"`;
  });
  return { text, imports };
}

/** All that a guest imports, by the names of the copies. */
async function collect(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const names = new Set([ENTRY, CONTRACT]);
  // It grows while it is walked.
  for (const name of names) {
    const { text, imports } = toJavaScript(name, await Deno.readTextFile(join(SOURCES, name)));
    found.set(copyOf(name), text);
    for (const one of imports) names.add(one);
  }
  const imports = { "lunette/plugin": `./${copyOf(CONTRACT)}` };
  return found.set(IMPORT_MAP, JSON.stringify({ imports }));
}

/** The folder must not be there. Modes do not depend on the daemon's umask. */
async function write(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await Deno.mkdir(folder, { mode: 0o700 });
  const folders = new Set([folder]);
  for (const [name, text] of files) {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text, { createNew: true });
    await Deno.chmod(path, 0o644);
    for (let one = dirname(path); one !== folder; one = dirname(one)) folders.add(one);
  }
  for (const one of folders) await Deno.chmod(one, 0o755);
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
  await write(folder, await collect());
  addEventListener("unload", () => remove(folder));
  return { folder, entry: join(folder, copyOf(ENTRY)), import_map: join(folder, IMPORT_MAP) };
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
