/** Who serves a device: nobody, this process or another one. */
import { closeUio, openUio, UioBusyError } from "../../sys/uio.ts";
import { type BackstoreAddress, ResetRing, resetRing } from "./actions.ts";
import { isGone, type KernelTree } from "./tree.ts";
import { findUioDevice, type UioDevice } from "./uio_devices.ts";

/**
 * Holds a device that nobody serves: as long as it is held nobody can begin to. The kernel lets one
 * process open it, so that there is no gap between looking and holding.
 */
export class UnservedDevice {
  readonly #fd: number;
  #open = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Takes hold of the device; undefined where somebody serves it. Throws `SystemError`. */
  static take(device: UioDevice): UnservedDevice | undefined {
    try {
      return new UnservedDevice(openUio(device.path));
    } catch (error) {
      if (error instanceof UioBusyError) return undefined;
      throw error;
    }
  }

  /** Makes the commands in flight fail at once. Nobody has the ring mapped, so nobody is confused. */
  static failInFlight(tree: KernelTree, backstore: BackstoreAddress): Promise<void> {
    return resetRing(tree, backstore, ResetRing.FAIL);
  }

  /** Lets go of it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeUio(this.#fd);
  }
}

/**
 * Makes the commands in flight of a device fail, if nobody serves it; returns whether that was so.
 * Behind the back of a server the ring must never be reset: it would go on where the ring was, and a
 * tail that is off an entry makes the kernel loop for ever.
 */
export async function failIfUnserved(
  tree: KernelTree,
  backstore: BackstoreAddress,
): Promise<boolean> {
  const device = await findUioDevice(tree, backstore.hba, backstore.name);
  const hold = device === undefined ? undefined : UnservedDevice.take(device);
  if (hold === undefined) return false;
  try {
    await UnservedDevice.failInFlight(tree, backstore);
    return true;
  } finally {
    hold.close();
  }
}

/**
 * Processes that have the device open, by a look through procfs which disturbs nobody. Those in
 * other process namespaces, or of other users, may be missing from it.
 */
export async function findServers(tree: KernelTree, device: UioDevice): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await tree.list(tree.paths.proc)) {
    if (/^\d+$/.test(name) && await hasOpen(tree, name, device.path)) pids.push(Number(name));
  }
  return pids;
}

async function hasOpen(tree: KernelTree, pid: string, path: string): Promise<boolean> {
  const folder = `${tree.paths.proc}/${pid}/fd`;
  try {
    for (const fd of await tree.list(folder)) {
      if (await tree.readLink(`${folder}/${fd}`) === path) return true;
    }
  } catch (error) {
    const hidden = error instanceof Deno.errors.PermissionDenied;
    if (!hidden && !isGone(error)) throw error;
  }
  return false;
}
