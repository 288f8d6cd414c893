/** Waiting for the kernel, always with an end. */
import { FabricError } from "./error.ts";

/** Resolves after `delay_ms`. */
export function sleep(delay_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay_ms));
}

/**
 * Asks again and again until the answer is not undefined. Returns undefined when `timeout_ms` have
 * passed; the last question is asked after that.
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  timeout_ms: number,
  interval_ms = 20,
): Promise<T | undefined> {
  const end_ms = performance.now() + timeout_ms;
  for (;;) {
    const late = performance.now() >= end_ms;
    const answer = await ask();
    if (answer !== undefined || late) return answer;
    await sleep(interval_ms);
  }
}

/**
 * Waits for an operation that may block in the kernel, at most `timeout_ms`. On timeout it throws a
 * {@linkcode FabricError} of kind "timeout"; the operation itself cannot be taken back and goes on.
 */
export async function withDeadline<T>(
  operation: Promise<T>,
  timeout_ms: number,
  what: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new FabricError("timeout", `Cannot ${what}: no end after ${timeout_ms} ms`)),
      timeout_ms,
    );
  });
  // Whoever gave up no longer listens for a late failure.
  operation.catch(() => {});
  try {
    return await Promise.race([operation, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs `action` every `interval_ms` until `operation` has ended, for the first time after `delay_ms`;
 * failures of `action` are ignored.
 */
export async function nudgeUntil<T>(
  operation: Promise<T>,
  action: () => Promise<unknown>,
  interval_ms: number,
  delay_ms = 0,
): Promise<T> {
  const begin_ms = performance.now() + delay_ms;
  let running: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    if (performance.now() < begin_ms) return;
    running ??= Promise.resolve().then(action).catch(() => {}).finally(() => running = undefined);
  }, interval_ms);
  try {
    return await operation;
  } finally {
    clearInterval(timer);
    await running;
  }
}
