/**
 * Units that copies may reach: a unit itself, and those that the operator has put into the same copy
 * group.
 *
 * @module
 */
import { isNamedBy } from "../scsi/copy/designator.ts";
import type { PeerUnit } from "../scsi/procedure.ts";

interface Entry {
  readonly copy_group: string | undefined;
  readonly peer: PeerUnit;
}

export class CopyPeers {
  readonly #entries = new Map<string, Entry>();

  /** A unit is served; `name` is that of its LUN. */
  add(name: string, copy_group: string | undefined, peer: PeerUnit): void {
    if (this.#entries.has(name)) throw new Error(`assertion: unit "${name}" is there already`);
    this.#entries.set(name, { copy_group, peer });
  }

  /** It is not served any more; the name may be another's by now. */
  remove(name: string, peer: PeerUnit): void {
    if (this.#entries.get(name)?.peer === peer) this.#entries.delete(name);
  }

  /**
   * What the unit of a LUN finds others by (`LogicalUnitDescription.findPeer`). It may be asked for
   * before the unit itself is added.
   */
  findFor(
    name: string,
    copy_group: string | undefined,
  ): (designator: Uint8Array) => PeerUnit | undefined {
    return (designator) => {
      const own = this.#entries.get(name);
      if (own !== undefined && isNamedBy(own.peer.unit, designator)) return own.peer;
      // An empty name is no group.
      if (copy_group === undefined || copy_group === "") return undefined;
      for (const entry of this.#entries.values()) {
        if (entry.copy_group !== copy_group) continue;
        if (isNamedBy(entry.peer.unit, designator)) return entry.peer;
      }
      return undefined;
    };
  }
}
