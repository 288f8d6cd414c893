/**
 * Users for guests, where the daemon is root: each process has a user that no other has, so that
 * guests cannot reach each other. Nobody else uses numbers of this range: it lies above those of
 * people and containers and below 2^31 (systemd, "Users, Groups, UIDs and GIDs").
 *
 * @module
 */

/** Users from `first` on, `count` of them. */
export interface UserRange {
  readonly first: number;
  readonly count: number;
}

/** Where an operator gave no other. */
export const USER_RANGE_DEFAULT: UserRange = { first: 2_000_000_000, count: 147_000_000 };

/** Above it, numbers have a meaning of their own, or are negative to somebody. */
const UID_END = 2 ** 31;

/** Checks a range. Throws RangeError. */
export function checkUserRange({ first, count }: UserRange): void {
  const whole = Number.isInteger(first) && Number.isInteger(count);
  if (!whole || first < 1 || count < 1 || first + count > UID_END) {
    throw new RangeError(`Cannot take ${count} users from ${first} on: give 1 to 2^31`);
  }
}

function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Hands out users at random: two daemons on a machine, which do not know of each other, then hardly
 * ever take the same.
 */
export class UserIds {
  readonly #range: UserRange;
  /** Process by user. */
  readonly #held = new Map<number, number>();
  readonly #isAlive: (pid: number) => boolean;

  constructor(range: UserRange = USER_RANGE_DEFAULT, alive: (pid: number) => boolean = isAlive) {
    checkUserRange(range);
    this.#range = range;
    this.#isAlive = alive;
  }

  /** A user that no process of this daemon has; `hold` it. Throws where all are taken. */
  take(): number {
    const { first, count } = this.#range;
    const start = crypto.getRandomValues(new Uint32Array(1))[0] % count;
    for (let step = 0; step < count; step++) {
      const uid = first + (start + step) % count;
      const pid = this.#held.get(uid);
      if (pid === undefined || !this.#isAlive(pid)) return uid;
    }
    throw new Error(`All ${count} users for handlers from ${first} on are taken`);
  }

  /** The process that has the user from here on; when it has ended, another may take it. */
  hold(uid: number, pid: number): void {
    for (const [other, held] of this.#held) if (!this.#isAlive(held)) this.#held.delete(other);
    this.#held.set(uid, pid);
  }
}
