/** What the kernel says when it attaches a disk of ours: nothing but what it says of a good one. */
import { shell } from "../../kernel/guest/shell.ts";
import type { Check } from "../check.ts";

/** Lines that stand for a command refused, an answer not understood, or a guess. */
const NOISE = new RegExp(
  [
    "unknown",
    "unsupported",
    "not supported",
    "TARGET_CORE",
    "sense key",
    "add\\. sense",
    "asking for cache data failed",
    "assuming drive cache",
    "no caching mode page",
    "got wrong page",
    "incomplete mode parameter",
    "failed",
    "error",
    "invalid",
    "bogus",
    "not responding",
    "optimal transfer size .* (not a multiple|>)",
  ].join("|"),
  "i",
);

/** Notes how long the log is; the function returned checks what has come since. */
export async function watchKernelLog(): Promise<(test: string) => Promise<Check>> {
  const before = (await readLog()).length;
  return async (test) => {
    const noise = findNoise((await readLog()).slice(before));
    const suite = "kernel log";
    if (noise.length === 0) return { suite, test, outcome: "passed" };
    return { suite, test, outcome: "failed", reason: noise.join("; ") };
  };
}

/** The lines that should not be there. */
export function findNoise(lines: readonly string[]): string[] {
  return lines.filter((line) => NOISE.test(line));
}

async function readLog(): Promise<string[]> {
  return (await shell("dmesg")).split("\n").filter((line) => line !== "");
}
