/** The table on the screen. */
import { fallsShort, type Result } from "./result.ts";

const HEADINGS = ["", "value", "peer", "peer's value", "ratio", "goal"];

/** A figure with about three digits. */
export function formatFigure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, digits === 0 ? " " : "");
}

function cells(result: Result): string[] {
  const { name, value, unit, peer, peer_value, ratio, goal } = result;
  const verdict = goal === null ? "" : `${goal}${fallsShort(result) ? "  FALLS SHORT" : "  ok"}`;
  return [
    name,
    `${formatFigure(value)} ${unit}`,
    peer ?? "",
    peer_value === null ? "" : `${formatFigure(peer_value)} ${unit}`,
    ratio === null ? "" : ratio.toFixed(2),
    verdict,
  ];
}

/** The results as lines of text in columns. */
export function formatTable(results: readonly Result[]): string {
  const rows = [HEADINGS, ...results.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const right = [false, true, false, true, true, false];
  return rows.map((row) =>
    row.map((cell, column) =>
      right[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
    ).join("  ").trimEnd()
  ).join("\n");
}
