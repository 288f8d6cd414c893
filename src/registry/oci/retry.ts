/** Trying again: a bounded number of times, after pauses that grow and differ. */
import { HttpFailure } from "./http_failure.ts";
import type { HttpAnswer } from "./http_transport.ts";
import type { NetworkLimits } from "./network_limit.ts";
import { sleep } from "./wait.ts";

const SECONDS = /^\d{1,9}$/;
/** Too Many Requests, and what passes by itself. */
const BUSY: readonly number[] = [408, 429, 500, 502, 503, 504];

/** Whether an answer may be another one later. */
export function isBusy(status: number): boolean {
  return BUSY.includes(status);
}

/** Milliseconds until the time that Retry-After names (RFC 9110 10.2.3); undefined without. */
export function retryAfter(header: string | undefined, now_ms: number): number | undefined {
  if (header === undefined) return undefined;
  if (SECONDS.test(header)) return Number(header) * 1000;
  const time_ms = Date.parse(header);
  return Number.isNaN(time_ms) ? undefined : Math.max(0, time_ms - now_ms);
}

/** The pause before try `attempt`, from 1: half of it is left to chance, so that clients spread. */
export function backoff(attempt: number, limits: NetworkLimits, random = Math.random): number {
  const full = Math.min(limits.backoff_ms * 2 ** (attempt - 1), limits.backoff_max_ms);
  return full / 2 + random() * full / 2;
}

/**
 * Does one exchange, and again where the connection broke or the other side is busy. Returns the last
 * answer, whatever it says; throws HttpFailure, or the signal's reason.
 */
export async function retrying(
  limits: NetworkLimits,
  signal: AbortSignal | undefined,
  exchange: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  for (let attempt = 1;; attempt++) {
    let asked_ms: number | undefined;
    try {
      const answer = await exchange();
      if (!isBusy(answer.status) || attempt >= limits.attempts_count) return answer;
      asked_ms = retryAfter(answer.headers["retry-after"], Date.now());
      if ((asked_ms ?? 0) > limits.retry_after_max_ms) return answer;
      answer.body.cancel();
    } catch (error) {
      const again = error instanceof HttpFailure && error.transient;
      if (!again || attempt >= limits.attempts_count) throw error;
    }
    await sleep(Math.max(asked_ms ?? 0, backoff(attempt, limits)), signal);
  }
}
