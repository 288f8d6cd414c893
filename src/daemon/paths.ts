/** Where the daemon keeps things: run-time files, and the records of its logical units. */
import { join } from "node:path";

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

/**
 * Makes the directory for run-time files: others may pass through to what lies open in it, the
 * modules of guests, which have users of their own; they may not list it.
 */
export async function makeRuntimeDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o711 });
}
