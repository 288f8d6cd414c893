import {
  ERROR_ENTRY,
  ERROR_GEOMETRY,
  ERROR_HEAD,
  ERROR_LEDGER,
  ERROR_MAILBOX_CHANGED,
  ERROR_VERSION,
  IOV_PAIR_SIZE,
  SLOT_SIZE,
} from "../abi/engine.ts";
import type { EngineExports } from "./exports.ts";
import { TAG_COUNT } from "./ports.ts";
import {
  type MemoryPlan,
  planMemory,
  SCRATCH_ARENA_LENGTH,
  SCRATCH_LENGTH,
} from "./memory_plan.ts";

const messages: Readonly<Record<number, string>> = {
  [ERROR_VERSION]: "the mailbox's version is not 2",
  [ERROR_GEOMETRY]: "the ring does not lie inside of the mapping",
  [ERROR_HEAD]: "cmd_head lies outside of the ring",
  [ERROR_ENTRY]: "an entry is damaged",
  [ERROR_LEDGER]: "more entries are outstanding than fit",
  [ERROR_MAILBOX_CHANGED]: "the mailbox's geometry changed",
};

/** The ring cannot be served: what it holds is not what the kernel writes. */
export class RingError extends Error {
  override readonly name = "RingError";
  constructor(code: number) {
    super(`Cannot serve the ring: ${messages[code] ?? `engine error ${code}`}`);
  }
}

/** Bytes of scratch for one answer: what is longer does not fit a small answer. */
export const ANSWER_LENGTH_MAX = 1 << 16;
const PAIRS_OFFSET = ANSWER_LENGTH_MAX;
const SENSE_OFFSET = PAIRS_OFFSET + TAG_COUNT * IOV_PAIR_SIZE;

/**
 * The WASM engine of one device: an instance, its memory, and views of it. The views are made once,
 * since the memory never grows.
 */
export class Engine {
  readonly plan: MemoryPlan;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  readonly doubles: Float64Array;
  readonly exports: EngineExports;
  /** Linear address of slot record 0. */
  readonly slots: number;
  /** Index in `halves` of the list that `walk` fills. */
  readonly batch: number;
  /** Flags of the mailbox; valid after `start`. */
  mailboxFlags = 0;

  constructor(module: WebAssembly.Module, ring_length: number, channel_length: number) {
    this.plan = planMemory(module, ring_length, channel_length);
    const memory = new WebAssembly.Memory({ initial: this.plan.pages, maximum: this.plan.pages });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.exports = instance.exports as unknown as EngineExports;
    this.buffer = memory.buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.words = new Uint32Array(this.buffer);
    this.halves = new Uint16Array(this.buffer);
    this.doubles = new Float64Array(this.buffer);
    this.slots = this.plan.state + this.exports.engine_slots_offset();
    this.batch = (this.plan.state + this.exports.engine_batch_offset()) >>> 1;
    const { scratch_arena_state, scratch_arena } = this.plan;
    this.exports.arena_init(scratch_arena_state, scratch_arena, SCRATCH_ARENA_LENGTH);
    if (SENSE_OFFSET + 256 > SCRATCH_LENGTH) throw new Error("assertion: scratch is too small");
  }

  /** Takes the ring that is mapped over the window up. Throws {@linkcode RingError}. */
  start(): void {
    const { state, state_length, ring, ring_length } = this.plan;
    const flags = this.exports.engine_init(state, state_length, ring, ring_length);
    if (flags < 0) throw new RingError(flags);
    this.mailboxFlags = flags;
  }

  /** Linear address of a slot's record. */
  slotAddress(slot: number): number {
    return this.slots + slot * SLOT_SIZE;
  }

  /** Linear address of a tag's own iovec pair, for the buffer of a procedure. */
  pairAddress(tag: number): number {
    return this.plan.scratch + PAIRS_OFFSET + tag * IOV_PAIR_SIZE;
  }

  /** Linear address where sense data is put for `engine_complete`. */
  get senseAddress(): number {
    return this.plan.scratch + SENSE_OFFSET;
  }

  /** A buffer in the scratch arena; 0 where there is no room. */
  allocate(length: number): number {
    return this.exports.arena_allocate(this.plan.scratch_arena_state, length) >>> 0;
  }

  /** Gives a buffer back. */
  free(address: number, length: number): void {
    if (this.exports.arena_free(this.plan.scratch_arena_state, address, length) < 0) {
      throw new Error("assertion: a scratch buffer was freed twice");
    }
  }

  /** Copies from the iovecs at `iov_address` to `destination`, up to `length` bytes. */
  copyOut(iov_address: number, iov_count: number, destination: number, length: number): void {
    let index = iov_address >>> 2;
    for (let count = 0; count < iov_count && length > 0; count++, index += 2) {
      const part = Math.min(this.words[index + 1], length);
      this.exports.copy(destination, this.words[index], part);
      destination += part;
      length -= part;
    }
  }

  /** Copies from `source` into the iovecs at `iov_address`, up to `length` bytes. */
  copyIn(iov_address: number, iov_count: number, source: number, length: number): void {
    let index = iov_address >>> 2;
    for (let count = 0; count < iov_count && length > 0; count++, index += 2) {
      const part = Math.min(this.words[index + 1], length);
      this.exports.copy(this.words[index], source, part);
      source += part;
      length -= part;
    }
  }
}
