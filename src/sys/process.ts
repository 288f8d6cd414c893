/**
 * Child processes that inherit chosen descriptors, and how they end. For the daemon's main thread:
 * a child that asked to die with its parent dies with the thread that started it.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { check, cString, Errno, retry, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";
import { i64, SYS_CLOSE_RANGE, SYS_PIDFD_OPEN } from "./numbers.ts";

const F_DUPFD_CLOEXEC = 1030;
const O_RDWR_CLOEXEC = 0o2000002;
/** Descriptors are moved above this number before they are given their numbers in the child. */
const DESCRIPTOR_FLOOR = 256;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
// Sizes of glibc's posix_spawn_file_actions_t (80), posix_spawnattr_t (336), sigset_t (128), or more.
const FILE_ACTIONS_LENGTH = 256;
const ATTRIBUTES_LENGTH = 512;
const SIGNAL_SET_LENGTH = 128;
const WNOHANG = 1;
const CLOSE_RANGE_CLOEXEC = 4n;
const PR_SET_PDEATHSIG = 1;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_IO_FLUSHER = 57;

/** Signals that are sent here (asm-generic/signal.h). */
export const Signal = { SIGKILL: 9, SIGTERM: 15, SIGSYS: 31 } as const;

/** What to start. */
export interface SpawnOptions {
  /** Absolute path of the executable. */
  readonly path: string;
  /** Arguments, without the name of the program. */
  readonly arguments: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Descriptors of this process by their number in the child; all others are closed there. */
  readonly descriptors: ReadonlyMap<number, number>;
}

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

/** An array of C strings: the pointers, and the bytes that must live as long. */
class StringVector {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly #strings: Uint8Array<ArrayBuffer>[];

  constructor(strings: readonly string[]) {
    this.#strings = strings.map(cString);
    const addresses = new BigUint64Array(strings.length + 1);
    this.#strings.forEach((bytes, index) => {
      addresses[index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
    });
    this.pointers = new Uint8Array(addresses.buffer);
  }

  /** Reads the strings again, so that they are alive up to here. */
  get length(): number {
    return this.#strings.length;
  }
}

/**
 * Marks all descriptors but the standard ones close-on-exec (close_range(2), Linux 5.11). Ours are
 * made that way; whoever started this process may have left others open.
 */
function hideDescriptors(): void {
  const result = libc.syscall3(i64(SYS_CLOSE_RANGE), 3n, 0xffff_ffffn, CLOSE_RANGE_CLOEXEC);
  check(Number(result), "close_range");
}

/** posix_spawn and its kin return the error's number. */
function checkNumber(number: number, call: string, subject = ""): void {
  if (number !== 0) throw new SystemError(call, number, subject);
}

function spawnAttributes(): Uint8Array<ArrayBuffer> {
  const attributes = new Uint8Array(ATTRIBUTES_LENGTH);
  const none = new Uint8Array(SIGNAL_SET_LENGTH);
  const all = new Uint8Array(SIGNAL_SET_LENGTH).fill(0xff);
  checkNumber(libc.posix_spawnattr_init(attributes), "posix_spawnattr_init");
  checkNumber(libc.posix_spawnattr_setsigmask(attributes, none), "posix_spawnattr_setsigmask");
  checkNumber(libc.posix_spawnattr_setsigdefault(attributes, all), "posix_spawnattr_setsigdefault");
  // A session of its own: Ctrl-C in the daemon's terminal is the daemon's to handle.
  const flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  checkNumber(libc.posix_spawnattr_setflags(attributes, flags), "posix_spawnattr_setflags");
  return attributes;
}

/** Starts a process and returns its id. Throws SystemError. */
export function spawn(options: SpawnOptions): number {
  const actions = new Uint8Array(FILE_ACTIONS_LENGTH);
  const attributes = spawnAttributes();
  const moved: number[] = [];
  hideDescriptors();
  checkNumber(libc.posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init");
  try {
    for (const [number, fd] of options.descriptors) {
      // First out of the way: dup2 to one number must not close the source of the next.
      const high = check(libc.fcntl(fd, F_DUPFD_CLOEXEC, i64(DESCRIPTOR_FLOOR)), "fcntl F_DUPFD");
      moved.push(high);
      checkNumber(
        libc.posix_spawn_file_actions_adddup2(actions, high, number),
        "posix_spawn_file_actions_adddup2",
      );
    }
    return spawnWith(options, actions, attributes);
  } finally {
    moved.forEach(closeDescriptor);
    libc.posix_spawn_file_actions_destroy(actions);
    libc.posix_spawnattr_destroy(attributes);
  }
}

function spawnWith(
  options: SpawnOptions,
  actions: Uint8Array<ArrayBuffer>,
  attributes: Uint8Array<ArrayBuffer>,
): number {
  const pid = new Int32Array(1);
  const argv = new StringVector([options.path, ...options.arguments]);
  const environment = Object.entries(options.environment).map(([key, value]) => `${key}=${value}`);
  const envp = new StringVector(environment);
  const result = libc.posix_spawn(
    new Uint8Array(pid.buffer),
    cString(options.path),
    actions,
    attributes,
    argv.pointers,
    envp.pointers,
  );
  checkNumber(result, "posix_spawn", options.path);
  if (argv.length === 0) throw new Error("assertion: a program has a name");
  return pid[0];
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

/** This process gets SIGKILL when the thread that started it ends. Ask who that is afterwards. */
export function dieWithParent(): void {
  check(libc.prctl(PR_SET_PDEATHSIG, i64(Signal.SIGKILL), 0n, 0n, 0n), "prctl PR_SET_PDEATHSIG");
}

/** No process from here on gains privileges by execve. */
export function setNoNewPrivileges(): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl PR_SET_NO_NEW_PRIVS");
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
  const envp = new StringVector(
    Object.entries(environment).map(([key, value]) => `${key}=${value}`),
  );
  const path = Deno.execPath();
  libc.execve(cString(path), argv.pointers, envp.pointers);
  const number = errno();
  throw new SystemError("execve", number, `${path} (${argv.length + envp.length} strings)`);
}
