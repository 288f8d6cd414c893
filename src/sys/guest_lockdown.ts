/**
 * The last step of a guest's lockdown, and what can be seen of it from inside. `openGuestLockdown`
 * works only until the guest gives up its FFI permission; keep nothing of it where a handler could
 * reach it.
 *
 * @module
 */
import { landlockAbi, restrictSelf } from "./landlock.ts";
import { compileFilter, type Filter, FLAG_ALL_THREADS, installFilter } from "./seccomp.ts";
import { openSystemCalls, type SystemCalls } from "./system_call.ts";
import { thisMachine } from "./syscall_numbers.ts";
import { cString, SystemError } from "./system_error.ts";

const AT_FDCWD = -100;
const O_RDONLY_CLOEXEC = 0o2000000;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SECCOMP_MODE_FILTER = 2;
const STATUS_LENGTH_MAX = 8192;
const ENTRIES_LENGTH = 32768;
const LINK_LENGTH_MAX = 4096;

/** What the kernel says about one thread (proc_pid_status(5)). */
export interface ThreadStatus {
  /** Real, effective, saved and file system user. */
  readonly uids: readonly number[];
  readonly groups: readonly number[];
  readonly capabilities_effective: bigint;
  readonly capabilities_bounding: bigint;
  readonly no_new_privileges: boolean;
  /** Seccomp filters are in force. */
  readonly filtered: boolean;
  /** Number of filters; undefined before Linux 5.9. */
  readonly filters: number | undefined;
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:[\\t ]*(.*)$`, "m").exec(text)?.[1].trim();
}

function numbersOf(text: string | undefined): number[] {
  return (text ?? "").split(/\s+/).filter((part) => part !== "").map(Number);
}

/** Reads the text of /proc/PID/status. */
export function parseStatus(text: string): ThreadStatus {
  const filters = field(text, "Seccomp_filters");
  return {
    uids: numbersOf(field(text, "Uid")),
    groups: numbersOf(field(text, "Groups")),
    capabilities_effective: BigInt(`0x${field(text, "CapEff") ?? "ffffffff"}`),
    capabilities_bounding: BigInt(`0x${field(text, "CapBnd") ?? "ffffffff"}`),
    no_new_privileges: field(text, "NoNewPrivs") === "1",
    filtered: field(text, "Seccomp") === String(SECCOMP_MODE_FILTER),
    filters: filters === undefined ? undefined : Number(filters),
  };
}

/** Names in the buffer that getdents64(2) has filled: struct linux_dirent64. */
function namesOf(bytes: Uint8Array, length: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const names: string[] = [];
  for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
    const end = bytes.indexOf(0, at + 19);
    names.push(new TextDecoder().decode(bytes.subarray(at + 19, end)));
  }
  return names;
}

/** See the module. */
export interface GuestLockdown {
  /** Numbers of the descriptors of this process, and what they are. */
  descriptors(): Map<number, string>;
  /** Gives up the file system, TCP and signals for this thread: Landlock without any path. */
  forbidFiles(): void;
  /** Installs a filter on all threads. `threads` works afterwards only for those there were. */
  install(filter: Filter): void;
  /** What the kernel says now about the threads that there were before `install`. */
  threads(): ThreadStatus[];
  /** Tries to open the root folder. */
  canOpen(): boolean;
  /** Tries to make a socket. */
  canConnect(): boolean;
}

class Lockdown implements GuestLockdown {
  readonly #calls: SystemCalls;
  #threads: number[] = [];

  constructor(calls: SystemCalls) {
    this.#calls = calls;
  }

  #open(path: string): number {
    return this.#calls.attempt("openat", AT_FDCWD, cString(path), O_RDONLY_CLOEXEC, 0);
  }

  #list(path: string): string[] {
    const fd = this.#open(path);
    if (fd < 0) throw new SystemError("open", -fd, path);
    const names: string[] = [];
    const bytes = new Uint8Array(ENTRIES_LENGTH);
    for (;;) {
      const length = this.#calls.call("getdents64", fd, bytes, bytes.length);
      if (length === 0) break;
      names.push(...namesOf(bytes, length));
    }
    this.#calls.attempt("close", fd);
    return names.filter((name) => /^\d+$/.test(name));
  }

  descriptors(): Map<number, string> {
    const found = new Map<number, string>();
    for (const name of this.#list("/proc/self/fd")) {
      const bytes = new Uint8Array(LINK_LENGTH_MAX);
      const path = cString(`/proc/self/fd/${name}`);
      const length = this.#calls.attempt("readlinkat", AT_FDCWD, path, bytes, bytes.length);
      // The one of the listing itself is closed by now.
      if (length >= 0) found.set(Number(name), new TextDecoder().decode(bytes.subarray(0, length)));
    }
    return found;
  }

  forbidFiles(): void {
    const abi = landlockAbi(this.#calls);
    if (abi > 0) restrictSelf(this.#calls, abi, []);
  }

  /** Opens the status of each thread: afterwards nothing can be opened. */
  #watchThreads(): void {
    for (const name of this.#list("/proc/self/task")) {
      const fd = this.#open(`/proc/self/task/${name}/status`);
      if (fd >= 0) this.#threads.push(fd);
    }
    if (this.#threads.length === 0) throw new Error("Cannot see the threads of this process");
  }

  install(filter: Filter): void {
    this.#watchThreads();
    this.forbidFiles();
    const program = compileFilter(filter, thisMachine());
    const result = installFilter(
      program,
      FLAG_ALL_THREADS,
      (operation, flags, bytes) => this.#calls.attempt("seccomp", operation, flags, bytes),
    );
    if (result < 0) throw new SystemError("seccomp", -result);
    if (result > 0) throw new Error(`Cannot filter the system calls of thread ${result}`);
  }

  threads(): ThreadStatus[] {
    const texts = this.#threads.map((fd) => this.#read(fd));
    this.#threads = [];
    return texts.filter((text) => text !== undefined).map(parseStatus);
  }

  /** undefined: the thread has ended. */
  #read(fd: number): string | undefined {
    const bytes = new Uint8Array(STATUS_LENGTH_MAX);
    const length = this.#calls.attempt("read", fd, bytes, bytes.length);
    this.#calls.attempt("close", fd);
    return length < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, length));
  }

  canOpen(): boolean {
    return this.#open("/") >= 0;
  }

  canConnect(): boolean {
    return this.#calls.attempt("socket", AF_INET, SOCK_STREAM, 0) >= 0;
  }
}

/** Opens the C library. Throws without the FFI permission. */
export function openGuestLockdown(): GuestLockdown {
  return new Lockdown(openSystemCalls());
}
