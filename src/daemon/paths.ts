/** Where the daemon keeps things: run-time files, and the records of its logical units. */
import { dirname, join } from "node:path";
import { OperatorError } from "./error.ts";

export interface Paths {
  /** Control socket, locks: gone after a reboot. */
  readonly runtime: string;
  /** Records of logical units: kept. */
  readonly state: string;
  /** The control socket (mode 0600). */
  readonly socket: string;
}

/**
 * Directories for this user: /run/lunette and /var/lib/lunette for root, the XDG base directories
 * for others. LUNETTE_RUNTIME_DIR and LUNETTE_STATE_DIR override them.
 */
export function defaultPaths(environment: { get(name: string): string | undefined }): Paths {
  const root = Deno.uid() === 0;
  const home = environment.get("HOME") ?? "/";
  const runtimeBase = root
    ? "/run"
    : environment.get("XDG_RUNTIME_DIR") ?? `/tmp/lunette-${Deno.uid()}`;
  const stateBase = root
    ? "/var/lib"
    : environment.get("XDG_STATE_HOME") ?? join(home, ".local", "state");
  const runtime = environment.get("LUNETTE_RUNTIME_DIR") ?? join(runtimeBase, "lunette");
  const state = environment.get("LUNETTE_STATE_DIR") ?? join(stateBase, "lunette");
  return { runtime, state, socket: join(runtime, "control.sock") };
}

/**
 * Where this user's own files lie, such as secret keys: /etc/lunette for root, the XDG base directory for
 * others. LUNETTE_CONFIG_DIR overrides it.
 */
export function configurationFolder(
  environment: { get(name: string): string | undefined },
): string {
  const base = Deno.uid() === 0
    ? "/etc"
    : environment.get("XDG_CONFIG_HOME") ?? join(environment.get("HOME") ?? "/", ".config");
  return environment.get("LUNETTE_CONFIG_DIR") ?? join(base, "lunette");
}

/** Makes a directory that only this user may enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const STICKY = 0o1000;
const ROOT = 0;
/** Who a namespace of users does not know: root, of what was mounted from outside. */
const UNKNOWN_USER = 65534;

/** Why others can put something else in the place of what lies in a folder; undefined: they cannot. */
async function exposure(path: string): Promise<string | undefined> {
  const folder = await Deno.stat(path);
  if (folder.uid !== Deno.uid()) return `${path} is the folder of user ${folder.uid}`;
  if (((folder.mode ?? 0) & (GROUP_WRITE | OTHERS_WRITE)) !== 0) {
    return `Others can write to ${path}`;
  }
  const above = dirname(path);
  const { uid, mode } = await Deno.stat(above);
  if (![Deno.uid(), ROOT, UNKNOWN_USER].includes(uid ?? -1)) {
    return `${above} is the folder of user ${uid}`;
  }
  const isOpen = ((mode ?? 0) & OTHERS_WRITE) !== 0 && ((mode ?? 0) & STICKY) === 0;
  return isOpen ? `Others can write to ${above}` : undefined;
}

/**
 * Makes the directory for run-time files: others may pass through to what lies open in it, the
 * modules of guests, which have users of their own; they may not list it. Throws an
 * {@linkcode OperatorError} where others could exchange what lies there: without XDG_RUNTIME_DIR it is
 * in /tmp, where anybody can be first.
 */
export async function makeRuntimeDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o711 });
  const problem = await exposure(await Deno.realPath(path));
  if (problem === undefined) return;
  throw new OperatorError(
    "permission",
    `Run-time files cannot be kept in ${path}: ${problem}`,
    "Set LUNETTE_RUNTIME_DIR to a folder that only this user can write to.",
  );
}
