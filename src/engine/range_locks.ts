/**
 * Keeps commands apart from those that must be alone on their range (`exclusive` in the table of
 * operation codes). A lock is taken when such a command arrives: from then on nothing new begins
 * there, so that it gets its turn once what runs already has ended.
 */
import { type MediumRange, overlap } from "../scsi/medium_range.ts";

export class RangeLocks {
  readonly #locks = new Map<number, MediumRange>();

  get size(): number {
    return this.#locks.size;
  }

  /** Whether a command other than that of `slot` has a lock that overlaps the range. */
  blocks(range: MediumRange, slot: number): boolean {
    for (const [owner, lock] of this.#locks) {
      if (owner !== slot && overlap(lock, range)) return true;
    }
    return false;
  }

  take(slot: number, range: MediumRange): void {
    this.#locks.set(slot, range);
  }

  /** Gives a lock back; returns whether there was one. */
  release(slot: number): boolean {
    return this.#locks.delete(slot);
  }
}
