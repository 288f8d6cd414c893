/**
 * The table of SECURITY.md: which layers stop which family of attacks.
 *
 * @module
 */
import type { Family } from "./family.ts";
import { observedLayers } from "./observed_layers.ts";

/** Around the table. */
export const BEGIN = "<!-- families: `deno test test/sandbox` compares -->";
export const END = "<!-- end of families -->";

/** The lines between, as `deno fmt` has them. */
export function securityTable(families: readonly Family[]): string {
  const rows = families.map(({ number, title }) => [
    String(number),
    title,
    (observedLayers[number] ?? []).join("; "),
  ]);
  const head = ["family", "attack", "stopped by"];
  const widths = head.map((text, column) =>
    Math.max(text.length, ...rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** The table that stands in a text; undefined where there is none. */
export function tableIn(text: string): string | undefined {
  const [, rest] = text.split(BEGIN);
  return rest?.split(END)[0].trim();
}
