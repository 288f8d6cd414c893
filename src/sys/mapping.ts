/** Shared memory: memfd, sealing, and mapping a descriptor over a window of a linear memory. */
import { check, cString } from "./error.ts";
import { errno, libc } from "./libc.ts";
import { SystemError } from "./error.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const FALLOC_FL_PUNCH_HOLE_KEEP_SIZE = 3;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
/** Bytes in a page. */
export const PAGE_LENGTH = 4096;

/** A memfd of a fixed size: sealed against shrinking, growing and further seals. */
export function makeMemfd(name: string, length: number): number {
  const fd = check(
    libc.memfd_create(cString(name), MFD_CLOEXEC | MFD_ALLOW_SEALING),
    "memfd_create",
  );
  check(libc.ftruncate(fd, BigInt(length)), "ftruncate", name);
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
  check(libc.fcntl(fd, F_ADD_SEALS, BigInt(seals)), "fcntl F_ADD_SEALS", name);
  return fd;
}

/**
 * A memfd whose size may be changed, and nothing else about it: who holds the descriptor cannot seal
 * it. Nobody who must not fault may map it and share it with who is not trusted.
 */
export function makeResizableMemfd(name: string, length: number): number {
  const fd = check(
    libc.memfd_create(cString(name), MFD_CLOEXEC | MFD_ALLOW_SEALING),
    "memfd_create",
  );
  check(libc.ftruncate(fd, BigInt(length)), "ftruncate", name);
  check(libc.fcntl(fd, F_ADD_SEALS, BigInt(F_SEAL_SEAL)), "fcntl F_ADD_SEALS", name);
  return fd;
}

/** Makes shared memory zeros again, and gives its pages back; mappings of it see zeros. */
export function clearMemfd(fd: number, length: number): void {
  check(libc.fallocate(fd, FALLOC_FL_PUNCH_HOLE_KEEP_SIZE, 0n, BigInt(length)), "fallocate");
}

/** Address of the first byte of a buffer in this process. */
export function addressOf(buffer: ArrayBufferLike): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer)));
}

function assertWindow(memory: ArrayBufferLike, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && offset % PAGE_LENGTH === 0 &&
    length % PAGE_LENGTH === 0 && length > 0;
  if (!whole || offset < 0 || offset + length > memory.byteLength) {
    throw new RangeError(`Cannot map ${length} bytes at ${offset}: outside of the memory`);
  }
}

function mapFixed(address: bigint, length: number, flags: number, fd: number): void {
  const result = libc.mmap(address, BigInt(length), PROT_READ_WRITE, flags | MAP_FIXED, fd, 0n);
  if (result === MAP_FAILED) throw new SystemError("mmap", errno());
}

/**
 * Maps a descriptor, shared, over a window of a memory that never grows. Until
 * {@linkcode unmapWindow}, reads and writes there go to the descriptor's pages.
 */
export function mapWindow(
  memory: ArrayBufferLike,
  offset: number,
  length: number,
  fd: number,
): void {
  assertWindow(memory, offset, length);
  mapFixed(addressOf(memory) + BigInt(offset), length, MAP_SHARED, fd);
}

/** Puts fresh anonymous pages over a window; do this before the descriptor is closed. */
export function unmapWindow(memory: ArrayBufferLike, offset: number, length: number): void {
  assertWindow(memory, offset, length);
  mapFixed(addressOf(memory) + BigInt(offset), length, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/**
 * Maps `length` bytes of a descriptor from `offset` (page aligned), shared, and returns the bytes.
 * They stay mapped until {@linkcode unmap}.
 */
export function map(fd: number, length: number, offset = 0): ArrayBuffer {
  const address = libc.mmap(0n, BigInt(length), PROT_READ_WRITE, MAP_SHARED, fd, BigInt(offset));
  if (address === MAP_FAILED) throw new SystemError("mmap", errno());
  const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject;
  return Deno.UnsafePointerView.getArrayBuffer(pointer, length);
}

/** Undoes {@linkcode map}. The bytes must not be touched again. */
export function unmap(bytes: ArrayBuffer): void {
  check(libc.munmap(addressOf(bytes), BigInt(bytes.byteLength)), "munmap");
}
