/** Child processes: signals, how they end, and what the kernel does with them. */
import { check, cString, Errno, retry, SystemError } from "./error.ts";
import { environmentVector, StringVector } from "./execute.ts";
import { errno, libc } from "./libc.ts";
import { i64, SYS_PIDFD_OPEN } from "./numbers.ts";

const O_RDWR_CLOEXEC = 0o2000002;
const WNOHANG = 1;
const PR_SET_IO_FLUSHER = 57;

/** Signals that are sent here (asm-generic/signal.h). */
export const Signal = { SIGKILL: 9, SIGTERM: 15, SIGSYS: 31 } as const;

/** How a process has ended. */
export interface ExitStatus {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  /** Number of the signal; null where it exited. */
  readonly signal: number | null;
}

/** "exit code 70" or "signal 9". */
export function describeExit(status: ExitStatus): string {
  if (status.signal === Signal.SIGSYS) {
    return "signal 31, for a system call that guests may not make";
  }
  return status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
}

/** A descriptor that becomes readable when the process ends (pidfd_open(2), close-on-exec). */
export function openPidfd(pid: number): number {
  return check(
    Number(libc.syscall3(i64(SYS_PIDFD_OPEN), i64(pid), i64(0), i64(0))),
    "pidfd_open",
    `process ${pid}`,
  );
}

/** Sends a signal to a child that has not been reaped: its id cannot be another's yet. */
export function sendSignal(pid: number, signal: number): void {
  if (pid <= 0) throw new Error(`assertion: ${pid} is no process`);
  libc.kill(pid, signal);
}

function wait(pid: number, options: number): ExitStatus | undefined {
  const status = new Int32Array(1);
  const result = retry(() => libc.waitpid(pid, new Uint8Array(status.buffer), options));
  if (result === 0) return undefined;
  if (result < 0) throw new SystemError("waitpid", errno(), `process ${pid}`);
  const signal = status[0] & 0x7f;
  return signal === 0 ? { code: (status[0] >>> 8) & 0xff, signal: null } : { code: null, signal };
}

/** Reaps a child that has ended; undefined where it still runs. */
export function reap(pid: number): ExitStatus | undefined {
  return wait(pid, WNOHANG);
}

/** Reaps a child that is ending, as soon as it has. */
export function awaitEnd(pid: number): ExitStatus {
  return wait(pid, 0) as ExitStatus;
}

/**
 * PR_SET_IO_FLUSHER: memory that this thread, and what it starts later, allocates is never waited
 * for by writing to a block device, which may be one of ours. Returns false without the privilege
 * (CAP_SYS_RESOURCE).
 */
export function setIoFlusher(): boolean {
  if (libc.prctl(PR_SET_IO_FLUSHER, 1n, 0n, 0n, 0n) === 0) return true;
  const number = errno();
  if (number === Errno.EPERM || number === Errno.EINVAL) return false;
  throw new SystemError("prctl PR_SET_IO_FLUSHER", number);
}

/** Sets how ready the kernel is to kill a process when memory is short: -1000 to 1000. */
export function setOomScore(pid: number, score: number): boolean {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/oom_score_adj`, String(score));
    return true;
  } catch {
    return false;
  }
}

/** For so long a child that has executed a program may still be about to leave our memory. */
const LEAVE_TIMEOUT_MS = 1_000;

/**
 * The same for a child that was started by `spawn`. The kernel gives one score to all processes that
 * share a memory, and the child counts as gone from ours shortly before it is (exec_mmap of fs/exec.c):
 * what came to this process, too, is put back, and it is tried again. False: it has none of its own.
 */
export function setOomScoreOfChild(
  pid: number,
  score: number,
  timeout_ms: number = LEAVE_TIMEOUT_MS,
): boolean {
  const own = () => Deno.readTextFileSync("/proc/self/oom_score_adj").trim();
  const before = own();
  const end_ms = performance.now() + timeout_ms;
  while (performance.now() < end_ms) {
    if (!setOomScore(pid, score)) return false;
    if (own() === before) return true;
    setOomScore(Deno.pid, Number(before));
  }
  return false;
}

/** /dev/null, for standard streams. */
export function openNull(): number {
  return check(libc.open(cString("/dev/null"), O_RDWR_CLOEXEC, 0), "open", "/dev/null");
}

/**
 * Replaces this process's program by itself, with the same arguments: execve(2). Descriptors that
 * are not close-on-exec stay open. Returns only by throwing SystemError.
 */
export function executeAgain(environment: Readonly<Record<string, string>>): never {
  const command = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  const argv = new StringVector(command);
  const envp = environmentVector(environment);
  const path = Deno.execPath();
  libc.execve(cString(path), argv.pointers, envp.pointers);
  const number = errno();
  throw new SystemError("execve", number, `${path} (${argv.length + envp.length} strings)`);
}
