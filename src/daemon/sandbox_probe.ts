/** What the sandbox is like on this machine and for this user: a guest is started, and looked at. */
import { join } from "node:path";
import { openGrants } from "../sandbox/grants.ts";
import { Instance } from "../sandbox/instance.ts";
import type { LayerState } from "../sandbox/lockdown/layers.ts";
import { bindSettings } from "../sandbox/manifest.ts";
import { Reactor } from "../sys/reactor.ts";
import { resolveHandler } from "./handlers.ts";

/** Handler that came with the program, asks for memory alone, and needs no setting. */
const HANDLER = "memory";
const SIZE_BYTES = 1 << 20;

/** The layers as a guest has them, or why there is none. */
export type SandboxProbe =
  | { readonly layers: readonly LayerState[] }
  | { readonly problem: string };

/** Starts a handler's process as a daemon of this user would, and ends it. Never throws. */
export async function probeSandbox(): Promise<SandboxProbe> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-doctor-" });
  await Deno.chmod(folder, 0o711);
  const reactor = new Reactor(() => {});
  try {
    return { layers: await layersOfGuest(join(folder, "guests.lock"), reactor) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await reactor.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function layersOfGuest(lock_path: string, reactor: Reactor): Promise<readonly LayerState[]> {
  const { manifest, module, folder } = await resolveHandler(HANDLER);
  const { paths, configuration } = bindSettings(manifest, {});
  const grants = openGrants("doctor", manifest, { size_bytes: SIZE_BYTES, paths, configuration });
  try {
    const instance = await Instance.start({
      name: "doctor",
      ...{ module, folder, configuration, grants, lock_path, reactor },
      log: () => {},
      onExit: () => {},
    });
    const { layers } = instance;
    await instance.close();
    return layers;
  } finally {
    grants.close();
  }
}
