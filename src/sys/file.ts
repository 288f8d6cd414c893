/**
 * File operations on descriptors, as capabilities need them. The symbols are an object that is
 * handed on, and not a module's export: in a guest the handler shares the realm with this code and
 * could import the module, but it cannot reach an object in a closure.
 *
 * @module
 */
import type { libc } from "./libc.ts";
import { i64, STAT_MODE_OFFSET, SYS_FSTAT } from "./numbers.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 16;

/** The symbols that {@linkcode FileCalls} is made of. */
export type FileSymbols = Pick<
  typeof libc,
  | "pread"
  | "pwrite"
  | "fdatasync"
  | "fallocate"
  | "ftruncate"
  | "lseek"
  | "fstat"
  | "fstatvfs"
>;

const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** No data, or no hole, from there on: past the end of the file. */
const ENXIO = 6;
/** struct stat of asm/stat.h: longer than on any machine; the mode's place is the one that differs. */
const STAT_LENGTH = 256;
const STAT_SIZE_OFFSET = 48;
const STAT_BLOCKS_OFFSET = 64;
const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
/** `st_blocks` counts these, whatever the file system's blocks are. */
const STAT_BLOCK_LENGTH = 512;
/** Of `struct statvfs` on 64-bit machines. */
const STATVFS_LENGTH = 256;
const STATVFS_FRAGMENT_OFFSET = 8;
const STATVFS_AVAILABLE_OFFSET = 32;

/** Size of a file, and the storage it takes. */
export interface FileUsage {
  /** A block device: the other members are 0. */
  readonly device: boolean;
  readonly size_bytes: number;
  readonly used_bytes: number;
}

/** A run of bytes, and whether storage is assigned to it. */
export interface FileExtent {
  readonly offset: number;
  readonly length: number;
  readonly mapped: boolean;
}

/** Extents begin and end on pages, so that they are whole blocks of any volume. */
const PAGE_LENGTH = 4096;
/** Extents of one call: a file with more of them is told in part, and as mapped from there on. */
const EXTENTS_MAX = 1024;

function floorPage(offset: number): number {
  return Math.floor(offset / PAGE_LENGTH) * PAGE_LENGTH;
}

function ceilPage(offset: number): number {
  return Math.ceil(offset / PAGE_LENGTH) * PAGE_LENGTH;
}

/** What a file operation can say, as far as callers tell it apart. */
export type FileErrorKind = "no-space" | "unsupported" | "invalid" | "read-only" | "io";

const EIO_KINDS: Readonly<Record<number, FileErrorKind>> = {
  1: "read-only", // EPERM: the file is sealed or immutable
  9: "read-only", // EBADF: not open for writing
  22: "invalid", // EINVAL
  27: "no-space", // EFBIG
  28: "no-space", // ENOSPC
  30: "read-only", // EROFS
  95: "unsupported", // EOPNOTSUPP
  122: "no-space", // EDQUOT
};

/** A file operation failed. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly kind: FileErrorKind;
  readonly errno: number;
  /** Bytes that a read or write had moved before. */
  readonly moved_bytes: number;
  constructor(call: string, errno: number, moved_bytes = 0) {
    super(`Cannot ${call}: errno ${errno}`);
    this.errno = errno;
    this.moved_bytes = moved_bytes;
    this.kind = EIO_KINDS[errno] ?? "io";
  }
}

const EINTR = 4;

/** Positioned I/O on descriptors. All methods block and throw {@linkcode FileError}. */
export class FileCalls {
  readonly #symbols: FileSymbols;
  readonly #errno: () => number;

  constructor(symbols: FileSymbols, errno: () => number) {
    this.#symbols = symbols;
    this.#errno = errno;
  }

  /** Reads up to the end of the file; returns the bytes read, less than asked only at the end. */
  read(fd: number, offset: number, into: Uint8Array): number {
    let done = 0;
    let rest = into as Uint8Array<ArrayBuffer>;
    while (rest.length > 0) {
      const count = this.#symbols.pread(fd, rest, BigInt(rest.length), BigInt(offset + done));
      if (count === 0) break;
      if (count < 0) this.#fail("pread", done);
      else {
        done += count;
        if (count === rest.length) break;
        rest = rest.subarray(count);
      }
    }
    return done;
  }

  /** Writes all bytes. */
  write(fd: number, offset: number, from: Uint8Array): void {
    let at = offset;
    let rest = from as Uint8Array<ArrayBuffer>;
    while (rest.length > 0) {
      const count = this.#symbols.pwrite(fd, rest, BigInt(rest.length), BigInt(at));
      // A write that takes nothing and says nothing would loop for ever.
      if (count === 0) throw new FileError("pwrite", 5, at - offset);
      if (count < 0) this.#fail("pwrite", at - offset);
      else {
        if (count === rest.length) return;
        at += count;
        rest = rest.subarray(count);
      }
    }
  }

