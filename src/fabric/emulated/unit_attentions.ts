/** Unit attention conditions of one I_T nexus (SAM-6 5.14). */
import type { SenseCode } from "./sense.ts";

/** A queue of sense codes for each logical unit, by the unit's index. */
export class UnitAttentions {
  readonly #queues: SenseCode[][] = [];

  /** Establishes a condition, unless the same one is pending. */
  establish(unit: number, code: SenseCode): void {
    while (this.#queues.length <= unit) this.#queues.push([]);
    const queue = this.#queues[unit];
    if (!queue.includes(code)) queue.push(code);
  }

  /** Takes the oldest condition of a unit; 0 if there is none. */
  take(unit: number): SenseCode {
    if (unit >= this.#queues.length) return 0;
    const queue = this.#queues[unit];
    return queue.length === 0 ? 0 : queue.shift() as SenseCode;
  }

  /** Clears all conditions of a unit. */
  clear(unit: number): void {
    if (unit < this.#queues.length) this.#queues[unit].length = 0;
  }

  /** Clears one condition on all units. */
  clearEverywhere(code: SenseCode): void {
    for (const queue of this.#queues) {
      const index = queue.indexOf(code);
      if (index >= 0) queue.splice(index, 1);
    }
  }
}
