/**
 * What a run prints: a table of the families, what went wrong, and the counts.
 *
 * @module
 */
import type { FamilyResult } from "./family.ts";
import { observedLayers } from "./observed_layers.ts";

const HEAD = [
  "",
  "family",
  "user",
  "contained",
  "stopped by",
  "victim p99 ms",
  "max ms",
  "s",
  "result",
];

/** The table. */
export function formatTable(results: readonly FamilyResult[]): string {
  return align([HEAD, ...results.map(row)]);
}

function row(result: FamilyResult): string[] {
  const { attempts, usual, during, outcome, reason } = result;
  const contained = attempts.filter((attempt) => attempt.contained).length;
  return [
    result.number === 0 ? "" : String(result.number),
    result.title,
    result.user,
    attempts.length === 0 ? "" : `${contained}/${attempts.length}`,
    formatLayers(result),
    usual === undefined || during === undefined
      ? ""
      : `${usual.p99_ms.toFixed(1)} > ${during.p99_ms.toFixed(1)}`,
    during === undefined ? "" : during.max_ms.toFixed(0),
    outcome === "skipped" ? "" : (result.elapsed_ms / 1000).toFixed(1),
    outcome === "skipped" ? `skipped: ${reason}` : outcome === "failed" ? "FAILED" : outcome,
  ];
}

/** "Deno permission 12, seccomp kill 3". */
function formatLayers({ attempts }: FamilyResult): string {
  const counts = new Map<string, number>();
  for (const { layer } of attempts) {
    if (layer !== undefined) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** What was not contained, and what else was wrong. */
export function formatFailures(results: readonly FamilyResult[]): string {
  return results.filter(({ outcome }) => outcome === "failed").flatMap((result) => [
    `${result.number} ${result.title} (${result.user}):`,
    ...result.attempts.filter(({ contained }) => !contained).map(({ name, text }) =>
      `  ${name}: ${text}`
    ),
    ...result.problems.map((problem) => `  ${problem}`),
  ]).join("\n");
}

/** Layers that were seen, and of which SECURITY.md does not know for their family; "" for none. */
export function formatNews(results: readonly FamilyResult[]): string {
  const news = results.flatMap(({ number, attempts }) => {
    const known = observedLayers[number] ?? [];
    return attempts.flatMap(({ layer }) =>
      layer === undefined || known.includes(layer) ? [] : [`${number}: ${layer}`]
    );
  });
  if (news.length === 0) return "";
  return `observed_layers.ts does not name ${[...new Set(news)].join(", ")}`;
}

/** `12 passed, 0 failed, 3 skipped`. */
export function formatCounts(results: readonly FamilyResult[]): string {
  const count = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells) =>
    cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  )
    .join("\n");
}
