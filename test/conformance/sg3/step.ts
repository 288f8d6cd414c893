/**
 * A use of a tool: what is run, and what it must answer.
 *
 * @module
 */
import { attempt } from "../../kernel/guest/shell.ts";
import type { Check } from "../check.ts";

/** The disks that the tools are used on. */
export interface Disks {
  /** 512-byte blocks. */
  readonly disk: string;
  readonly generic: string;
  /** In one copy group with the first. */
  readonly partner: string;
  /** In none. */
  readonly stranger: string;
  /** 4096-byte blocks. */
  readonly large: string;
  /** The SCSI generic devices of the two others; block devices are no names for sg_xcopy. */
  readonly partnerGeneric: string;
  readonly strangerGeneric: string;
  /** Its medium can be taken out. By its SCSI generic device: a block device in use prevents it. */
  readonly removable: string;
  /** An empty folder. */
  readonly folder: string;
}

/** A use of a tool. */
export interface Step {
  readonly tool: string;
  readonly test: string;
  /** A shell command; `tool` stands in it. */
  readonly run: (disks: Disks) => string;
  /** Exit code; default 0. sg3-utils tell the sense key by it. */
  readonly code?: number;
  /** Each matches what the command printed. */
  readonly shows?: readonly RegExp[];
  /** None matches. */
  readonly never?: readonly RegExp[];
}

/** Exit codes of sg3-utils (sg3_utils(8)). */
export const CODE = {
  notReady: 2,
  illegalRequest: 5,
  unitAttention: 6,
  invalidOperationCode: 9,
  abortedCopy: 10,
  miscompare: 14,
  writeProtect: 7,
  lbaOutOfRange: 22,
  reservationConflict: 24,
} as const;

const TIMEOUT_MS = 120_000;
const OUTPUT_LENGTH_MAX = 300;

/** What no tool may say of an answer of ours. */
const MALFORMED =
  /malformed|truncated|too short|unexpected|invalid length|response length|unmatched/i;

/** Runs steps one after the other. */
export async function runSteps(steps: readonly Step[], disks: Disks): Promise<Check[]> {
  const checks: Check[] = [];
  for (const step of steps) checks.push(await runStep(step, disks));
  return checks;
}

async function runStep(step: Step, disks: Disks): Promise<Check> {
  const command = step.run(disks);
  let problem: string | undefined;
  try {
    const { code, stdout, stderr } = await attempt(command, TIMEOUT_MS);
    problem = findProblem(step, code, `${stdout}${stderr}`);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const { tool: suite, test } = step;
  if (problem === undefined) return { suite, test, outcome: "passed" };
  return { suite, test, outcome: "failed", reason: `${problem} (${command.replace(/\s+/g, " ")})` };
}

/** What is wrong with an answer; undefined where nothing is. */
export function findProblem(step: Step, code: number, text: string): string | undefined {
  const said = text.replace(/\s+/g, " ").trim().slice(0, OUTPUT_LENGTH_MAX);
  if (code !== (step.code ?? 0)) return `exit code ${code}, not ${step.code ?? 0}: ${said}`;
  const missing = step.shows?.find((pattern) => !pattern.test(text));
  if (missing !== undefined) return `does not show ${missing}: ${said}`;
  const never = [MALFORMED, ...step.never ?? []].find((pattern) => pattern.test(text));
  if (never !== undefined) return `shows ${never}: ${said}`;
  return undefined;
}
