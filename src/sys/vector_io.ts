/** Positional vectored reads and writes on native iovecs, and what a file's system can do. */
import { Errno } from "./error.ts";
import { errno, libc } from "./libc.ts";

/** Bytes in a native `struct iovec`: base u64, length u64. */
export const NATIVE_IOVEC_LENGTH = 16;
/** Most iovecs in one call (IOV_MAX, limits.h). */
const IOVECS_MAX = 1024;
/** Fail with EAGAIN and do not wait for the device (preadv2(2)). */
export const RWF_NOWAIT = 8;
/** Like O_DSYNC, for this write alone. */
export const RWF_DSYNC = 2;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 16;

/** A list of native iovecs that is eaten up as calls make progress. Used again and again. */
export class NativeIovecs {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  first = 0;
  count = 0;
  /** Bytes that the last `transferAll` has moved, also where it failed. */
  moved = 0;

  constructor(buffer: ArrayBufferLike, offset: number, capacity: number) {
    this.bytes = new Uint8Array(buffer, offset, capacity * NATIVE_IOVEC_LENGTH);
    this.words = new Uint32Array(buffer, offset, capacity * 4);
  }

  /** Appends memory at base + offset, where base is given in two halves. */
  push(base_low: number, base_high: number, offset: number, length: number): void {
    const index = this.count++ * 4;
    const low = (base_low + offset) >>> 0;
    this.words[index] = low;
    this.words[index + 1] = base_high + (low < base_low ? 1 : 0);
    this.words[index + 2] = length;
    this.words[index + 3] = 0;
  }

  /** Drops the first `length` bytes. */
  advance(length: number): void {
    while (length > 0) {
      const index = this.first * 4;
      const here = this.words[index + 2];
      if (length >= here) {
        length -= here;
        this.first++;
        continue;
      }
      const low = (this.words[index] + length) >>> 0;
      if (low < this.words[index]) this.words[index + 1]++;
      this.words[index] = low;
      this.words[index + 2] = here - length;
      return;
    }
  }
}

/**
 * Reads or writes all of the iovecs at `offset`. Returns the bytes moved (fewer only at the end of
 * the file), or an errno, negated. With RWF_NOWAIT what was moved before EAGAIN is dropped from
 * the list; the caller goes on from there without the flag.
 */
export function transferAll(
  write: boolean,
  fd: number,
  iovecs: NativeIovecs,
  offset: number,
  flags: number,
): number {
  let moved = 0;
  iovecs.moved = 0;
  while (iovecs.first < iovecs.count) {
    const count = Math.min(iovecs.count - iovecs.first, IOVECS_MAX);
    const list = iovecs.first === 0
      ? iovecs.bytes
      : iovecs.bytes.subarray(iovecs.first * NATIVE_IOVEC_LENGTH);
    const call = write ? libc.pwritev2 : libc.preadv2;
    const result = call(fd, list as Uint8Array<ArrayBuffer>, count, BigInt(offset + moved), flags);
    if (result > 0) {
      moved += result;
      iovecs.moved = moved;
      iovecs.advance(result);
      continue;
    }
    if (result === 0) return moved;
    const error = errno();
    if (error === Errno.EINTR) continue;
    return moved > 0 && error === Errno.EAGAIN ? moved : -error;
  }
  return moved;
}

/** The bytes that the first iovec names: memory of this process, which stays where it is. */
export function firstBytes(iovecs: NativeIovecs): Uint8Array<ArrayBuffer> {
  const index = iovecs.first * 4;
  const address = BigInt(iovecs.words[index]) | (BigInt(iovecs.words[index + 1]) << 32n);
  const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject;
  return new Uint8Array(
    Deno.UnsafePointerView.getArrayBuffer(pointer, iovecs.words[index + 2]),
  );
}

/** Repeats a call that a signal interrupts. Returns 0 or an errno, negated. */
function withoutInterrupt(call: () => number): number {
  for (;;) {
    if (call() >= 0) return 0;
    const error = errno();
    if (error !== Errno.EINTR) return -error;
  }
}

/** fdatasync(2). Returns 0 or an errno, negated. */
export function syncData(fd: number): number {
  return withoutInterrupt(() => libc.fdatasync(fd));
}

/** Punches a hole. Returns 0 or an errno, negated (EOPNOTSUPP: the file system cannot). */
export function punchHole(fd: number, offset: number, length: number): number {
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  return withoutInterrupt(() => libc.fallocate(fd, mode, BigInt(offset), BigInt(length)));
}

/** Makes a range zeros without giving it back. Returns 0 or an errno, negated. */
export function zeroRange(fd: number, offset: number, length: number): number {
  const mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
  return withoutInterrupt(() => libc.fallocate(fd, mode, BigInt(offset), BigInt(length)));
}

const ZEROS_LENGTH = 1 << 20;
let zeros: Uint8Array<ArrayBuffer> | undefined;

/** Writes zeros over a range, where the file system can neither punch nor zero. */
export function writeZeros(fd: number, offset: number, length: number): number {
  // WebAssembly memories begin on a page, as O_DIRECT wants it; an ArrayBuffer may not.
  zeros ??= new Uint8Array(new WebAssembly.Memory({ initial: ZEROS_LENGTH / 65536 }).buffer);
  let moved = 0;
  while (moved < length) {
    const part = BigInt(Math.min(ZEROS_LENGTH, length - moved));
    const result = libc.pwrite(fd, zeros, part, BigInt(offset + moved));
    if (result <= 0) {
      const error = result === 0 ? Errno.ENOSPC : errno();
      if (error !== Errno.EINTR) return -error;
    } else moved += result;
  }
  return 0;
}

const memoryFileSystems = new Set([0x01021994, /* tmpfs */ 0x858458f6 /* ramfs */]);

/** Whether the file lies in memory (statfs(2)): reading and writing it never waits for a device. */
export function liesInMemory(fd: number): boolean {
  const result = new Uint8Array(256);
  if (libc.fstatfs(fd, result) < 0) return false;
  return memoryFileSystems.has(new DataView(result.buffer).getUint32(0, true));
}
