/**
 * The data area of a ring: blocks of 4 KiB for the data buffers of commands, lowest address first, so
 * that few pages are resident, and in one run where that is possible, so that a command has one iovec.
 */
import type { TaskBuffer } from "../target_port.ts";
import { Bitmap } from "./bitmap.ts";

/** Bytes in a block: one page, as with the kernel's data_pages_per_blk = 1. */
export const BLOCK_LENGTH = 4096;
const BLOCK_SHIFT = 12;

/** A buffer of whole blocks; belongs to a command and is used again. */
export class DataBuffer implements TaskBuffer {
  readonly memory: ArrayBuffer;
  readonly address: bigint;
  segments = new Uint32Array(4);
  segment_count = 0;
  length = 0;

  constructor(memory: ArrayBuffer, address: bigint) {
    this.memory = memory;
    this.address = address;
  }

  /** Appends a segment. */
  push(offset: number, length: number): void {
    const index = this.segment_count * 2;
    if (index === this.segments.length) {
      const larger = new Uint32Array(index * 2);
      larger.set(this.segments);
      this.segments = larger;
    }
    this.segments[index] = offset;
    this.segments[index + 1] = length;
    this.segment_count++;
    this.length += length;
  }

  clear(): void {
    this.segment_count = 0;
    this.length = 0;
  }

  /** Copies bytes to the beginning of the buffer; returns how many fitted. */
  write(bytes: Uint8Array): number {
    let done = 0;
    for (let index = 0; index < this.segment_count && done < bytes.length; index++) {
      const length = Math.min(this.segments[2 * index + 1], bytes.length - done);
      const target = new Uint8Array(this.memory, this.segments[2 * index], length);
      target.set(bytes.subarray(done, done + length));
      done += length;
    }
    return done;
  }

  /** A copy of the first `length` bytes. */
  read(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.min(length, this.length));
    let done = 0;
    for (let index = 0; done < bytes.length; index++) {
      const part = Math.min(this.segments[2 * index + 1], bytes.length - done);
      bytes.set(new Uint8Array(this.memory, this.segments[2 * index], part), done);
      done += part;
    }
    return bytes;
  }
}

/** Allocator of the blocks of one data area. */
export class DataArea {
  readonly length_bytes: number;
  readonly #offset: number;
  readonly #blocks: Bitmap;
  readonly #run_blocks_max: number;
  /** Blocks from here on were not used since the last reclaim. */
  #top = 0;

  /**
   * @param offset Of the area in its memory.
   * @param length_bytes A multiple of the block length.
   * @param run_blocks_max For tests: buffers are cut into runs of at most this many blocks, with
   * gaps between them as far as there is room. 0: not cut.
   */
  constructor(offset: number, length_bytes: number, run_blocks_max: number) {
    this.#offset = offset;
    this.length_bytes = length_bytes;
    this.#blocks = new Bitmap(length_bytes / BLOCK_LENGTH);
    this.#run_blocks_max = run_blocks_max;
  }

  get blocks_used(): number {
    return this.#blocks.used;
  }

  /** Bytes from the beginning of the area that have been used since the last reclaim. */
  get touched_bytes(): number {
    return this.#top * BLOCK_LENGTH;
  }

  /** Gives `buffer`, which is empty, `length` bytes. Returns false, and gives none, without room. */
  allocate(buffer: DataBuffer, length: number): boolean {
    const count = Math.ceil(length / BLOCK_LENGTH);
    if (count > this.#blocks.free) return false;
    if (this.#run_blocks_max > 0) this.#allocatePieces(buffer, length);
    if (count === 1 && buffer.length === 0) {
      this.#give(buffer, this.#blocks.takeLowest(), length);
      return true;
    }
    for (let rest = length - buffer.length; rest > 0; rest = length - buffer.length) {
      const wanted = Math.ceil(rest / BLOCK_LENGTH);
      let start = this.#blocks.findRun(wanted);
      let run = wanted;
      if (start < 0) {
        start = this.#blocks.findRun(1);
        run = this.#blocks.runAt(start, wanted);
      }
      this.#blocks.take(start, run);
      this.#give(buffer, start, Math.min(rest, run * BLOCK_LENGTH));
    }
    return true;
  }

  /** Short runs with a free block between them, as far as the area goes. */
  #allocatePieces(buffer: DataBuffer, length: number): void {
    let start = this.#blocks.nextFree(0);
    while (start >= 0 && buffer.length < length) {
      const rest = length - buffer.length;
      const wanted = Math.min(this.#run_blocks_max, Math.ceil(rest / BLOCK_LENGTH));
      const run = this.#blocks.runAt(start, wanted);
      this.#blocks.take(start, run);
      this.#give(buffer, start, Math.min(rest, run * BLOCK_LENGTH));
      start = this.#blocks.nextFree(start + run + 1);
    }
  }

  #give(buffer: DataBuffer, start: number, length: number): void {
    buffer.push(this.#offset + start * BLOCK_LENGTH, length);
    const end = start + ((length + BLOCK_LENGTH - 1) >>> BLOCK_SHIFT);
    if (end > this.#top) this.#top = end;
  }

  /** Takes the blocks of a buffer back and empties it. */
  release(buffer: DataBuffer): void {
    for (let index = 0; index < buffer.segment_count; index++) {
      const start = (buffer.segments[2 * index] - this.#offset) >>> BLOCK_SHIFT;
      const count = (buffer.segments[2 * index + 1] + BLOCK_LENGTH - 1) >>> BLOCK_SHIFT;
      this.#blocks.give(start, count);
    }
    buffer.clear();
  }

  /**
   * Gives the pages above the highest used block back through `discard(offset, length)`, offset from
   * the beginning of the area.
   */
  reclaim(discard: (offset: number, length: number) => void): void {
    const end = this.#blocks.end;
    if (end >= this.#top) return;
    discard(end * BLOCK_LENGTH, (this.#top - end) * BLOCK_LENGTH);
    this.#top = end;
  }
}
