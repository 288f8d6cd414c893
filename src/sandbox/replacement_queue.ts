/** What is different for the next process of a handler, and what takes its place should it end soon. */
import { GuestError } from "./guest_error.ts";
import type { LogSink } from "./log_pipe.ts";
import type { Fallback, PendingReplacement, Replacement } from "./replacement.ts";

/** See the module; there is room for one of each. */
export class ReplacementQueue {
  readonly #log: LogSink;
  /** What is different for the next process. */
  #pending: PendingReplacement | undefined;
  #fallback: Fallback | undefined;

  constructor(log: LogSink) {
    this.#log = log;
  }

  /** What takes the place of the present process, where it ends soon. */
  set fallback(fallback: Fallback | undefined) {
    this.#fallback = fallback;
  }

  /** Why the next process is to be different; undefined where it is not. */
  get reason(): string | undefined {
    return this.#pending?.replacement.reason;
  }

  /** What came of it resolves when it serves. Throws GuestError where another one waits. */
  add(replacement: Replacement): Promise<void> {
    if (this.#pending !== undefined) throw new GuestError("The handler is being replaced");
    const outcome = Promise.withResolvers<void>();
    this.#pending = { replacement, outcome };
    return outcome.promise;
  }

  /** The present process does not serve any more: what may take its place is next. */
  fallBack(reason: string): void {
    const fallback = this.#fallback;
    this.#fallback = undefined;
    if (fallback === undefined || performance.now() >= fallback.until_ms) return;
    const outcome = Promise.withResolvers<void>();
    // Nobody waits for it: where it fails, too, the supervisor goes on as ever.
    outcome.promise.catch(() => {});
    try {
      this.#pending ??= { replacement: fallback.replacement(reason), outcome };
    } catch (error) {
      this.#log(
        "error",
        `Nothing takes its place: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** It is its turn: settle its outcome. Undefined where the next process is like the last. */
  take(): PendingReplacement | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}
