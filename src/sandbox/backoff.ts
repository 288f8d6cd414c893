/** How long to wait before a handler is started again. */

/** The second restart waits this long, each further one twice as long. */
export const BACKOFF_FIRST_MS = 100;
export const BACKOFF_MAX_MS = 5_000;
/** A process that served for so long is healthy: the count starts anew. */
export const HEALTHY_MS = 60_000;

/** The first restart comes at once, the next after 100 ms, then doubling up to 5 s. */
export class Backoff {
  readonly #first_ms: number;
  readonly #max_ms: number;
  readonly #healthy_ms: number;
  #failures = 0;
  #started_ms = 0;

  constructor(first_ms = BACKOFF_FIRST_MS, max_ms = BACKOFF_MAX_MS, healthy_ms = HEALTHY_MS) {
    this.#first_ms = first_ms;
    this.#max_ms = max_ms;
    this.#healthy_ms = healthy_ms;
  }

  /** Failures in a row without a healthy time. */
  get failures(): number {
    return this.#failures;
  }

  /** A process has begun to serve. */
  started(now_ms: number): void {
    this.#started_ms = now_ms;
  }

  /** The process that ended had served: the next start is due after the first delay at most. */
  progressed(): void {
    this.#failures = Math.min(this.#failures, 1);
  }

  /** A process that served has ended, or one did not start. Returns milliseconds to wait. */
  failed(now_ms: number): number {
    if (this.#started_ms > 0 && now_ms - this.#started_ms >= this.#healthy_ms) this.#failures = 0;
    this.#started_ms = 0;
    this.#failures++;
    if (this.#failures === 1) return 0;
    return Math.min(this.#first_ms * 2 ** (this.#failures - 2), this.#max_ms);
  }
}
