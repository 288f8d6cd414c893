/**
 * When a thread that serves without a pause owes the event loop a turn: by the clock, which is looked
 * at now and then only, for a look may cost as much as a small command.
 *
 * @module
 */

/** A turn is due after this time. */
const TURN_MS = 50;
/** Looks that are closer together than this are too many, and further apart than twice that too few. */
const LOOK_MS = 10;
/** Batches between two looks, at most: a handler that becomes slow all at once is late once. */
const STRIDE_MAX = 64;

/** Taken first: the handler may replace what it finds on global objects. */
const clock = Date.now;

/** See the module. */
export class TurnClock {
  readonly #now_ms: () => number;
  #turned_ms: number;
  #looked_ms: number;
  #stride = 1;
  /** Batches until the next look. */
  #left = 1;

  /** `now_ms`: any clock, which may be set. */
  constructor(now_ms: () => number = clock) {
    this.#now_ms = now_ms;
    this.#turned_ms = now_ms();
    this.#looked_ms = this.#turned_ms;
  }

  /** After each batch: whether the event loop is due. */
  isDue(): boolean {
    return --this.#left <= 0 && this.#look();
  }

  /** Whether batches take long, or come seldom: then each is looked at, and may be a small one. */
  get isSlow(): boolean {
    return this.#stride === 1;
  }

  /** The thread has slept: nobody knows for how long. */
  slept(): void {
    this.#left = 1;
  }

  /** The event loop has had its turn. */
  turned(): void {
    this.#turned_ms = this.#now_ms();
  }

  #look(): boolean {
    const now_ms = this.#now_ms();
    const apart_ms = Math.abs(now_ms - this.#looked_ms);
    if (apart_ms < LOOK_MS) this.#stride = Math.min(this.#stride * 2, STRIDE_MAX);
    else if (apart_ms > 2 * LOOK_MS) this.#stride = Math.max(1, this.#stride >> 2);
    this.#looked_ms = now_ms;
    this.#left = this.#stride;
    // Both ways: a clock that was set back must not keep the event loop waiting.
    return Math.abs(now_ms - this.#turned_ms) >= TURN_MS;
  }
}
