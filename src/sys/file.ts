/**
 * File operations on descriptors, as capabilities need them. The symbols are an object that is
 * handed on, and not a module's export: in a guest the handler shares the realm with this code and
 * could import the module, but it cannot reach an object in a closure.
 *
 * @module
 */
import type { libc } from "./libc.ts";
import { i64 } from "./numbers.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 16;

/** The symbols that {@linkcode FileCalls} is made of. */
export type FileSymbols = Pick<
  typeof libc,
  "pread" | "pwrite" | "fdatasync" | "fallocate" | "ftruncate"
>;

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
  constructor(call: string, errno: number) {
    super(`Cannot ${call}: errno ${errno}`);
    this.errno = errno;
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
      if (count < 0) this.#fail("pread");
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
      if (count === 0) throw new FileError("pwrite", 5);
      if (count < 0) this.#fail("pwrite");
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

  #fallocate(fd: number, mode: number, offset: number, length: number): void {
    while (this.#symbols.fallocate(fd, mode, i64(offset), i64(length)) < 0) this.#fail("fallocate");
  }

  /** Returns where the call was interrupted and is to be repeated; else throws. */
  #fail(call: string): void {
    const number = this.#errno();
    if (number !== EINTR) throw new FileError(call, number);
  }
}
