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
  /**
   * `read` and `write` of a volume with {@linkcode Volume.protection}: 8 bytes for each block, to be
   * filled with what was stored with the blocks, or to be stored with them. Only valid until the
   * method returns.
   */
  readonly protection?: Uint8Array;
}

/** What accompanies a write. */
export interface WriteOptions extends OperationOptions {
  /** Force unit access: the write must survive loss of power before it returns (SBC-4 5.40). */
  readonly fua: boolean;
}

/** A run of blocks and whether it holds data, as GET LBA STATUS reports it (SBC-4 5.6). */
export interface Extent {
  /** First byte. */
  readonly offset: number;
  /** Length in bytes. */
  readonly length: number;
  /** Whether storage is assigned to it. */
  readonly mapped: boolean;
}

/** How much storage a volume has. */
export interface Space {
  /** Bytes of storage that are in use for this volume. */
  readonly used: number;
  /** Bytes of storage that it may still take. */
  readonly available: number;
}

/** How a claimed command ended. */
export interface CommandResult {
  /** SCSI status (SAM-6 5.3.1). Default 0, GOOD. */
  readonly status?: number;
  /** With CHECK CONDITION (2): sense data as the initiator gets it, at most 252 bytes. */
  readonly sense?: Uint8Array;
  /** Bytes at the beginning of `dataIn` that are valid. Default: none. */
  readonly dataInLength?: number;
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
   * Greatest length in bytes of a write that is all or nothing, also at loss of power: WRITE ATOMIC
   * is offered up to it. A write of at most this length, wherever it begins, must never be found
   * done in part. A volatile volume may give what it likes.
   */
  readonly atomicWrite?: number;
  /**
   * Keeps T10 protection information (SBC-4 4.21) of this type beside each block: `read` and `write`
   * then get it in their options, and `discard` and `writeZeroes` set it to FFh bytes, as does a
   * volume that was never written. The host makes and checks it. Over embedded fabrics only: the
   * kernel's ring cannot carry it.
   */
  readonly protection?: 1 | 3;
  /** The extents that cover the range, in order, without gap: GET LBA STATUS reports them. */
  extents?(offset: number, length: number, options: OperationOptions): Awaitable<Extent[]>;
  /** How much storage is used and left: for thresholds, and the log page of thin provisioning. */
  space?(options: OperationOptions): Awaitable<Space>;
  /**
   * Changes the size; `size` must give the new value afterwards. Without it the handler is opened
   * anew with the new size.
   */
  resize?(size: number): Awaitable<void>;
  /**
   * Answers a command that the manifest claims. `cdb` and `dataOut` are only valid until the method
   * returns (or its promise settles); `dataIn` is room for the answer, zeroed, as long as the
   * initiator takes.
   */
  command?(
    cdb: Uint8Array,
    dataOut: Uint8Array,
    dataIn: Uint8Array,
    options: OperationOptions,
  ): Awaitable<CommandResult>;
  /** Called once, when the logical unit goes away. */
  close?(): Awaitable<void>;
}
