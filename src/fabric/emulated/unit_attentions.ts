/** Unit attention conditions of one I_T nexus (SAM-5 5.14). */
import { ATTENTION_COUNT_MAX } from "./limits.ts";
import { Sense, type SenseCode } from "./sense.ts";

/** Sense key and additional sense code of all that a reset or a loss of the nexus establishes. */
const RESET = 0x0629;

/** Whether a condition is one of a reset, or of a loss of the nexus. */
function isReset(code: SenseCode): boolean {
  return code >>> 8 === RESET;
}

/**
 * Power on says more than a hard reset, that more than the reset of a logical unit, and that more
 * than the loss of a nexus (SAM-5 5.14.2): 0 is most.
 */
function rank(code: SenseCode): number {
  switch (code & 0xff) {
    case 0x00:
    case 0x01:
      return 0;
    case 0x02:
      return 1;
    case 0x07:
      return 3;
    default:
      return 2;
  }
}

/** A queue of sense codes for each logical unit, by the unit's index. */
export class UnitAttentions {
  readonly #queues: SenseCode[][] = [];

  /**
   * Establishes a condition, unless the same one is pending. Those of resets come first, and only
   * the one that says most is kept. Where too many wait, the newest is given up.
   */
  establish(unit: number, code: SenseCode): void {
    while (this.#queues.length <= unit) this.#queues.push([]);
    const queue = this.#queues[unit];
    if (queue.includes(code)) return;
    if (!isReset(code)) {
      if (queue.length < ATTENTION_COUNT_MAX) queue.push(code);
      return;
    }
    if (queue.length === 0 || !isReset(queue[0])) queue.unshift(code);
    else if (rank(code) < rank(queue[0])) queue[0] = code;
    if (queue.length > ATTENTION_COUNT_MAX) queue.pop();
  }

  /** Takes the first condition of a unit; 0 if there is none. */
  take(unit: number): SenseCode {
    if (unit >= this.#queues.length) return 0;
    const queue = this.#queues[unit];
    return queue.length === 0 ? 0 : queue.shift() as SenseCode;
  }

  /** Whether a unit owes word of a reset that says more than the loss of the nexus. */
  hasReset(unit: number): boolean {
    const [first] = this.#queues[unit] ?? [];
    return first !== undefined && isReset(first) && rank(first) < rank(Sense.ATTENTION_NEXUS_LOSS);
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
