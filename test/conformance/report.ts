/**
 * What a run prints at its end: a table of all checks with the peer's results beside them, and the
 * counts.
 *
 * @module
 */
import type { Outcome, PartName, ReportedCheck } from "./check.ts";

/** Checks with the same result on several units, as one line. */
interface Line {
  readonly part: PartName;
  readonly suite: string;
  readonly test: string;
  readonly units: string[];
  readonly outcome: Outcome;
  readonly reason: string;
}

const HEAD = ["part", "suite", "test", "unit", "result", "tgt", "reason"];
const REASON_LENGTH_MAX = 200;

/** The table. The peer's checks only fill a column. */
export function formatTable(
  checks: readonly ReportedCheck[],
  peers: ReadonlySet<PartName>,
): string {
  const peer = peerOutcomes(checks.filter(({ part }) => peers.has(part)));
  const ours = checks.filter(({ part }) => !peers.has(part));
  const rows = joinUnits(ours).map((line) => [
    line.part,
    line.suite,
    line.test,
    line.units.join(" "),
    line.outcome === "failed" ? "FAILED" : line.outcome,
    line.part === "embedded" ? peer.get(`${line.suite}.${line.test}`) ?? "" : "",
    line.reason.split("\n")[0].slice(0, REASON_LENGTH_MAX),
  ]);
  return align([HEAD, ...rows]);
}

function joinUnits(checks: readonly ReportedCheck[]): Line[] {
  const lines = new Map<string, Line>();
  for (const { part, suite, test, unit, outcome, reason = "" } of checks) {
    const key = JSON.stringify([part, suite, test, outcome, reason]);
    const line = lines.get(key) ?? { part, suite, test, units: [], outcome, reason };
    if (unit !== undefined) line.units.push(unit);
    lines.set(key, line);
  }
  return [...lines.values()];
}

/** The peer's worst outcome of each test on any unit; a skip counts where it passed on none. */
function peerOutcomes(checks: readonly ReportedCheck[]): Map<string, Outcome> {
  const rank: Outcome[] = ["skipped", "passed", "failed"];
  const worst = new Map<string, Outcome>();
  for (const { suite, test, outcome } of checks) {
    const name = `${suite}.${test}`;
    const before = worst.get(name) ?? "skipped";
    worst.set(name, rank.indexOf(outcome) > rank.indexOf(before) ? outcome : before);
  }
  return worst;
}

function align(rows: readonly (readonly string[])[]): string {
  const last = HEAD.length - 1;
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => column === last ? cell : cell.padEnd(widths[column])).join("  ")
      .trimEnd()
  ).join("\n");
}

/** `12 passed, 0 failed, 3 skipped`. */
export function formatCounts(checks: readonly { readonly outcome: Outcome }[]): string {
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}
