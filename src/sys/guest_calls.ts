/**
 * What a guest calls in the C library, and nothing more. `openGuestCalls` works only until the
 * guest gives up its FFI permission, so a handler that imports this module gets nothing.
 *
 * @module
 */
import { FileCalls } from "./file.ts";
import { i64, SYS_FUTEX } from "./numbers.ts";

const symbols = {
  __errno_location: { parameters: [], result: "pointer" },
  futex: {
    name: "syscall",
    parameters: ["i32", "usize", "i32", "i32", "buffer", "usize", "u32"],
    result: "i32",
  },
  futex_async: {
    name: "syscall",
    parameters: ["i32", "usize", "i32", "i32", "buffer", "usize", "u32"],
    result: "i32",
    nonblocking: true,
  },
  // 32-bit results: no call moves 2 GiB or more (MAX_RW_COUNT), and a bigint costs.
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  read_async: {
    name: "read",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fstatvfs: { parameters: ["i32", "buffer"], result: "i32" },
  fstat: { name: "syscall", parameters: ["i32", "i32", "buffer"], result: "i32" },
  mmap: { parameters: ["u64", "usize", "i32", "i32", "i32", "i64"], result: "u64" },
  close: { parameters: ["i32"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  getppid: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const FUTEX_WAIT = 0;
const EINTR = 4;
const PR_SET_PDEATHSIG = 1;
const eventfdOne = new Uint8Array(new BigUint64Array([1n]).buffer);

/** A word of shared memory to sleep on. */
export interface GuestFutex {
  /** Blocks the thread while the word is `expected`, at most for the timeout it was made with. */
  wait(expected: number): void;
  /** The same, as a promise; the event loop turns meanwhile. */
  waitAsync(expected: number): Promise<void>;
}

/** The guest's end of a line to the daemon. */
export interface GuestLine {
  /** read(2) on another thread: the number of bytes, 0 or less where there will be none any more. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Writes all; false where nobody takes it any more. Waits for a daemon that is busy. */
  write(bytes: Uint8Array<ArrayBuffer>): boolean;
}

/** The guest's system calls. */
export interface GuestCalls {
  readonly files: FileCalls;
  /** Maps the first `length` bytes of a descriptor, shared. */
  map(fd: number, length: number, offset?: number): ArrayBuffer;
  /** A futex at a mapped word. `timeout_ms` is that of the blocking wait. */
  futex(bytes: ArrayBuffer, offset: number, timeout_ms: number): GuestFutex;
  /** Adds 1 to an eventfd. */
  signal(fd: number): void;
  /** write(2), once; for lines of the log. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): void;
  /** The guest's end of a line to the daemon. */
  line(fd: number): GuestLine;
  close(fd: number): void;
  /** Dies with the parent: PR_SET_PDEATHSIG SIGKILL. Returns the parent's process id. */
  dieWithParent(): number;
}

function timespec(milliseconds: number): Uint8Array<ArrayBuffer> {
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.round((milliseconds - seconds * 1000) * 1e6);
  return new Uint8Array(new BigInt64Array([BigInt(seconds), BigInt(nanoseconds)]).buffer);
}

/** Longest wait of the event loop's futex: bounds what a lost wake-up could cost. */
const ASYNC_TIMEOUT_MS = 1000;

/** Opens the C library. Throws once the FFI permission is gone. */
export function openGuestCalls(): GuestCalls {
  const c = Deno.dlopen("libc.so.6", symbols).symbols;
  const errnoPointer = c.__errno_location() as Deno.PointerObject;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));
  const longest = timespec(ASYNC_TIMEOUT_MS);
  const failed = (call: string) => new Error(`Cannot ${call}: errno ${errno[0]}`);
  return {
    files: new FileCalls(c, () => errno[0]),
    map(fd, length, offset = 0) {
      const address = c.mmap(0n, i64(length), PROT_READ_WRITE, MAP_SHARED, fd, i64(offset));
      if (address === MAP_FAILED) throw failed("mmap");
      const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject;
      return Deno.UnsafePointerView.getArrayBuffer(pointer, length);
    },
    futex(bytes, offset, timeout_ms) {
      const pointer = Deno.UnsafePointer.of(new Uint8Array(bytes));
      const address = Deno.UnsafePointer.value(pointer) + BigInt(offset);
      const timeout = timespec(timeout_ms);
      return {
        wait(expected) {
          c.futex(SYS_FUTEX, address, FUTEX_WAIT, expected, timeout, 0n, 0);
        },
        async waitAsync(expected) {
          await c.futex_async(SYS_FUTEX, address, FUTEX_WAIT, expected, longest, 0n, 0);
        },
      };
    },
    signal(fd) {
      c.write(fd, eventfdOne, 8n);
    },
    write(fd, bytes) {
      c.write(fd, bytes, i64(bytes.length));
    },
    line(fd) {
      return {
        read: (into) => c.read_async(fd, into, i64(into.length)),
        write(bytes) {
          for (let done = 0; done < bytes.length;) {
            const count = c.write(fd, bytes.subarray(done), i64(bytes.length - done));
            if (count > 0) done += count;
            else if (errno[0] !== EINTR) return false;
          }
          return true;
        },
      };
    },
    close(fd) {
      c.close(fd);
    },
    dieWithParent() {
      if (c.prctl(PR_SET_PDEATHSIG, 9n, 0n, 0n, 0n) < 0) throw failed("prctl PR_SET_PDEATHSIG");
      return c.getppid();
    },
  };
}
