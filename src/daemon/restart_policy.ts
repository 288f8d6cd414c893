/** When a handler is started again: at once, then with growing pauses. */

const FIRST_PAUSE_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** A handler that has run this long is healthy: the next restart is at once again. */
const HEALTHY_MS = 60_000;

export interface RestartPolicy {
  /** Waits until the next start is due. */
  wait(): Promise<void>;
  /** A start has succeeded. */
  started(): void;
  /** Ends a wait at once. */
  cancel(): void;
}

/** A fresh policy; `now_ms` can be replaced for tests. */
export function restartPolicy(now_ms: () => number = () => performance.now()): RestartPolicy {
  let pause_ms = 0;
  let healthySince_ms = now_ms();
  let wake: (() => void) | undefined;
  let cancelled = false;
  return {
    wait() {
      if (now_ms() - healthySince_ms > HEALTHY_MS) pause_ms = 0;
      healthySince_ms = now_ms();
      const present_ms = pause_ms;
      pause_ms = Math.min(Math.max(pause_ms * 2, FIRST_PAUSE_MS), PAUSE_MAX_MS);
      if (present_ms === 0 || cancelled) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, present_ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    started() {
      healthySince_ms = now_ms();
    },
    cancel() {
      cancelled = true;
      wake?.();
    },
  };
}
