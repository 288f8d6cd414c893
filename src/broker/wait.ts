/** Waiting with an end: a time limit, and a signal. */
import { CapabilityError } from "../plugin/mod.ts";

/** Throws the signal's reason where it is aborted. */
export function checkSignal(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason;
}

/**
 * The promise's end, or CapabilityError "timeout" where there is a limit, or the signal's reason. What
 * the promise does later is dropped: whoever waits ends the work itself.
 */
export function within<T>(
  promise: Promise<T>,
  limit_ms: number | undefined,
  signal: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {});
      return reject(signal.reason);
    }
    const aborted = () => finish(() => reject(signal.reason));
    const late = () => reject(new CapabilityError("timeout", `no end within ${limit_ms} ms`));
    const timer = limit_ms === undefined ? undefined : setTimeout(() => finish(late), limit_ms);
    const finish = (end: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      end();
    };
    signal.addEventListener("abort", aborted);
    promise.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}

/** Sleeps; rejects with the signal's reason. */
export function sleep(delay_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, delay_ms);
    signal.addEventListener("abort", end);
  });
}
