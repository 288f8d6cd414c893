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

/** Makes a directory that only this user may enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
}
