/** Runs programs in the guest, with a time limit: what hangs is a failure, not a silence. */
import { strict as assert } from "node:assert";

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsed_ms: number;
}

const TIMEOUT_DEFAULT_MS = 300_000;
const decoder = new TextDecoder();

/** Waits for a promise; throws where it takes longer. */
export async function within<T>(what: string, timeout_ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} has not ended after ${timeout_ms / 1000} s`)),
      timeout_ms,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a shell script to its end. */
export async function attempt(
  script: string,
  timeout_ms: number = TIMEOUT_DEFAULT_MS,
): Promise<Ended> {
  const began_ms = performance.now();
  const command = new Deno.Command("/bin/sh", { args: ["-ec", script], stdin: "null" });
  const output = await within(`"${firstLine(script)}"`, timeout_ms, command.output());
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
    elapsed_ms: performance.now() - began_ms,
  };
}

/** Runs a shell script that must succeed; returns what it printed. */
export async function shell(script: string, timeout_ms?: number): Promise<string> {
  const ended = await attempt(script, timeout_ms);
  assert.equal(
    ended.code,
    0,
    `"${firstLine(script)}" ended with ${ended.code}: ${ended.stderr}${ended.stdout}`.slice(
      0,
      4000,
    ),
  );
  return ended.stdout;
}

/** Waits until something is so. */
export async function until(
  what: string,
  timeout_ms: number,
  question: () => Promise<boolean> | boolean,
): Promise<void> {
  const end_ms = performance.now() + timeout_ms;
  while (!await question()) {
    assert.ok(performance.now() < end_ms, `not so after ${timeout_ms / 1000} s: ${what}`);
    await sleep(50);
  }
}

export function sleep(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms));
}

function firstLine(script: string): string {
  const lines = script.trim().split("\n");
  return lines.length === 1 ? lines[0] : `${lines[0]} ...`;
}
