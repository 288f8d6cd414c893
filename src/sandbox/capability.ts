/**
 * The capabilities of the handler contract over descriptors: the same classes serve a guest and a
 * handler in thread. What they call is handed to them and is in private fields, out of reach of the
 * handler that holds them.
 *
 * @module
 */
import {
  type Extent,
  type FileCapability,
  HandlerError,
  type MemoryCapability,
  type Space,
} from "../plugin/mod.ts";
import { type FileCalls, FileError, type FileErrorKind } from "../sys/file.ts";
import { PresentPages } from "../sys/present_pages.ts";

const PAGE_LENGTH = 4096;
/** Zeros are written in pieces of this many bytes where a file system has no better way. */
const ZEROS_LENGTH = 1024 * 1024;
/** Memory is mapped in pieces: an ArrayBuffer has a greatest length. */
export const MEMORY_PIECE_LENGTH: number = 1024 * 1024 * 1024;

const CODES = {
  "no-space": "no-space",
  "read-only": "write-protected",
  "unsupported": "internal",
  "invalid": "medium-error",
  "io": "medium-error",
} as const satisfies Readonly<Record<FileErrorKind, string>>;

function checkRange(offset: number, length: number, size: number): void {
  // Not a whole number, negative, NaN or past the end: one comparison each, all refused.
  if (!Number.isInteger(offset) || offset < 0 || !(length >= 0) || offset + length > size) {
    throw new RangeError(`Cannot access ${length} bytes at ${offset}: the size is ${size}`);
  }
}

function checkOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError(`Cannot access the file at ${offset}`);
  }
}

/** Maps `length` bytes of a descriptor from `offset`. */
export type MapCall = (fd: number, length: number, offset: number) => ArrayBuffer;

/** Memory held in a memfd. */
export class GrantedMemory implements MemoryCapability {
  readonly size: number;
  readonly #pieces: Uint8Array[] = [];
  readonly #first: Uint8Array;
  readonly #fd: number;
  readonly #calls: FileCalls;
  readonly #pages: PresentPages;

  /**
   * Maps the whole descriptor at once; `map` is not kept. The descriptor stays open. Whoever maps
   * the memory in the same process as well shares `pages`.
   */
  constructor(
    fd: number,
    size: number,
    map: MapCall,
    calls: FileCalls,
    pages: PresentPages = new PresentPages(size, calls.extents(fd, 0, size)),
  ) {
    this.size = size;
    this.#fd = fd;
    this.#calls = calls;
    this.#pages = pages;
    for (let offset = 0; offset < size; offset += MEMORY_PIECE_LENGTH) {
      const length = Math.min(MEMORY_PIECE_LENGTH, size - offset);
      this.#pieces.push(new Uint8Array(map(fd, length, offset)));
    }
    this.#first = this.#pieces[0] ?? new Uint8Array(0);
  }

  read(offset: number, into: Uint8Array): void {
    const length = into.length;
    // A whole number as the comparison shows, and a small one: the checks of all others cost more.
    const small = offset >>> 0;
    const first = small === offset && offset + length <= this.#first.length;
    if (first && this.#pages.has(small, length)) {
      into.set(this.#first.subarray(small, small + length));
      return;
    }
    checkRange(offset, length, this.size);
    for (let done = 0; done < length;) {
      const run = this.#pages.run(offset + done, length - done);
      if (run.present) this.#copyOut(offset + done, into.subarray(done, done + run.length));
      else into.fill(0, done, done + run.length);
      done += run.length;
    }
  }

  #copyOut(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const part = this.#part(offset + done, into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  write(offset: number, from: Uint8Array): void {
    const length = from.length;
    const small = offset >>> 0;
    if (small === offset && offset + length <= this.#first.length) {
      this.#pages.add(small, length);
      this.#first.set(from, small);
      return;
    }
    checkRange(offset, length, this.size);
    this.#pages.add(offset, length);
    for (let done = 0; done < length;) {
      const part = this.#part(offset + done, length - done);
      part.set(from.subarray(done, done + part.length));
      done += part.length;
    }
  }

  discard(offset: number, length: number): void {
    checkRange(offset, length, this.size);
    const end = offset + length;
    const first = Math.ceil(offset / PAGE_LENGTH) * PAGE_LENGTH;
    const last = Math.floor(end / PAGE_LENGTH) * PAGE_LENGTH;
    if (first >= last) return this.#zero(offset, end);
    this.#zero(offset, first);
    this.#calls.punchHole(this.#fd, first, last - first);
    this.#pages.remove(first, last - first);
    this.#zero(last, end);
  }

