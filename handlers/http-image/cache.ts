/**
 * Chunks of the image in memory that the daemon holds, so that a new process finds what the one before
 * has read. A process may be killed between any two writes: a slot's entry is cleared before its
 * bytes change, and set after.
 *
 * Memory: a page that names the version, entries of 8 bytes (number of the chunk + 1, 0: none), slots.
 * A chunk has one slot that it may be in.
 *
 * @module
 */
import type { MemoryCapability } from "lunette/plugin";

const PAGE_LENGTH = 4096;
const ENTRY_LENGTH = 8;
const MARK_LENGTH = 32;

/** See the module. */
export class ChunkCache {
  readonly #memory: MemoryCapability;
  readonly #chunk_length: number;
  readonly #slots: number;
  readonly #entry = new Uint8Array(ENTRY_LENGTH);
  readonly #view = new DataView(this.#entry.buffer);

  /** `mark`: 32 bytes that name the version; what is in memory of another is forgotten. */
  constructor(memory: MemoryCapability, chunk_length: number, mark: Uint8Array) {
    this.#memory = memory;
    this.#chunk_length = chunk_length;
    this.#slots = Math.floor((memory.size - PAGE_LENGTH) / (chunk_length + ENTRY_LENGTH));
    const found = new Uint8Array(MARK_LENGTH);
    memory.read(0, found);
    if (found.every((byte, index) => byte === mark[index])) return;
    // The mark last: a process that is killed before begins again.
    memory.discard(0, memory.size);
    memory.write(0, mark.subarray(0, MARK_LENGTH));
  }

  #slotOf(chunk: number): number {
    return chunk % this.#slots;
  }

  #entryAt(slot: number): number {
    return PAGE_LENGTH + slot * ENTRY_LENGTH;
  }

  #dataAt(slot: number): number {
    return PAGE_LENGTH + this.#slots * ENTRY_LENGTH + slot * this.#chunk_length;
  }

  #setEntry(slot: number, value: number): void {
    this.#view.setFloat64(0, value, true);
    this.#memory.write(this.#entryAt(slot), this.#entry);
  }

  /** Whether a chunk is here. */
  has(chunk: number): boolean {
    this.#memory.read(this.#entryAt(this.#slotOf(chunk)), this.#entry);
    return this.#view.getFloat64(0, true) === chunk + 1;
  }

  /** Copies from a chunk that is here. */
  read(chunk: number, from: number, into: Uint8Array): void {
    this.#memory.read(this.#dataAt(this.#slotOf(chunk)) + from, into);
  }

  /** Keeps a chunk, in the place of another one. */
  write(chunk: number, bytes: Uint8Array): void {
    const slot = this.#slotOf(chunk);
    this.#setEntry(slot, 0);
    this.#memory.write(this.#dataAt(slot), bytes);
    this.#setEntry(slot, chunk + 1);
  }
}
