/**
 * Limits that a guest sets on itself, between its start and its handler: they depend on what the
 * runtime has taken by then. Nothing here is kept: a handler that imports this module, after the
 * guest has given up its FFI permission, gets nothing.
 *
 * @module
 */
import { i64 } from "./numbers.ts";

const RLIMIT_FSIZE = 1;
const RLIMIT_DATA = 2;
const SIGXFSZ = 25;
const SIG_IGN = 1n;
const PAGE_LENGTH = 4096;
const STATM_LENGTH_MAX = 256;

const symbols = {
  __errno_location: { parameters: [], result: "pointer" },
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  signal: { parameters: ["i32", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** See the module. */
export interface GuestLimits {
  /** Private memory that may be taken from here on; 0: no limit. */
  readonly memory_bytes: number;
  /** Length to which a file may be written; null: no limit. */
  readonly file_bytes: number | null;
}

/** Bytes of data and stack together, from the text of /proc/PID/statm. */
export function dataOfStatm(text: string, page_length: number = PAGE_LENGTH): number {
  const pages = Number(text.trim().split(" ")[5] ?? NaN);
  if (!Number.isInteger(pages)) throw new Error(`Cannot read the sixth field of "${text}"`);
  return pages * page_length;
}

function failed(c: Symbols, call: string): Error {
  const pointer = c.__errno_location() as Deno.PointerObject;
  return new Error(`Cannot ${call}: errno ${new Deno.UnsafePointerView(pointer).getInt32()}`);
}

function readStatm(c: Symbols): string {
  const fd = c.open(new TextEncoder().encode("/proc/self/statm\0"), 0, 0);
  if (fd < 0) throw failed(c, "open /proc/self/statm");
  const bytes = new Uint8Array(STATM_LENGTH_MAX);
  const length = c.read(fd, bytes, i64(bytes.length));
  c.close(fd);
  if (length <= 0) throw failed(c, "read /proc/self/statm");
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function setLimit(c: Symbols, resource: number, value: number, isHard: boolean): void {
  const now = new BigUint64Array(2);
  if (c.prlimit(0, resource, null, new Uint8Array(now.buffer)) < 0) throw failed(c, "prlimit");
  const word = BigInt(Math.floor(value));
  // Never above what the hard limit says already.
  const bounded = word < now[1] ? word : now[1];
  const pair = new BigUint64Array([bounded, isHard ? bounded : now[1]]);
  if (c.prlimit(0, resource, new Uint8Array(pair.buffer), null) < 0) throw failed(c, "prlimit");
}

/**
 * Limits this process. Memory: what there is now, since what a runtime reserves differs between
 * machines, and `memory_bytes` more. Files: softly, so that the daemon can raise it when a volume
 * grows; a guest cannot, for its seccomp filter knows no prlimit. Throws where a limit cannot be set.
 */
export function limitGuest({ memory_bytes, file_bytes }: GuestLimits): void {
  const c = Deno.dlopen("libc.so.6", symbols).symbols;
  if (memory_bytes > 0) {
    setLimit(c, RLIMIT_DATA, dataOfStatm(readStatm(c)) + memory_bytes, true);
  }
  if (file_bytes === null) return;
  // A write past the limit then fails with EFBIG, which a handler sees, and does not end the process.
  c.signal(SIGXFSZ, SIG_IGN);
  setLimit(c, RLIMIT_FSIZE, file_bytes, false);
}