  /** fdatasync(2). */
  sync(fd: number): void {
    while (this.#symbols.fdatasync(fd) < 0) this.#fail("fdatasync");
  }

  /** Makes the range a hole, without changing the file's size. */
  punchHole(fd: number, offset: number, length: number): void {
    this.#fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /** Makes the range zeros and keeps its storage, without changing the file's size. */
  zeroRange(fd: number, offset: number, length: number): void {
    this.#fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /** Sets the size of a regular file. */
  truncate(fd: number, size: number): void {
    while (this.#symbols.ftruncate(fd, i64(size)) < 0) this.#fail("ftruncate");
  }

  /**
   * The first byte at or after `offset` that holds data, or (`hole`) does not; undefined where there
   * is none before the end of the file. Throws "invalid" where it cannot be told: block devices.
   */
  seek(fd: number, offset: number, hole: boolean): number | undefined {
    for (;;) {
      const at = Number(this.#symbols.lseek(fd, BigInt(offset), hole ? SEEK_HOLE : SEEK_DATA));
      if (at >= 0) return at;
      if (this.#errno() === ENXIO) return undefined;
      this.#fail("lseek");
    }
  }

  /**
   * The runs of data and the holes of a range, in order, without gap; a page that holds data in part
   * counts as data. What cannot tell (a block device, some file systems) is data as a whole.
   */
  extents(fd: number, offset: number, length: number): FileExtent[] {
    try {
      return this.#listExtents(fd, offset, offset + length);
    } catch (error) {
      if (!(error instanceof FileError) || error.kind !== "invalid") throw error;
      return length === 0 ? [] : [{ offset, length, mapped: true }];
    }
  }

  #listExtents(fd: number, offset: number, end: number): FileExtent[] {
    const extents: FileExtent[] = [];
    const add = (from: number, to: number, mapped: boolean) => {
      if (to > from) extents.push({ offset: from, length: to - from, mapped });
    };
    for (let at = offset; at < end && extents.length < EXTENTS_MAX;) {
      const data = Math.max(at, this.seek(fd, at, false) ?? end);
      const begin = data >= end ? end : Math.max(at, floorPage(data));
      add(at, begin, false);
      if (begin >= end) return extents;
      const hole = Math.max(floorPage(begin) + PAGE_LENGTH, this.seek(fd, data, true) ?? end);
      at = Math.min(end, ceilPage(hole));
      add(begin, at, true);
    }
    const told = extents.length === 0 ? offset : extents[extents.length - 1].offset +
      extents[extents.length - 1].length;
    add(told, end, true);
    return extents;
  }

  /** Storage in use for a file of `size` bytes, and what its file system has left. */
  space(fd: number, size: number): { used: number; available: number } {
    const { device, used_bytes } = this.usage(fd);
    // Whatever a device has is its own.
    if (device) return { used: size, available: 0 };
    return { used: used_bytes, available: this.available(fd) };
  }

  /** Size of a file or block device. */
  size(fd: number): number {
    for (;;) {
      const size = Number(this.#symbols.lseek(fd, 0n, SEEK_END));
      if (size >= 0) return size;
      this.#fail("lseek");
    }
  }

  /** fstat(2). */
  usage(fd: number): FileUsage {
    const answer = new Uint8Array(STAT_LENGTH);
    while (this.#symbols.fstat(SYS_FSTAT, fd, answer) < 0) this.#fail("fstat");
    const view = new DataView(answer.buffer);
    return {
      device: (view.getUint32(STAT_MODE_OFFSET, true) & S_IFMT) === S_IFBLK,
      size_bytes: Number(view.getBigUint64(STAT_SIZE_OFFSET, true)),
      used_bytes: Number(view.getBigUint64(STAT_BLOCKS_OFFSET, true)) * STAT_BLOCK_LENGTH,
    };
  }

  /** What the file system of a file has left for who is not root. */
  available(fd: number): number {
    const answer = new Uint8Array(STATVFS_LENGTH);
    while (this.#symbols.fstatvfs(fd, answer) < 0) this.#fail("fstatvfs");
    const view = new DataView(answer.buffer);
    return Number(view.getBigUint64(STATVFS_FRAGMENT_OFFSET, true)) *
      Number(view.getBigUint64(STATVFS_AVAILABLE_OFFSET, true));
  }

  #fallocate(fd: number, mode: number, offset: number, length: number): void {
    while (this.#symbols.fallocate(fd, mode, i64(offset), i64(length)) < 0) this.#fail("fallocate");
  }

  /** Returns where the call was interrupted and is to be repeated; else throws. */
  #fail(call: string, moved_bytes = 0): void {
    const number = this.#errno();
    if (number !== EINTR) throw new FileError(call, number, moved_bytes);
  }
}
