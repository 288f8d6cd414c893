/**
 * What the data plane asks of the outside: interfaces only. Fabrics carry commands, backends store
 * blocks, the poller wakes the thread up. None of them may block the ring thread.
 *
 * @module
 */

import { SLOT_COUNT } from "../abi/engine.ts";
import type { ClaimedCommand, ProtectionType } from "../scsi/logical_unit.ts";

/** `submit` will answer later, through {@linkcode BackendSink.done}. */
export const SUBMIT_PENDING = -1;
/** `submit` has no room now; nothing was taken. Submit again after the next `done`. */
export const SUBMIT_FULL = -2;

/**
 * One media operation. The object belongs to the device and is used again: a backend copies what it
 * needs before `submit` returns, except for the data itself, which stays in place until `done`.
 */
export interface Transfer {
  /** 0 to TAG_COUNT - 1; names the operation in `done`. At most one operation for each tag. */
  readonly tag: number;
  /** A value of {@linkcode MediaOperation}. */
  readonly operation: number;
  /** First byte on the volume. */
  readonly offset_bytes: number;
  /** Bytes. For READ, WRITE and exchanges it is the sum of the iovecs. */
  readonly length_bytes: number;
  /** WRITE, WRITE_ZEROES: force unit access. */
  readonly fua: boolean;
  /** WRITE_ZEROES: storage may be given back. */
  readonly unmap: boolean;
  /**
   * Whether it may be given to a new process after its handler has ended in it. Where not, it ends
   * with LOST. All but claimed commands may.
   */
  readonly replay: boolean;
  /**
   * READ, WRITE, exchanges: linear address of `iov_count` pairs {address u32, length u32}, checked. They stay in
   * place until `done`: a replay gathers from them again.
   */
  readonly iov_address: number;
  readonly iov_count: number;
}

/** Operations of a device that belong to no command: background work, copies of other units. */
export const INTERNAL_TAG_COUNT = 8;
/** Tags of operations: one for each slot of the engine, then those of internal operations. */
export const TAG_COUNT: number = SLOT_COUNT + INTERNAL_TAG_COUNT;

/** Where a backend reports to: the device. */
export interface BackendSink {
  /**
   * The operation `tag` has ended with a value of {@linkcode MediaResult}. `failed_offset_bytes`:
   * READ, WRITE, the first byte on the volume that failed; -1 or absent where it is not known.
   */
  done(tag: number, result: number, failed_offset_bytes?: number): void;
}

/** What a volume can do; VPD B0, B2 and mode pages follow it. */
export interface VolumeFeatures {
  readonly size_bytes: number;
  readonly block_length_bytes: number;
  readonly writable: boolean;
  readonly volatile: boolean;
  readonly discard: boolean;
  readonly writeZeroes: boolean;
  /** Whether a write may be lost by loss of power before a flush. */
  readonly writeCache: boolean;
  /** Whether it can tell which parts hold data (GET LBA STATUS). */
  readonly extents?: boolean;
  /** Whether it can tell how much storage is used and left. */
  readonly space?: boolean;
  /** Whether the handler can change its size by itself. */
  readonly resize?: boolean;
  /** Greatest length of a write that is all or nothing, also at loss of power; absent or 0: none. */
  readonly atomic_write_bytes?: number;
  /** Commands that the handler answers itself. */
  readonly claims?: readonly ClaimedCommand[];
  /** Type of the protection information that it keeps; absent or 0: none. */
  readonly protection?: ProtectionType;
}

/** Keeps parts of a unit's state (reservations, saved mode pages) over a restart. */
export interface StateStore {
  /** Calls `kept` once the value is durable (true), or could not be kept (false). Null forgets. */
  save(part: string, value: unknown, kept: (ok: boolean) => void): void;
}

/** The storage behind one logical unit, as the ring thread sees it. */
export interface Backend {
  /** Begins an operation. Returns a {@linkcode MediaResult}, SUBMIT_PENDING or SUBMIT_FULL. */
  submit(transfer: Transfer): number;
  /** Wakes up whoever serves; called once after a batch of submissions. */
  kick(): void;
  /** Reports to the sink what has ended. Called when the backend's descriptor is ready, and after a batch. */
  poll(): void;
  /**
   * About to sleep: arrange for a wake-up. Returns false where something has ended meanwhile, so
   * that the thread polls again and does not sleep.
   */
  prepareToSleep(): boolean;
  /** Milliseconds since the oldest operation in flight was submitted; 0 if there is none. */
  oldest_ms(now_ms: number): number;
  /** Operations in flight that are the backend's own, and end without a word; absent: never any. */
  readonly ownOperations?: number;
  /** The size that the volume has from now on: what was checked against a greater one ends at it. */
  resize?(size_bytes: number): void;
  /** Gives back what it holds (mappings, registrations); nothing is in flight any more. */
  close(): void;
}

/** The other side of a ring: the kernel, real or emulated. */
export interface RingTransport {
  /** Bytes to map. */
  readonly length_bytes: number;
  /** Maps the ring over the linear memory at `offset` (page aligned). */
  map(memory: ArrayBuffer, offset: number): void;
  unmap(memory: ArrayBuffer, offset: number): void;
  /** Resets the wake-up, before the ring is looked at. */
  acknowledge(): void;
  /** Tells the other side that completions were published. */
  doorbell(): void;
}

/** Time, for deadlines. */
export interface Clock {
  /** Monotonic milliseconds. */
  now_ms(): number;
}
