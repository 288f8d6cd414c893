/**
 * PREVENT ALLOW MEDIUM REMOVAL (SBC-4 5.15): each I_T nexus prevents for itself, and the medium can
 * be removed once none does.
 */
import type { LogicalUnit as ScsiUnit } from "../../scsi/logical_unit.ts";
import type { EmulatedNexus } from "./nexus.ts";

export const PREVENT_ALLOW_MEDIUM_REMOVAL = 0x1e;

export class MediumRemoval {
  readonly #unit: ScsiUnit | undefined;
  readonly #preventing = new Set<EmulatedNexus>();

  constructor(unit: ScsiUnit | undefined) {
    this.#unit = unit;
  }

  /** A command of a nexus has ended well. */
  changed(nexus: EmulatedNexus, cdb: Uint8Array): void {
    if ((cdb[4] & 0x01) !== 0) this.#preventing.add(nexus);
    else this.#preventing.delete(nexus);
    this.#tell();
  }

  /** A nexus prevents no more: it is lost, or was preempted. */
  allow(nexus: EmulatedNexus): void {
    if (this.#preventing.delete(nexus)) this.#tell();
  }

  /** Nobody prevents any more: a reset. */
  allowAll(): void {
    this.#preventing.clear();
    this.#tell();
  }

  #tell(): void {
    if (this.#unit !== undefined) this.#unit.removalPrevented = this.#preventing.size > 0;
  }
}
