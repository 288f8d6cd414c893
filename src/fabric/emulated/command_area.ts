/**
 * Mailbox and command area of a ring, written as the kernel writes them (target_core_user.c:
 * is_ring_space_avail, ring_insert_padding, queue_cmd_ring, queue_tmr_ring).
 *
 * The head, the position up to which completions were seen, and the length of every entry are kept
 * here as well: nothing that user space can write decides where the kernel's side looks next.
 */
import {
  COMMAND_CDB_OFFSET_OFFSET,
  COMMAND_IOV_BIDI_COUNT_OFFSET,
  COMMAND_IOV_COUNT_OFFSET,
  COMMAND_IOV_OFFSET,
  COMMAND_SIZE,
  ENTRY_ALIGNMENT,
  ENTRY_HEADER_CMD_ID_OFFSET,
  ENTRY_OPERATION_MASK,
  IOVEC_BASE_OFFSET,
  IOVEC_LENGTH_OFFSET,
  IOVEC_SIZE,
  MAILBOX_FLAG_KEEP_BUF,
  MAILBOX_FLAG_OUT_OF_ORDER,
  MAILBOX_FLAG_READ_LEN,
  MAILBOX_FLAG_TMR,
  MAILBOX_FLAGS_OFFSET,
  MAILBOX_HEAD_OFFSET,
  MAILBOX_RING_OFFSET_OFFSET,
  MAILBOX_RING_SIZE_OFFSET,
  MAILBOX_SIZE,
  MAILBOX_TAIL_OFFSET,
  MAILBOX_VERSION,
  MAILBOX_VERSION_OFFSET,
  OPERATION_COMMAND,
  OPERATION_PAD,
  OPERATION_TMR,
  TMR_COMMAND_COUNT_OFFSET,
  TMR_COMMAND_IDS_OFFSET,
  TMR_SIZE,
  TMR_TYPE_OFFSET,
} from "../../abi/tcmu.ts";
import type { DataBuffer } from "./data_area.ts";
import { EntryQueue } from "./entry_queue.ts";
import type { RingCommand } from "./ring_command.ts";

const HEAD = MAILBOX_HEAD_OFFSET >>> 2;
const TAIL = MAILBOX_TAIL_OFFSET >>> 2;
const FLAGS = MAILBOX_FLAG_OUT_OF_ORDER | MAILBOX_FLAG_READ_LEN | MAILBOX_FLAG_TMR |
  MAILBOX_FLAG_KEEP_BUF;
/** {@linkcode CommandArea.next}: user space has changed the entry's first word. */
export const ENTRY_ALTERED = -1;
/** {@linkcode CommandArea.next}: not a command; nothing to complete. */
export const ENTRY_SKIPPED = 0;

function alignEntry(length: number): number {
  return (length + ENTRY_ALIGNMENT - 1) & ~(ENTRY_ALIGNMENT - 1);
}

/** Bytes of an entry before the CDB: never less than a response takes. */
export function baseSize(iov_count: number): number {
  return Math.max(COMMAND_SIZE, COMMAND_IOV_OFFSET + IOVEC_SIZE * iov_count);
}

/** Bytes of a task management entry. */
export function tmrSize(command_count: number): number {
  return alignEntry(TMR_SIZE + 2 * command_count);
}

/** Bytes of a command's entry. */
export function commandSize(command: RingCommand): number {
  const iovs = command.dataOut.segment_count + command.dataIn.segment_count;
  return baseSize(iovs) + alignEntry(command.cdb_length);
}

export class CommandArea {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
  /** Bytes in the ring proper. */
  readonly size: number;
  readonly #window: number;
  #head = 0;
  #cleaned = 0;
  readonly #entries: EntryQueue;

  /** Over `memory` from `offset`, where the mapping begins; `ring_size` bytes with the mailbox. */
  constructor(memory: ArrayBuffer, offset: number, ring_size: number) {
    this.#window = offset;
    this.size = ring_size - MAILBOX_SIZE;
    this.bytes = new Uint8Array(memory, offset, ring_size);
    this.halves = new Uint16Array(memory, offset, ring_size / 2);
    this.words = new Uint32Array(memory, offset, ring_size / 4);
    // The shortest entries are TMRs; a PAD stands only at the ring's end.
    this.#entries = new EntryQueue(this.size / TMR_SIZE + 1);
    this.words.fill(0, 0, MAILBOX_SIZE >>> 2);
    this.halves[MAILBOX_VERSION_OFFSET >>> 1] = MAILBOX_VERSION;
    this.halves[MAILBOX_FLAGS_OFFSET >>> 1] = FLAGS;
    this.words[MAILBOX_RING_OFFSET_OFFSET >>> 2] = MAILBOX_SIZE;
    this.words[MAILBOX_RING_SIZE_OFFSET >>> 2] = this.size;
  }

  /** Where the next entry goes. */
  get head(): number {
    return this.#head;
  }

