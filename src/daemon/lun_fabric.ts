/** How a LUN gets its ring and becomes reachable: one implementation for each kind of fabric. */
import type { KernelTimeouts } from "../fabric/tcmu/attributes.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingSource } from "./ring_messages.ts";

/** Where a LUN can be found. */
export interface FabricAttachment {
  /** `/dev/sdX`. */
  readonly device?: string;
  readonly url?: string;
  /** `/dev/uioN`. */
  readonly uio?: string;
  /** How long the kernel waits for what is in the ring; kept true by `changed`. */
  readonly timeouts?: KernelTimeouts;
  /** What was not possible, and is no reason not to serve: sentences for the log. */
  readonly notes?: readonly string[];
}

/** What a fabric is told of the unit that it makes reachable. */
export interface UnitShape {
  readonly size_bytes: number;
  readonly block_length_bytes: number;
  /** WCE: writes may be lost by loss of power before a flush. */
  readonly writeCache: boolean;
}

/** A change that was made to a unit that is served. */
export interface FabricChange {
  /** Its new size, where the fabric shall know it. */
  readonly size_bytes?: number;
  /** The handler's deadline, where it has changed. */
  readonly deadline_ms?: number;
  /** Whether a disk of this host shall be looked at again. */
  readonly rescan: boolean;
}

export interface LunFabric {
  /**
   * Makes what the kernel or the embedded target needs, calls `attach` when the ring is there, and
   * makes the LUN reachable. On failure everything is undone; `detach` with `keep` where commands in
   * flight belong to initiators, and are repeated to the next who serves.
   */
  attach(
    record: LunRecord,
    shape: UnitShape,
    attach: (ring: RingSource) => Promise<void>,
    detach: (keep: boolean) => Promise<void>,
  ): Promise<FabricAttachment>;
  /** Tells of a change. Returns what is left to the operator, in sentences. */
  changed(
    record: LunRecord,
    attachment: FabricAttachment | undefined,
    change: FabricChange,
  ): Promise<readonly string[]>;
  /** Takes the LUN away from initiators. The ring is still served, and is detached afterwards. */
  detach(record: LunRecord, attachment: FabricAttachment | undefined): Promise<void>;
}
