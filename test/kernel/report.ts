/**
 * What the suite prints at its end.
 *
 * @module
 */
import type { Row } from "./rigs.ts";

/** A table of all that ran: one line for each scenario on each rig. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.rig,
    row.scenario,
    row.outcome,
    `${(row.elapsed_ms / 1000).toFixed(0)} s`,
    row.outcome === "passed" ? row.figures.join("; ") : firstLine(row.reason ?? ""),
  ]);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...cells.map((line) => line[column].length))
  );
  return cells.map((line) =>
    line.map((cell, column) => column < 4 ? cell.padEnd(widths[column]) : cell).join("  ").trimEnd()
  ).join("\n");
}

/** The closing line. */
export function formatSummary(rows: readonly Row[]): string {
  const count = (outcome: Row["outcome"]) => rows.filter((row) => row.outcome === outcome).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0].slice(0, 160);
}