  /** Begins again with an empty ring at position 0. */
  reset(): void {
    this.#head = 0;
    this.#cleaned = 0;
    this.#entries.clear();
    Atomics.store(this.words, TAIL, 0);
    Atomics.store(this.words, HEAD, 0);
  }

  /** Whether an entry of `size` bytes can be put now, with the padding it may need before it. */
  hasRoom(size: number): boolean {
    const to_end = this.size - this.#head;
    const needed = to_end >= size ? size : size + to_end;
    let used = this.#head - this.#cleaned;
    if (used < 0) used += this.size;
    return this.size - used - 1 >= needed;
  }

  /** Puts a command entry of `size` bytes; there is room. */
  putCommand(command: RingCommand, size: number): void {
    const slot = this.#begin(size, OPERATION_COMMAND);
    const { words, bytes } = this;
    const word = slot >>> 2;
    this.halves[(slot + ENTRY_HEADER_CMD_ID_OFFSET) >>> 1] = command.id;
    const { dataOut, dataIn, cdb } = command;
    const out = dataOut.segment_count;
    const bidirectional = out > 0 && dataIn.segment_count > 0;
    words[word + (COMMAND_IOV_COUNT_OFFSET >>> 2)] = bidirectional
      ? out
      : out + dataIn.segment_count;
    if (bidirectional) {
      words[word + (COMMAND_IOV_BIDI_COUNT_OFFSET >>> 2)] = dataIn.segment_count;
    }
    const cdb_offset = slot + baseSize(out + dataIn.segment_count);
    words[word + (COMMAND_CDB_OFFSET_OFFSET >>> 2)] = cdb_offset;
    const iov = word + (COMMAND_IOV_OFFSET >>> 2);
    this.#putIovecs(dataOut, iov);
    this.#putIovecs(dataIn, iov + out * (IOVEC_SIZE >>> 2));
    for (let index = 0; index < command.cdb_length; index++) bytes[cdb_offset + index] = cdb[index];
    this.#publish(size);
  }

  #putIovecs(buffer: DataBuffer, word: number): void {
    const { words } = this;
    const { segments } = buffer;
    // The high halves of the 64-bit fields are zero already.
    for (let index = 0; index < buffer.segment_count; index++) {
      words[word + (IOVEC_BASE_OFFSET >>> 2)] = segments[2 * index] - this.#window;
      words[word + (IOVEC_LENGTH_OFFSET >>> 2)] = segments[2 * index + 1];
      word += IOVEC_SIZE >>> 2;
    }
  }

  /** Puts a task management entry; there is room. */
  putTmr(type: number, ids: readonly number[]): void {
    const size = tmrSize(ids.length);
    const slot = this.#begin(size, OPERATION_TMR);
    this.bytes[slot + TMR_TYPE_OFFSET] = type;
    this.words[(slot + TMR_COMMAND_COUNT_OFFSET) >>> 2] = ids.length;
    let half = (slot + TMR_COMMAND_IDS_OFFSET) >>> 1;
    for (const id of ids) this.halves[half++] = id;
    this.#publish(size);
  }

  /** Pads where that is needed and returns the offset of a zeroed entry with its first word set. */
  #begin(size: number, operation: number): number {
    const to_end = this.size - this.#head;
    if (to_end < size) {
      const pad = (MAILBOX_SIZE + this.#head) >>> 2;
      this.words[pad] = to_end | OPERATION_PAD;
      this.words[pad + 1] = 0;
      this.#entries.push(to_end | OPERATION_PAD);
      this.#head = 0;
    }
    const slot = MAILBOX_SIZE + this.#head;
    const end = (slot + size) >>> 2;
    for (let word = slot >>> 2; word < end; word++) this.words[word] = 0;
    this.words[slot >>> 2] = size | operation;
    this.#entries.push(size | operation);
    return slot;
  }

  #publish(size: number): void {
    this.#head += size;
    if (this.#head === this.size) this.#head = 0;
    Atomics.store(this.words, HEAD, this.#head);
  }

  /** cmd_tail as user space has written it. */
  tail(): number {
    return Atomics.load(this.words, TAIL);
  }

  /** Whether completions up to `tail` can be looked at: it is the end of an entry. */
  reaches(tail: number): boolean {
    return this.#entries.reaches(this.#cleaned, tail, this.size);
  }

  /** Whether completions up to `tail` have been looked at. */
  isAt(tail: number): boolean {
    return this.#cleaned === tail;
  }

  /**
   * Goes on by one entry. Returns the offset of a command's slot, ENTRY_SKIPPED or ENTRY_ALTERED.
   */
  next(): number {
    const expected = this.#entries.shift();
    const slot = MAILBOX_SIZE + this.#cleaned;
    if (this.words[slot >>> 2] !== expected) return ENTRY_ALTERED;
    this.#cleaned += expected & ~ENTRY_OPERATION_MASK;
    if (this.#cleaned === this.size) this.#cleaned = 0;
    return (expected & ENTRY_OPERATION_MASK) === OPERATION_COMMAND ? slot : ENTRY_SKIPPED;
  }
}
