/** A device that another program made in the kernel: only its ring is ours. */
import { backstoreFolder } from "../fabric/tcmu/actions.ts";
import { setTimeouts, timeoutProblem } from "../fabric/tcmu/attributes.ts";
import type { Origin } from "../fabric/tcmu/discovery.ts";
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import type { UioDevice } from "../fabric/tcmu/uio_devices.ts";
import type { FabricAttachment, FabricChange, LunFabric, UnitShape } from "./lun_fabric.ts";
import { recoverRing } from "./kernel_lun_fabric.ts";
import { tellDeadline, tellSize } from "./kernel_changes.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingSource } from "./ring_messages.ts";

export class ExternalLunFabric implements LunFabric {
  readonly #tree: KernelTree;
  readonly #device: UioDevice;
  readonly #origin: Origin;

  constructor(tree: KernelTree, device: UioDevice, origin: Origin) {
    this.#tree = tree;
    this.#device = device;
    this.#origin = origin;
  }

  /** dev_size as its maker set it; 0 where none was. */
  async size_bytes(): Promise<number> {
    const folder = backstoreFolder(this.#tree, this.#device);
    return Number(await this.#tree.readIfPresent(`${folder}/attrib/dev_size`) ?? 0);
  }

  async attach(
    { deadline_ms }: LunRecord,
    _shape: UnitShape,
    attach: (ring: RingSource) => Promise<void>,
    detach: (keep: boolean) => Promise<void>,
  ): Promise<FabricAttachment> {
    const { path, length_bytes } = this.#device;
    // Whoever made it has no say in how long a handler may be away; once it is linked, we have none.
    const folder = backstoreFolder(this.#tree, this.#device);
    const timeouts = await setTimeouts(this.#tree, folder, deadline_ms);
    // A device that the kernel has just announced has a fresh ring, which it would not let us reset.
    const unblock = this.#origin === "event"
      ? undefined
      : await recoverRing(this.#tree, this.#device, this.#device);
    await attach({ kind: "tcmu", path, length_bytes });
    try {
      await unblock?.();
    } catch (error) {
      await detach(true);
      throw error;
    }
    if (timeouts === undefined) return { uio: path };
    const problem = timeoutProblem(timeouts, deadline_ms);
    return { uio: path, timeouts, ...(problem === undefined ? {} : { notes: [problem] }) };
  }

  async changed(
    _record: LunRecord,
    attachment: FabricAttachment | undefined,
    { size_bytes, deadline_ms }: FabricChange,
  ): Promise<readonly string[]> {
    return [
      ...await tellSize(this.#tree, this.#device, size_bytes),
      ...await tellDeadline(this.#tree, this.#device, attachment ?? {}, deadline_ms),
    ];
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }
}
