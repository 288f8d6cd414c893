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
  /** An iscsi:// URL or a device. */
  readonly device: string;
  /** A second way to the same unit, for the suites that want one. */
  readonly otherPath?: string;
  /** Takes the text of each suite, as NAME.SUITE.txt. */
  readonly logFolder: string;
  readonly name: string;
  readonly timeout_ms?: number;
  readonly signal: AbortSignal;
}

/** Suites that use several paths to a unit; all others get one, as most initiators have. */
const NEEDS_PATHS = new Set(["MultipathIO"]);

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

/** Runs all suites of the tests. A suite that leaves nothing is no error here: its tests are lost. */
export async function runSuites(run: SuiteRun): Promise<PrintedTest[]> {
  const families = new Map(run.tests.map(({ suite, family }) => [suite, family]));
  const printed: PrintedTest[] = [];
  for (const [suite, family] of families) {
    if (run.signal.aborted) break;
    printed.push(...await runSuite(run, family, suite));
  }
  return printed;
}

async function runSuite(run: SuiteRun, family: string, suite: string): Promise<PrintedTest[]> {
  const paths = [run.device];
  if (NEEDS_PATHS.has(suite) && run.otherPath !== undefined) paths.push(run.otherPath);
  const limit = (run.timeout_ms ?? SUITE_TIMEOUT_MS) / 1000;
  const options = ["--dataloss", "--allow-sanitize", "--Verbose-scsi", "-t", `${family}.${suite}`];
  // timeout(1) ends the program also where this process is killed.
  const output = await new Deno.Command("timeout", {
    args: ["--kill-after=5", `${limit}`, program(), ...options, ...paths],
    stdin: "null",
    signal: run.signal,
  }).output();
  const [text, complaints] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  const log = `${text}\n--- standard error\n${complaints}\n--- exit code ${output.code}\n`;
  await Deno.writeTextFile(`${run.logFolder}/${run.name}.${suite}.txt`, log);
  return parseRun(text);
}
