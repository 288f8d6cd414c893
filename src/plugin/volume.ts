import type { FileCapability, MemoryCapability } from "./context.ts";

/** A value, or a promise of it. Returning the value itself costs no promise and is the fast case. */
export type Awaitable<T> = T | Promise<T>;

/** What accompanies every operation. */
export interface OperationOptions {
  /**
   * Aborted when the logical unit goes away. An operation that passes its deadline is not aborted:
   * the handler's process is killed and started again.
   */
  readonly signal: AbortSignal;
}

/** What accompanies a write. */
export interface WriteOptions extends OperationOptions {
  /** Force unit access: the write must survive loss of power before it returns (SBC-4 5.40). */
  readonly fua: boolean;
}

/** A run of blocks and whether it holds data, as GET LBA STATUS reports it (SBC-4 5.9). */
export interface Extent {
  /** First byte. */
  readonly offset: number;
  /** Length in bytes. */
  readonly length: number;
  /** Whether storage is assigned to it. */
  readonly mapped: boolean;
}

/**
 * What `open` returns: the storage of one logical unit. Offsets and lengths are in bytes and
 * always whole blocks inside `size`: the host has checked them.
 *
 * A method may throw (or reject with) a {@linkcode HandlerError} to choose the sense that the
 * initiator sees; anything else thrown becomes HARDWARE ERROR, INTERNAL TARGET FAILURE.
 */
export interface Volume {
  /** Size in bytes, a multiple of `blockSize`, at most 8 PiB. */
  readonly size: number;
  /** Logical block length in bytes: 512 or 4096. */
  readonly blockSize: number;
  /** Whether the content is gone when the process that holds it ends. */
  readonly volatile?: boolean;
  /**
   * Says that the volume is, byte for byte, this file or memory. A host that runs the handler in
   * thread may then serve reads, writes, flushes and discards from it without calling the handler.
   */
  readonly backing?: FileCapability | MemoryCapability;
  /** Fills `into` with the bytes at `offset`. `into` is only valid until the method returns. */
  read(offset: number, into: Uint8Array, options: OperationOptions): Awaitable<void>;
  /** Stores `from` at `offset`. Without it, the logical unit is write protected. */
  write?(offset: number, from: Uint8Array, options: WriteOptions): Awaitable<void>;
  /** Makes all writes that have returned survive a loss of power. */
  flush?(options: OperationOptions): Awaitable<void>;
  /** Gives storage back. Bytes read from there later are zeros. */
  discard?(offset: number, length: number, options: OperationOptions): Awaitable<void>;
  /** Makes the bytes zeros. `unmap` tells whether storage may be given back. */
  writeZeroes?(
    offset: number,
    length: number,
    options: WriteOptions & { readonly unmap: boolean },
  ): Awaitable<void>;
  /**
   * The extents that cover the range, in order, without gap. Not called by this release: GET LBA
   * STATUS reports all blocks as mapped.
   */
  extents?(offset: number, length: number, options: OperationOptions): Awaitable<Extent[]>;
  /** Changes the size; `size` must give the new value afterwards. Not called by this release. */
  resize?(size: number): Awaitable<void>;
  /** Called once, when the logical unit goes away. */
  close?(): Awaitable<void>;
}