  extents(offset: number, length: number): Extent[] {
    checkRange(offset, length, this.size);
    return this.#calls.extents(this.#fd, offset, length);
  }

  space(): Space {
    const used = Math.min(this.size, this.#calls.usage(this.#fd).used_bytes);
    return { used, available: this.size - used };
  }

  #zero(from: number, to: number): void {
    for (let at = from; at < to;) {
      const part = this.#part(at, to - at);
      // A hole is zeros as it is; what lies beside one may be data.
      const run = this.#pages.run(at, part.length);
      if (run.present) part.fill(0, 0, run.length);
      at += run.length;
    }
  }

  /** The bytes at `offset`, at most to the end of their piece. */
  #part(offset: number, length: number): Uint8Array {
    const at = offset % MEMORY_PIECE_LENGTH;
    const end = Math.min(at + length, MEMORY_PIECE_LENGTH);
    return this.#pieces[(offset - at) / MEMORY_PIECE_LENGTH].subarray(at, end);
  }
}

/** Where zeros come from: page aligned, as O_DIRECT wants it. Made when first needed. */
let zeros: Uint8Array | undefined;

function alignedZeros(): Uint8Array {
  if (zeros === undefined) {
    // WebAssembly memories begin on a page; an ArrayBuffer may not.
    const memory = new WebAssembly.Memory({ initial: ZEROS_LENGTH / 65536 });
    zeros = new Uint8Array(memory.buffer);
  }
  return zeros;
}

/** A file or block device, opened by the daemon. */
export class GrantedFile implements FileCapability {
  readonly writable: boolean;
  readonly #fd: number;
  readonly #calls: FileCalls;
  #size: number;

  constructor(fd: number, size: number, writable: boolean, calls: FileCalls) {
    this.writable = writable;
    this.#fd = fd;
    this.#size = size;
    this.#calls = calls;
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): void {
    checkOffset(offset);
    try {
      const count = this.#calls.read(this.#fd, offset, into);
      if (count === into.length) return;
      // Past the size there are zeros; before it there was content, which somebody has cut off.
      if (offset + count < Math.min(this.#size, offset + into.length)) {
        throw new HandlerError("medium-error", "the file has become shorter", {
          offset: offset + count,
        });
      }
      into.fill(0, count);
    } catch (error) {
      throw this.#translate(error, offset);
    }
  }

  write(offset: number, from: Uint8Array): void {
    this.#checkWritable();
    checkOffset(offset);
    try {
      this.#calls.write(this.#fd, offset, from);
    } catch (error) {
      throw this.#translate(error, offset);
    }
  }

  sync(): void {
    try {
      this.#calls.sync(this.#fd);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  discard(offset: number, length: number): void {
    this.#fill(offset, length, "punchHole");
  }

  writeZeroes(offset: number, length: number): void {
    this.#fill(offset, length, "zeroRange");
  }

  truncate(size: number): void {
    this.#checkWritable();
    checkOffset(size);
    try {
      this.#calls.truncate(this.#fd, size);
      this.#size = size;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  extents(offset: number, length: number): Extent[] {
    checkRange(offset, length, this.#size);
    try {
      return this.#calls.extents(this.#fd, offset, length);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  space(): Space {
    try {
      return this.#calls.space(this.#fd, this.#size);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** Makes the range zeros: with one call, or where the file system cannot, by writing them. */
  #fill(offset: number, length: number, call: "punchHole" | "zeroRange"): void {
    this.#checkWritable();
    checkRange(offset, length, this.#size);
    if (length === 0) return;
    try {
      this.#calls[call](this.#fd, offset, length);
    } catch (error) {
      if (!(error instanceof FileError) || error.kind !== "unsupported") {
        throw this.#translate(error);
      }
      this.#writeZeros(offset, length);
    }
  }

  #writeZeros(offset: number, length: number): void {
    const source = alignedZeros();
    for (let done = 0; done < length; done += ZEROS_LENGTH) {
      this.write(offset + done, source.subarray(0, Math.min(ZEROS_LENGTH, length - done)));
    }
  }

  #checkWritable(): void {
    if (!this.writable) throw new HandlerError("write-protected", "the file is read-only");
  }

  /** `offset`: where a read or write began. */
  #translate(error: unknown, offset?: number): unknown {
    if (!(error instanceof FileError)) return error;
    const failed = offset === undefined ? {} : { offset: offset + error.moved_bytes };
    return new HandlerError(CODES[error.kind], error.message, failed);
  }
}
