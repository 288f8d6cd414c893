/**
 * Which handler processes may start now. A start takes a processor for a tenth of a second or more:
 * handlers that crash in a loop must not take them from those that serve, or that start in earnest.
 *
 * @module
 */

/** A start that takes longer than this waits for something else: it no longer counts. */
const SLOT_MS = 2_000;
/** Between two starts of handlers that keep ending, from the beginning of one to the next. */
const LOOPING_GAP_MS = 100;

/** Starts of one kind: at most `width` at a time, and `gap_ms` apart. */
class Lane {
  readonly #width: number;
  readonly #gap_ms: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #next_ms = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(width: number, gap_ms: number) {
    this.#width = width;
    this.#gap_ms = gap_ms;
  }

  /** Waits for a place. Returns how to give it back, which happens by itself after SLOT_MS. */
  async enter(signal: AbortSignal): Promise<() => void> {
    const counted = await new Promise<boolean>((resolve) => {
      if (signal.aborted) return resolve(false);
      const begin = () => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        resolve(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(begin);
      this.#advance();
    });
    return counted ? this.#hold() : () => {};
  }

  /** The place was counted by {@linkcode #advance}. */
  #hold(): () => void {
    let held = true;
    const give = () => {
      if (!held) return;
      held = false;
      clearTimeout(timer);
      this.#running--;
      this.#advance();
    };
    const timer = setTimeout(give, SLOT_MS);
    return give;
  }

  #advance(): void {
    if (this.#timer !== undefined) return;
    while (this.#running < this.#width && this.#waiting.length > 0) {
      const wait_ms = this.#next_ms - performance.now();
      if (wait_ms > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#advance();
        }, wait_ms);
        return;
      }
      this.#next_ms = performance.now() + this.#gap_ms;
      this.#running++;
      (this.#waiting.shift() as () => void)();
    }
  }
}

/** One for all handlers of a daemon. */
export class StartGate {
  readonly #first: Lane;
  readonly #looping: Lane;

  /** `width`: starts at a time; default as many as there are processors, and at least two. */
  constructor(
    width: number = Math.max(2, navigator.hardwareConcurrency),
    gap_ms = LOOPING_GAP_MS,
  ) {
    this.#first = new Lane(width, 0);
    this.#looping = new Lane(1, gap_ms);
  }

  /**
   * Runs `start` when it is its turn. `looping`: the handler has failed more than once lately, so
   * that it waits behind its like, one at a time. An abort ends the waiting; `start` is called then,
   * too, and has to see for itself.
   */
  async run<T>(looping: boolean, signal: AbortSignal, start: () => Promise<T>): Promise<T> {
    const give = await (looping ? this.#looping : this.#first).enter(signal);
    try {
      return await start();
    } finally {
      give();
    }
  }
}
