/**
 * Turns what iscsi-test-cu printed into checks. Whatever a test skips or complains of must stand in a
 * table of expectations, else it has failed.
 *
 * @module
 */
import type { Check } from "../check.ts";
import type { ListedTest, PrintedTest, Remark } from "./parse.ts";

/** What a remark of the program means. */
export type Verdict =
  /** This unit is not of the kind that the test is for: it must pass on the unit named. */
  | { readonly kind: "elsewhere"; readonly unit: string }
  /** A part of the test does not apply, the rest counts. */
  | { readonly kind: "harmless" }
  /** All that the test checks has passed when this happens to it. */
  | { readonly kind: "enough" }
  /** The test does not apply to what is tested here. */
  | { readonly kind: "inapplicable" }
  /** The test contradicts the clause. */
  | { readonly kind: "wrong"; readonly clause: string }
  /** Not the backstore's to answer: the kernel's target is above it. */
  | { readonly kind: "kernel" };

/** What a test may say, and what that means. */
export interface Expectation {
  /** Matches "Suite.Test". */
  readonly tests: RegExp;
  /** Units where it is so; default all. */
  readonly units?: readonly string[];
  /** Matches the remark. */
  readonly says: RegExp;
  readonly verdict: Verdict;
  readonly why: string;
}

/** The checks of a peer: what it skips is skipped, what it fails has failed. */
export function judgePeer(
  unit: string,
  listed: readonly ListedTest[],
  printed: readonly PrintedTest[],
): Check[] {
  const byName = new Map(printed.map((test) => [`${test.suite}.${test.test}`, test]));
  return listed.map(({ suite, test }) => {
    const { outcome, remarks } = byName.get(`${suite}.${test}`) ?? { outcome: "lost", remarks: [] };
    const reason = remarks.length === 0 ? undefined : describe(remarks[0]);
    if (outcome !== "passed") return { suite, test, unit, outcome: "failed", reason };
    const skips = remarks.find(({ kind }) => kind === "skipped");
    if (skips === undefined) return { suite, test, unit, outcome };
    return { suite, test, unit, outcome: "skipped", reason: describe(skips) };
  });
}

/** What a run of a unit gave: checks, and tests that must have passed on another unit. */
export interface Judgement {
  readonly checks: readonly Check[];
  readonly elsewhere: readonly Elsewhere[];
}

/** A test that was skipped here because it is for another unit. */
export interface Elsewhere {
  readonly suite: string;
  readonly test: string;
  readonly unit: string;
  readonly why: string;
}

/** Judges the tests that were to run on a unit; those that left no trace have failed. */
export function judgeUnit(
  unit: string,
  listed: readonly ListedTest[],
  printed: readonly PrintedTest[],
  expectations: readonly Expectation[],
): Judgement {
  const checks: Check[] = [];
  const elsewhere: Elsewhere[] = [];
  const byName = new Map(printed.map((test) => [`${test.suite}.${test.test}`, test]));
  for (const { suite, test } of listed) {
    const found = byName.get(`${suite}.${test}`) ??
      { suite, test, outcome: "lost", remarks: [] } as const;
    const judged = judgeTest(unit, found, expectations);
    if ("unit" in judged.verdict) {
      elsewhere.push({ suite, test, unit: judged.verdict.unit, why: judged.verdict.why });
    } else {
      checks.push({ suite, test, unit, ...judged.verdict });
    }
  }
  return { checks, elsewhere };
}

/** How CUnit repeats a complaint of libiscsi about a command. */
const ECHO = /^test_\w+\.c:\d+ - CU_ASSERT_EQUAL\(_r,0\)$/;

type Judged = {
  verdict: Pick<Check, "outcome" | "reason"> | { readonly unit: string; readonly why: string };
};

function judgeTest(
  unit: string,
  { suite, test, outcome, remarks }: PrintedTest,
  expectations: readonly Expectation[],
): Judged {
  const fail = (reason: string): Judged => ({ verdict: { outcome: "failed", reason } });
  if (outcome === "lost" && remarks.length === 0) return fail("it was not run to its end");
  const applying = expectations.filter(({ tests, units }) =>
    tests.test(`${suite}.${test}`) && (units?.includes(unit) ?? true)
  );
  const met: Expectation[] = [];
  const complains = remarks.some(({ kind }) => kind === "complaint");
  for (const remark of remarks) {
    if (complains && ECHO.test(remark.text)) continue;
    // A complaint that the program itself does not count is expected by the test.
    if (outcome === "passed" && remark.kind === "complaint") continue;
    const expectation = applying.find(({ says }) => says.test(remark.text));
    if (expectation === undefined) return fail(describe(remark));
    met.push(expectation);
  }
  const decisive = met.find(({ verdict }) => verdict.kind !== "harmless");
  if (decisive === undefined) {
    if (outcome === "passed") return { verdict: { outcome } };
    return fail(remarks.length === 0 ? "it failed and said nothing" : describe(remarks[0]));
  }
  const { verdict, why } = decisive;
  if (verdict.kind === "enough") return { verdict: { outcome: "passed", reason: why } };
  if (verdict.kind === "elsewhere") return { verdict: { unit: verdict.unit, why } };
  const prefix = verdict.kind === "wrong"
    ? `the test contradicts ${verdict.clause}: `
    : verdict.kind === "kernel"
    ? "the kernel's: "
    : "";
  return { verdict: { outcome: "skipped", reason: prefix + why } };
}

function describe({ kind, text }: Remark): string {
  return kind === "skipped" ? `skipped: ${text}` : text;
}

/** Fails those that were left to another unit and have not passed there. */
export function settleElsewhere(
  checks: readonly Check[],
  elsewhere: readonly Elsewhere[],
  unitsRun: ReadonlySet<string>,
): Check[] {
  const passed = new Set(
    checks.filter(({ outcome }) => outcome !== "failed")
      .map(({ suite, test, unit }) => `${suite}.${test}@${unit}`),
  );
  const lost = new Map<string, Check>();
  for (const { suite, test, unit, why } of elsewhere) {
    if (passed.has(`${suite}.${test}@${unit}`) || !unitsRun.has(unit)) continue;
    const failedThere = checks.some((check) =>
      check.suite === suite && check.test === test && check.unit === unit
    );
    if (failedThere) continue;
    const reason = `skipped everywhere, also on the unit that it is for: ${why}`;
    lost.set(`${suite}.${test}@${unit}`, { suite, test, unit, outcome: "failed", reason });
  }
  return [...lost.values()];
}
