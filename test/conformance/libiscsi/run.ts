/**
 * Runs iscsi-test-cu, a suite at a time: one that hangs or crashes the program costs no other its
 * result.
 *
 * @module
 */
import { findProgram } from "../../bench/programs.ts";
import { type ListedTest, parseList, parseRun, type PrintedTest } from "./parse.ts";

/** More than any suite takes on a machine that is busy. */
const SUITE_TIMEOUT_MS = 120_000;
const PROGRAM = "iscsi-test-cu";

/** What to run, and against what. */
export interface SuiteRun {
  readonly tests: readonly ListedTest[];
  /** All that the program has: a suite of which only a part is to run is run test by test. */
  readonly all: readonly ListedTest[];
  /** An iscsi:// URL or a device. */
  readonly device: string;
  /** A second way to the same unit, for the suites that want one. */
  readonly otherPath?: string;
  /** Takes the text of each suite, as NAME.SUITE.txt. */
  readonly logFolder: string;
  readonly name: string;
  readonly timeout_ms?: number;
  readonly signal: AbortSignal;
  /** Told of suites that take long. */
  readonly print?: (line: string) => void;
}

/** A suite that takes longer is named. */
const LONG_MS = 10_000;

/** Suites that use several paths to a unit; all others get one, as most initiators have. */
const NEEDS_PATHS = new Set(["MultipathIO"]);

/** Run first, on an empty unit: its COMPARE AND WRITE takes one block more for zero than it has made. */
const WANTS_ZEROS = new Set(["MultipathIO"]);

/** The tests that this machine's iscsi-test-cu has. */
export async function listTests(): Promise<ListedTest[]> {
  const { stdout } = await new Deno.Command(program(), { args: ["--list"] }).output();
  const tests = parseList(new TextDecoder().decode(stdout));
  if (tests.length === 0) throw new Error(`${PROGRAM} --list names no tests`);
  return tests;
}

function program(): string {
  const found = findProgram(PROGRAM);
  if (found === undefined) throw new Error(`${PROGRAM} is not here: apt-get install libiscsi-bin`);
  return found;
}

/** Runs all suites of the tests. What leaves nothing is no error here: those tests are lost. */
export async function runSuites(run: SuiteRun): Promise<PrintedTest[]> {
  const suites = [...Map.groupBy(run.tests, ({ suite }) => suite)]
    .sort(([one], [other]) => Number(WANTS_ZEROS.has(other)) - Number(WANTS_ZEROS.has(one)));
  const printed: PrintedTest[] = [];
  for (const [suite, tests] of suites) {
    if (run.signal.aborted) break;
    const began_ms = performance.now();
    printed.push(...await runSuite(run, tests));
    const elapsed_ms = performance.now() - began_ms;
    if (elapsed_ms > LONG_MS) run.print?.(`${run.name}: ${suite}: ${(elapsed_ms / 1000) | 0} s`);
  }
  return printed;
}

/** Runs a suite; where the program does not come to its end, what is left, a test at a time. */
async function runSuite(run: SuiteRun, tests: readonly ListedTest[]): Promise<PrintedTest[]> {
  const [{ family, suite }] = tests;
  const printed: PrintedTest[] = [];
  if (run.all.filter((test) => test.suite === suite).length === tests.length) {
    const text = await runProgram(run, `${family}.${suite}`, suite);
    printed.push(...parseRun(text).filter(({ outcome }) => outcome !== "lost"));
  }
  for (const { test } of tests) {
    if (printed.some((done) => done.test === test) || run.signal.aborted) continue;
    const alone = await runProgram(run, `${family}.${suite}.${test}`, `${suite}.${test}`);
    printed.push(...parseRun(alone));
  }
  return printed;
}

/** Runs the program; returns what it printed, with how it ended where it did not end well. */
async function runProgram(run: SuiteRun, tests: string, name: string): Promise<string> {
  const paths = [run.device];
  const [suite] = name.split(".");
  if (NEEDS_PATHS.has(suite) && run.otherPath !== undefined) paths.push(run.otherPath);
  const limit = (run.timeout_ms ?? SUITE_TIMEOUT_MS) / 1000;
  const options = ["--dataloss", "--allow-sanitize", "--Verbose-scsi", "-t", tests];
  // timeout(1) ends the program also where this process is killed.
  const output = await new Deno.Command("timeout", {
    args: ["--kill-after=5", `${limit}`, program(), ...options, ...paths],
    stdin: "null",
    signal: run.signal,
  }).output();
  const [text, complaints] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  const log = `${text}\n--- standard error\n${complaints}\n--- exit code ${output.code}\n`;
  await Deno.writeTextFile(`${run.logFolder}/${run.name}.${name}.txt`, log);
  return `${text}\n${describeEnd(output.code, limit)}`;
}

/** A line that the parser takes for the reason of a test that was lost. */
function describeEnd(code: number, limit_s: number): string {
  if (code === 0 || code === 1) return "";
  if (code === 124) return `    [ENDED] after ${limit_s} s`;
  return code > 128 ? `    [ENDED] by signal ${code - 128}` : `    [ENDED] with exit code ${code}`;
}
