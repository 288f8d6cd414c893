/** How a LUN gets its ring and becomes reachable: one implementation for each kind of fabric. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingSource } from "./ring_messages.ts";

/** Where a LUN can be found. */
export interface FabricAttachment {
  /** `/dev/sdX`. */
  readonly device?: string;
  readonly url?: string;
  /** `/dev/uioN`. */
  readonly uio?: string;
}

export interface LunFabric {
  /**
   * Makes what the kernel or the embedded target needs, calls `attach` when the ring is there, and
   * makes the LUN reachable. On failure everything is undone.
   */
  attach(
    record: LunRecord,
    volume: VolumeFeatures,
    attach: (ring: RingSource) => Promise<void>,
    detach: () => Promise<void>,
  ): Promise<FabricAttachment>;
  /** Takes the LUN away from initiators. The ring is still served, and is detached afterwards. */
  detach(record: LunRecord, attachment: FabricAttachment | undefined): Promise<void>;
}
