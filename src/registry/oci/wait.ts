/** Waiting with an end: a time limit, and a signal. */
import { HttpFailure } from "./http_failure.ts";

/**
 * The promise's end, or HttpFailure "timeout" after `limit_ms`, or the signal's reason. What the promise
 * does later is dropped: whoever waits ends the work itself.
 */
export function within<T>(
  promise: Promise<T>,
  limit_ms: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const finish = (end: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      end();
    };
    const aborted = () => finish(() => reject(signal?.reason));
    const late = () => reject(new HttpFailure("timeout", "it did not answer in time"));
    const timer = setTimeout(() => finish(late), limit_ms);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    promise.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}

/** Sleeps; rejects with the signal's reason. */
export async function sleep(delay_ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delay_ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
  signal?.throwIfAborted();
}
