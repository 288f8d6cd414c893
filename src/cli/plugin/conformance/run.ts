/** Runs all checks on a handler. */
import { Bench, type BenchOptions } from "./bench.ts";
import { type Check, Skipped } from "./check.ts";
import { claimedCommands } from "./checks/commands.ts";
import {
  anyOrder,
  beyondTheEnd,
  blocksAreTheirOwn,
  boundaries,
  concurrency,
  describesItself,
  readsAreStable,
} from "./checks/data.ts";
import {
  leaks,
  opensAgain,
  starts,
  survivesKill,
  survivesKillUnderLoad,
  survivesRestart,
  writeProtection,
} from "./checks/endurance.ts";
import { libiscsi } from "./checks/libiscsi.ts";
import { discards, extents, resizes, writesZeroes } from "./checks/space.ts";
import { Random } from "./random.ts";

/** All checks, in the order in which they run: what is simple first. */
export const CHECKS: readonly Check[] = [
  starts,
  describesItself,
  readsAreStable,
  blocksAreTheirOwn,
  boundaries,
  beyondTheEnd,
  anyOrder,
  concurrency,
  discards,
  writesZeroes,
  extents,
  resizes,
  claimedCommands,
  writeProtection,
  survivesRestart,
  survivesKill,
  survivesKillUnderLoad,
  opensAgain,
  leaks,
  libiscsi,
];

/** What came of a check. */
export interface CheckResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped, or a remark; may be empty. */
  readonly detail: string;
  readonly elapsed_ms: number;
  /** What handler and daemon said last, where it failed. */
  readonly log?: readonly string[];
}

/** What came of all. */
export interface Report {
  readonly id: string;
  readonly version: string;
  /** The same seed tries the same. */
  readonly seed: number;
  readonly quick: boolean;
  readonly results: readonly CheckResult[];
}

/** How to run them. */
export interface RunOptions extends BenchOptions {
  readonly seed: number;
  readonly quick: boolean;
  /** Default: all. */
  readonly checks?: readonly Check[];
  readonly signal?: AbortSignal;
  /** Called before each check. */
  readonly onCheck?: (name: string, number: number, count: number) => void;
}

/** What is not tried where the first check has failed: most likely all others would fail alike. */
function notTried({ name }: Check, { name: first }: Check): CheckResult {
  const detail = `not tried, as "${first}" failed`;
  return { name, outcome: "skipped", detail, elapsed_ms: 0 };
}

async function runCheck(bench: Bench, check: Check, options: RunOptions): Promise<CheckResult> {
  const { seed, quick } = options;
  const began_ms = performance.now();
  bench.said.length = 0;
  const result = (outcome: CheckResult["outcome"], detail: string): CheckResult => ({
    name: check.name,
    outcome,
    detail,
    elapsed_ms: performance.now() - began_ms,
    ...(outcome === "failed" ? { log: bench.said.slice(-8) } : {}),
  });
  try {
    const unit = await bench.serve();
    const random = new Random(seed);
    return result("passed", await check.run({ bench, unit, random, quick }) ?? "");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return result(error instanceof Skipped ? "skipped" : "failed", message);
  } finally {
    await bench.remove().catch(() => {});
  }
}

/** Packs a handler, and runs the checks on it. Throws RegistryError where it cannot be packed. */
export async function runChecks(options: RunOptions): Promise<Report> {
  const { checks = CHECKS, seed, quick, signal, onCheck } = options;
  const bench = await Bench.open(options);
  const results: CheckResult[] = [];
  try {
    for (const [index, check] of checks.entries()) {
      signal?.throwIfAborted();
      onCheck?.(check.name, index + 1, checks.length);
      const hopeless = results[0]?.outcome === "failed" && checks[0] === starts;
      results.push(hopeless ? notTried(check, starts) : await runCheck(bench, check, options));
    }
    const { id, version } = bench.manifest;
    return { id, version, seed, quick, results };
  } finally {
    await bench.close();
  }
}
