/** Why a handler process has ended, for the log: a limit, where one was the cause. */
import { describeExit, type ExitStatus } from "../../sys/process.ts";
import type { ResourceLimits } from "./limits.ts";

/** What is known of an end. */
export interface EndEvidence {
  readonly status: ExitStatus;
  /** What its control group counted (`InstanceCgroup.exceeded`). */
  readonly exceeded?: "memory" | "threads" | undefined;
  /** What its runtime lacked, by its last words. */
  readonly lacked?: "memory" | "thread" | undefined;
  /** The last line of its log that was a warning or an error, escaped. */
  readonly last_line?: string | undefined;
}

const MIB = 1024 * 1024;
const SIGABRT = 6;
/** SIGTRAP and SIGABRT: how V8 and Rust give up. SIGKILL is the kernel's. */
const GIVE_UP: readonly number[] = [5, SIGABRT, 9];
/** Deno's exit code where a thread could not be made. */
const NO_THREAD = 1;
/** V8's "Fatal JavaScript out of memory", "Fatal process out of memory", and Rust's. */
const NO_MEMORY_WORDS = /out of memory|memory allocation of \d+ bytes failed/i;
/** Deno's. Memory is the cause where the thread's stack finds no place. */
const NO_THREAD_WORDS = /unable to create worker threads/i;

/** What a handler is told whose thread the kernel refuses, and that lives on: EAGAIN. */
const REFUSED_THREAD_WORDS = /\bWouldBlock: Resource temporarily unavailable/;

/** Whether a line says that a handler was refused a thread, and has the error. */
export function isRefusedThread(line: string): boolean {
  return REFUSED_THREAD_WORDS.test(line);
}

/** What a handler has run into that was refused a thread: a sentence for the log. */
export function explainRefusedThread({ threads, memory_bytes }: ResourceLimits): string {
  return `The handler is over its limit of ${threads} threads, or its memory limit of ` +
    `${memory_bytes / MIB} MiB: it was refused a thread; --threads or --memory gives it more`;
}

/** What a process lacks, by a line that it has printed; undefined: nothing. */
export function lackOf(line: string): "memory" | "thread" | undefined {
  if (NO_MEMORY_WORDS.test(line)) return "memory";
  return NO_THREAD_WORDS.test(line) ? "thread" : undefined;
}

/** A process that gave up may say so by a signal, or where it was caught by 128 and its number. */
function gaveUp({ code, signal }: ExitStatus): boolean {
  return code === NO_THREAD || GIVE_UP.includes(signal ?? (code ?? 0) - 128);
}

/** Characters of a last line that are shown. */
const LAST_LINE_LENGTH_MAX = 160;

function lastWords(line: string | undefined): string {
  if (line === undefined || line.trim() === "") return "";
  const cut = line.length > LAST_LINE_LENGTH_MAX;
  return `, after it said: ${line.slice(0, LAST_LINE_LENGTH_MAX)}${cut ? "..." : ""}`;
}

/** A sentence without its subject, for "it ended: ..." */
export function explainEnd(evidence: EndEvidence, limits: ResourceLimits): string {
  const { status, exceeded, lacked } = evidence;
  const how = describeExit(status);
  const memory = `over its memory limit of ${limits.memory_bytes / MIB} MiB`;
  const threads = `its limit of ${limits.threads} threads`;
  if (exceeded === "memory") return `${memory} (${how}); --memory gives it more`;
  if (exceeded === "threads") return `over ${threads} (${how}); --threads gives it more`;
  if (lacked === undefined || !gaveUp(status)) return `${how}${lastWords(evidence.last_line)}`;
  if (lacked === "memory") return `${memory} (${how}); --memory gives it more`;
  return `${memory}, or ${threads} (${how}); --memory or --threads gives it more`;
}
