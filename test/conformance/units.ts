/** The kinds of logical unit that the suites are run on. */
import type { ListedTest } from "./libiscsi/parse.ts";

/** A kind of logical unit. */
export interface UnitKind {
  readonly name: string;
  readonly handler: string;
  /** Options of `lunette create`. */
  readonly options?: readonly string[];
  /** Matches "Suite.Test" of what is run on it; default all. */
  readonly tests?: RegExp;
  /** Time that the program has for a suite; default a long one. */
  readonly timeout_ms?: number;
  /** Left out, whatever `tests` says. */
  readonly except?: RegExp;
}

export const UNIT_SIZE_BYTES = 64 << 20;

/** Options of `lunette create` for a unit of the kind. */
export function createOptions({ handler, options = [] }: UnitKind): string[] {
  return ["--handler", handler, "--size", `${UNIT_SIZE_BYTES}`, ...options];
}

const SLOW_HANDLER = new URL("handlers/slow", import.meta.url).pathname;

/** A sanitize operation must still be under way when the test asks: only the slow unit's is. */
const LASTS = /^Sanitize\.Reset$/;

/** All kinds. Tests are skipped where a unit is of the wrong kind; each must pass on one. */
export const UNIT_KINDS: readonly UnitKind[] = [
  { name: "512", handler: "memory", except: LASTS },
  {
    name: "512e",
    handler: "memory",
    options: ["--physical-block-size", "4096"],
    except: LASTS,
  },
  { name: "4096", handler: "memory", options: ["--block-size", "4096"], except: LASTS },
  {
    name: "removable",
    handler: "memory",
    options: ["--removable"],
    tests: /^(PreventAllow|StartStopUnit|NoMedia|TestUnitReady|Mandatory|Inquiry|ModeSense6)\./,
  },
  {
    name: "read-only",
    handler: "memory",
    options: ["--read-only"],
    tests: /^(ReadOnly|Inquiry|Mandatory|TestUnitReady|ReadCapacity1[06]|Read(6|10|12|16))\./,
  },
  { name: "slow", handler: SLOW_HANDLER, tests: LASTS, timeout_ms: 30_000 },
];

/** The tests that are run on a unit. */
export function testsFor(kind: UnitKind, all: readonly ListedTest[]): ListedTest[] {
  return all.filter(({ suite, test }) => {
    const name = `${suite}.${test}`;
    return (kind.tests?.test(name) ?? true) && kind.except?.test(name) !== true;
  });
}
