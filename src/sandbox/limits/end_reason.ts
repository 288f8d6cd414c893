/** Why a handler process has ended, for the log: a limit, where one was the cause. */
import { describeExit, type ExitStatus } from "../../sys/process.ts";
import type { ResourceLimits } from "./limits.ts";

/** What is known of an end. */
export interface EndEvidence {
  readonly status: ExitStatus;
  /** What its control group counted (`InstanceCgroup.exceeded`). */
  readonly exceeded?: "memory" | "threads" | undefined;
  /** Its runtime said, as its last words, that there was no memory. */
  readonly out_of_memory: boolean;
}

const MIB = 1024 * 1024;
const SIGABRT = 6;
/** SIGTRAP and SIGABRT: how V8 and Rust give up. SIGKILL is the kernel's. */
const GIVE_UP: readonly number[] = [5, SIGABRT, 9];
/** Deno's exit code where a thread could not be made: here, for want of memory for its stack. */
const NO_THREAD = 1;
/** V8's "Fatal JavaScript out of memory", "Fatal process out of memory", Rust's, and Deno's. */
const LAST_WORDS =
  /out of memory|memory allocation of \d+ bytes failed|unable to create worker threads/i;

/** Whether a line that a process has printed says that there was no memory. */
export function saysOutOfMemory(line: string): boolean {
  return LAST_WORDS.test(line);
}

/** A process that gave up may say so by a signal, or where it was caught by 128 and its number. */
function gaveUp({ code, signal }: ExitStatus): boolean {
  return code === NO_THREAD || GIVE_UP.includes(signal ?? (code ?? 0) - 128);
}

/** A sentence without its subject, "it ended: ..." */
export function explainEnd(evidence: EndEvidence, limits: ResourceLimits): string {
  const { status, exceeded, out_of_memory } = evidence;
  const how = describeExit(status);
  const advice = (option: string) => `(${how}); ${option} gives it more`;
  const isThreads = exceeded === "threads";
  if (exceeded === "memory" || (!isThreads && out_of_memory && gaveUp(status))) {
    return `over its memory limit of ${limits.memory_bytes / MIB} MiB ${advice("--memory")}`;
  }
  if (isThreads) {
    return `over its limit of ${limits.threads} threads ${advice("--threads")}`;
  }
  return how;
}
