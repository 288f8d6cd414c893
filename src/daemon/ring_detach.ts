/** Lets go of devices: what becomes of the commands in flight, and of memory that is still in use. */
import { FileBackend } from "../backend/file_backend.ts";
import { MediaResult } from "../scsi/media.ts";
import type { Attached, RingContext } from "./ring_context.ts";

/** How long a detach waits for operations that nobody can take back (file I/O). */
const DETACH_TIMEOUT_MS = 5_000;

export class RingDetach {
  readonly #context: RingContext;
  /** Devices that are gone, but for calls of the file pool that have not returned. */
  #lingering: { isIdle: () => boolean; release: () => void }[] = [];

  constructor(context: RingContext) {
    this.#context = context;
  }

  /**
   * Takes a device off the thread. `keep` leaves what is in flight in the kernel's ring. Returns
   * whether nobody is at its memory and descriptors any more.
   */
  detach(name: string, attached: Attached, keep: boolean): boolean {
    const { device, ring } = attached;
    const { loop } = this.#context;
    // While the device is there to be answered.
    attached.store.close();
    if (keep && ring.kind === "tcmu") this.#endWithoutErrors(attached);
    else this.#endAll(attached);
    this.#context.attached.delete(name);
    // Also where its memory lingers: the LUN may be made again meanwhile.
    this.#context.peers.remove(name, device);
    loop.remove(device);
    device.close();
    const { backend } = device;
    const isIdle = () => !(backend instanceof FileBackend) || backend.idle;
    if (this.#context.settle(isIdle, DETACH_TIMEOUT_MS)) {
      attached.release();
      return true;
    }
    // A thread of the pool is in a call that does not return. Its memory and descriptor stay.
    this.#lingering.push({ isIdle, release: attached.release });
    return false;
  }

  /** Lets end what ends by itself; the rest stays in the kernel's ring, for the next daemon. */
  #endWithoutErrors({ device, sandbox }: Attached): void {
    device.quiesce();
    this.#context.loop.activate(device);
    const timeout_ms = sandbox === undefined ? DETACH_TIMEOUT_MS : 0;
    this.#context.settle(() => device.inFlight === 0, timeout_ms);
  }

  /** Ends all that is in flight and in the ring; what the handler does not answer has failed. */
  #endAll({ device, sandbox, ring }: Attached): void {
    const { loop, embedded } = this.#context;
    let drained = ring.kind !== "emulated";
    if (ring.kind === "emulated") {
      embedded.removeUnit(ring.target, ring.lun, () => drained = true);
    }
    device.resume();
    loop.activate(device);
    const ended = () => device.stopped || (drained && device.inFlight === 0);
    const alive = sandbox === undefined || sandbox.isUp;
    if (this.#context.settle(ended, alive ? DETACH_TIMEOUT_MS : 0)) return;
    // Nobody is to answer any more.
    sandbox?.abandon(MediaResult.INTERNAL);
    loop.activate(device);
    this.#context.settle(ended, sandbox === undefined ? 0 : DETACH_TIMEOUT_MS);
  }

  /** Gives back what was held for calls that have returned meanwhile. */
  sweep(): void {
    for (const { release } of this.#lingering.filter(({ isIdle }) => isIdle())) release();
    this.#lingering = this.#lingering.filter(({ isIdle }) => !isIdle());
  }
}
