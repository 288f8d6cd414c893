/**
 * How long to wait before a handler is started again, and when to stop making commands wait for it:
 * a circuit breaker.
 *
 * - "closed": it is started again soon, and commands wait.
 * - "open": it has failed so often in a row, and served nothing meanwhile, that commands end at once.
 *   A process is started now and then, to see whether it serves (half open).
 * - "failed": that has failed often, too. Initiators are told that the unit is broken. Processes are
 *   still started, rarely.
 *
 * @module
 */

/** The second restart waits this long, each further one twice as long. */
export const BACKOFF_FIRST_MS = 100;
export const BACKOFF_MAX_MS = 5_000;
/**
 * Between two starts of a handler whose processes answer commands before they end: they are no use
 * to anybody if they come faster, and a start takes a processor for a tenth of a second.
 */
export const PROGRESS_INTERVAL_MS = 250;
/** A process that served for less has others of its like before it: it starts behind those. */
const SHORT_MS = 1_000;
/** A process that served for so long is healthy: the count starts anew. */
export const HEALTHY_MS = 60_000;
/** Failures in a row that open the breaker: some ten seconds of trying. */
export const FAILURES_BEFORE_OPEN = 8;
/** The first try with an open breaker comes after this time, each further one after twice as long. */
export const PROBE_FIRST_MS = 10_000;
export const PROBE_MAX_MS = 300_000;
/** Tries in vain after which the unit counts as broken: five minutes after the breaker opened. */
export const PROBES_BEFORE_FAILED = 5;

/** State of the circuit breaker; see the module. */
export type BreakerState = "closed" | "open" | "failed";

/** Times that differ from those of the module. */
export interface BackoffOptions {
  readonly first_ms?: number;
  readonly max_ms?: number;
  readonly healthy_ms?: number;
  readonly probe_first_ms?: number;
  readonly probe_max_ms?: number;
}

/**
 * The first restart comes at once, the next after 100 ms, then doubling up to 5 s. The count begins
 * anew with each process that has answered something.
 */
export class Backoff {
  readonly #first_ms: number;
  readonly #max_ms: number;
  readonly #healthy_ms: number;
  readonly #probe_first_ms: number;
  readonly #probe_max_ms: number;
  #failures = 0;
  #started_ms = 0;
  /** When the last start was due. */
  #due_ms = -Infinity;
  #progressed = false;
  #isLooping = false;

  constructor(options: BackoffOptions = {}) {
    this.#first_ms = options.first_ms ?? BACKOFF_FIRST_MS;
    this.#max_ms = options.max_ms ?? BACKOFF_MAX_MS;
    this.#healthy_ms = options.healthy_ms ?? HEALTHY_MS;
    this.#probe_first_ms = options.probe_first_ms ?? PROBE_FIRST_MS;
    this.#probe_max_ms = options.probe_max_ms ?? PROBE_MAX_MS;
  }

  /** Failures in a row without a healthy time. */
  get failures(): number {
    return this.#failures;
  }

  get state(): BreakerState {
    if (this.#failures < FAILURES_BEFORE_OPEN) return "closed";
    return this.#failures < FAILURES_BEFORE_OPEN + PROBES_BEFORE_FAILED ? "open" : "failed";
  }

  /** A process has begun to serve. */
  started(now_ms: number): void {
    this.#started_ms = now_ms;
  }

  /** Whether its processes end soon, one after the other: its starts wait behind their like. */
  get isLooping(): boolean {
    return this.#isLooping;
  }

  /** The process that ended had answered something. */
  progressed(): void {
    this.#failures = Math.min(this.#failures, 1);
    this.#progressed = true;
  }

  /** The operator has a reason to believe that it will serve. */
  reset(): void {
    this.#failures = 0;
    this.#isLooping = false;
  }

  /** A process that served has ended, or one did not start. Returns milliseconds to wait. */
  failed(now_ms: number): number {
    const served_ms = this.#started_ms > 0 ? now_ms - this.#started_ms : 0;
    // An operator may have had it started before it was due.
    const begun_ms = Math.min(this.#due_ms, this.#started_ms);
    this.#started_ms = 0;
    if (served_ms >= this.#healthy_ms || this.#progressed) this.#failures = 0;
    this.#failures++;
    this.#isLooping = this.#failures > 1 || (this.#progressed && served_ms < SHORT_MS);
    const delay_ms = this.#progressed
      ? Math.max(0, begun_ms + PROGRESS_INTERVAL_MS - now_ms)
      : this.#delay_ms();
    this.#progressed = false;
    this.#due_ms = now_ms + delay_ms;
    return delay_ms;
  }

  #delay_ms(): number {
    if (this.#failures === 1) return 0;
    const probes = this.#failures - FAILURES_BEFORE_OPEN;
    if (probes >= 0) return Math.min(this.#probe_first_ms * 2 ** probes, this.#probe_max_ms);
    return Math.min(this.#first_ms * 2 ** (this.#failures - 2), this.#max_ms);
  }
}
