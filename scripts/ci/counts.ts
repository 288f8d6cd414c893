/**
 * Reads how many tests passed out of what test programs print.
 *
 * @module
 */

/** Numbers of tests, or of other things that passed or failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A program whose summary can be read. */
export type Dialect = keyof typeof PATTERNS;

/** Groups: passed, failed, skipped. A summary may come several times. */
const PATTERNS = {
  /** `ok | 998 passed (3 steps) | 0 failed | 7 ignored (32s)` */
  deno: /^(?:ok|FAILED) \| (\d+) passed[^|\n]*\| (\d+) failed[^|\n]*(?:\| (\d+) ignored)?/gm,
  /** `test result: ok. 12 passed; 0 failed; 1 ignored; ...` */
  cargo: /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  /** `31 passed, 0 failed, 1 skipped` */
  plain: /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm,
  /** scripts/ok.ts: `--- lint: ok (1.2 s)` */
  steps: /^--- .*: (?:(ok)|(FAILED)) \([\d.]+ s\)$|^--- .*: (left out), /gm,
} as const;

/** The sum of all summaries in the text; undefined where there is none. */
export function readCounts(dialect: Dialect, text: string): Counts | undefined {
  const matches = [...withoutColour(text).matchAll(PATTERNS[dialect])];
  if (matches.length === 0) return undefined;
  const add = (group: number) => matches.reduce((sum, match) => sum + valueOf(match[group]), 0);
  return { passed: add(1), failed: add(2), skipped: add(3) };
}

/** Adds counts up. */
export function sumCounts(all: readonly Counts[]): Counts {
  return all.reduce((one, other) => ({
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  }), { passed: 0, failed: 0, skipped: 0 });
}

/** `12 passed, 0 failed`, and what was skipped where anything was. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

/** A number stands for itself, a word for one. */
function valueOf(group: string | undefined): number {
  if (group === undefined) return 0;
  return /^\d+$/.test(group) ? Number(group) : 1;
}

function withoutColour(text: string): string {
  // deno-lint-ignore no-control-regex -- colours begin with one
  return text.replace(/\x1b\[[0-9;]*m/g, "");
}
