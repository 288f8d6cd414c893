/**
 * A handler that runs in thread: synchronous and bound to memory, since nothing on the ring thread
 * may wait.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Backend, BackendSink, Transfer } from "../engine/ports.ts";
import { SUBMIT_FULL, SUBMIT_PENDING } from "../engine/ports.ts";
import { runExchange } from "../engine/volume_exchange.ts";
import { HandlerError, type HandlerErrorCode } from "../plugin/error.ts";
import type { OperationOptions, Volume, WriteOptions } from "../plugin/volume.ts";
import { isExchange, MediaOperation, MediaResult } from "../scsi/media.ts";

const results: Readonly<Record<HandlerErrorCode, number>> = {
  "medium-error": MediaResult.MEDIUM_ERROR,
  "no-space": MediaResult.NO_SPACE,
  "write-protected": MediaResult.WRITE_PROTECTED,
  "not-ready": MediaResult.NOT_READY,
  "no-medium": MediaResult.NO_MEDIUM,
  internal: MediaResult.INTERNAL,
};

/** The result that an error thrown by a handler stands for. */
export function resultOfError(error: unknown): number {
  return error instanceof HandlerError ? results[error.code] : MediaResult.INTERNAL;
}

/** A synchronous operation ends before anybody can abort it, so one signal serves all. */
const signal = new AbortController().signal;
const plain: OperationOptions & WriteOptions & { unmap: boolean } = {
  signal,
  fua: false,
  unmap: false,
};
const forced: OperationOptions & WriteOptions & { unmap: boolean } = {
  signal,
  fua: true,
  unmap: false,
};

/** Views that are kept; a power of two. */
const VIEW_COUNT = 1024;
const PAGE_SHIFT = 12;

/**
 * Views of the engine's memory for handlers. The ring hands out the same addresses again and again,
 * and making a view costs as much as all the rest of a small command: those of late are kept.
 */
class Views {
  readonly #buffer: ArrayBuffer;
  readonly #views: (Uint8Array<ArrayBuffer> | undefined)[] = new Array(VIEW_COUNT).fill(undefined);
  readonly #addresses = new Uint32Array(VIEW_COUNT);
  readonly #lengths = new Uint32Array(VIEW_COUNT);

  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
  }

  get(address: number, length: number): Uint8Array<ArrayBuffer> {
    const place = (address >>> PAGE_SHIFT) & (VIEW_COUNT - 1);
    const kept = this.#views[place];
    if (
      kept !== undefined && this.#addresses[place] === address && this.#lengths[place] === length
    ) return kept;
    const view = new Uint8Array(this.#buffer, address, length);
    this.#views[place] = view;
    this.#addresses[place] = address;
    this.#lengths[place] = length;
    return view;
  }
}

/** An operation that has failed at a known byte: `submit` has no word for it, `done` has. */
interface Failure {
  readonly tag: number;
  readonly result: number;
  readonly failed_offset_bytes: number;
}

/** See the module. */
export class VolumeBackend implements Backend {
  readonly #engine: Engine;
  readonly #views: Views;
  readonly #log: (message: string) => void;
  readonly #sink: BackendSink | undefined;
  #volume: Volume;
  #failures: Failure[] = [];

  /** Where there is a `sink`, it gets the bytes that failed. */
  constructor(
    engine: Engine,
    volume: Volume,
    log: (message: string) => void,
    sink?: BackendSink,
  ) {
    this.#engine = engine;
    this.#views = new Views(engine.buffer);
    this.#volume = volume;
    this.#log = log;
    this.#sink = sink;
  }

  /** Serves another volume from now on, the same with another size; the one before is closed. */
  replace(volume: Volume): void {
    const before = this.#volume;
    this.#volume = volume;
    before.close?.();
  }

  submit(transfer: Transfer): number {
    try {
      const pending = this.#run(transfer);
      if (pending === SUBMIT_FULL) return SUBMIT_FULL;
      if (pending instanceof Promise) {
        this.#log("a handler in thread must not return promises: run it in a process");
        pending.catch(() => {});
        return MediaResult.INTERNAL;
      }
      return MediaResult.OK;
    } catch (error) {
      this.#log(`operation ${transfer.operation} failed: ${error}`);
      return this.#fail(transfer, error);
    }
  }

  #fail({ tag, operation, offset_bytes, length_bytes }: Transfer, error: unknown): number {
    const result = resultOfError(error);
    const failed_offset_bytes = error instanceof HandlerError ? error.offset ?? -1 : -1;
    const inside = failed_offset_bytes >= offset_bytes &&
      failed_offset_bytes < offset_bytes + length_bytes && Number.isInteger(failed_offset_bytes);
    if (this.#sink === undefined || !inside || isExchange(operation)) return result;
    this.#failures.push({ tag, result, failed_offset_bytes });
    return SUBMIT_PENDING;
  }

  #run(transfer: Transfer): unknown {
    const volume = this.#volume;
    switch (transfer.operation) {
      case MediaOperation.READ:
      case MediaOperation.WRITE:
        return transfer.iov_count === 1
          ? this.#direct(transfer, this.#engine.words[transfer.iov_address >>> 2])
          : this.#bounced(transfer);
      case MediaOperation.FLUSH:
        return volume.flush?.(plain);
      case MediaOperation.DISCARD:
        return volume.discard?.(transfer.offset_bytes, transfer.length_bytes, plain);
      case MediaOperation.WRITE_ZEROES: {
        const options = { signal, fua: transfer.fua, unmap: transfer.unmap };
        if (volume.writeZeroes === undefined) throw new HandlerError("internal", "no writeZeroes");
        return volume.writeZeroes(transfer.offset_bytes, transfer.length_bytes, options);
      }
      default:
        return transfer.iov_count === 1
          ? this.#direct(transfer, this.#engine.words[transfer.iov_address >>> 2])
          : this.#bounced(transfer);
    }
  }

  /** The handler works on the bytes where they lie: the kernel's data area, or a bounce buffer. */
  #direct(transfer: Transfer, address: number): unknown {
    const bytes = this.#views.get(address, transfer.length_bytes);
    if (transfer.operation === MediaOperation.READ) {
      return this.#volume.read(transfer.offset_bytes, bytes, plain);
    }
    if (isExchange(transfer.operation)) {
      return this.#exchange(transfer.operation, bytes);
    }
    if (this.#volume.write === undefined) throw new HandlerError("write-protected", "no write");
    return this.#volume.write(transfer.offset_bytes, bytes, transfer.fua ? forced : plain);
  }

  #exchange(operation: number, bytes: Uint8Array): unknown {
    // On a copy: a promise, which is an error here, would write when the buffer is another's.
    const copy = bytes.slice();
    const pending = runExchange(this.#volume, operation, copy, plain);
    if (pending === undefined) bytes.set(copy);
    return pending;
  }

  /** Scattered data goes through a buffer in one piece, as the contract promises. */
  #bounced(transfer: Transfer): unknown {
    const { iov_address, iov_count, length_bytes } = transfer;
    const address = this.#engine.allocate(length_bytes);
    if (address === 0) return SUBMIT_FULL;
    try {
      if (transfer.operation !== MediaOperation.READ) {
        this.#engine.copyOut(iov_address, iov_count, address, length_bytes);
      }
      const result = this.#direct(transfer, address);
      if (transfer.operation !== MediaOperation.WRITE) {
        this.#engine.copyIn(iov_address, iov_count, address, length_bytes);
      }
      return result;
    } finally {
      this.#engine.free(address, length_bytes);
    }
  }

  kick(): void {}
  poll(): void {
    if (this.#failures.length === 0) return;
    // `done` may submit what fails again.
    for (const { tag, result, failed_offset_bytes } of this.#failures.splice(0)) {
      this.#sink?.done(tag, result, failed_offset_bytes);
    }
  }
  prepareToSleep(): boolean {
    return this.#failures.length === 0;
  }
  oldest_ms(): number {
    return 0;
  }
  close(): void {
    this.#volume.close?.();
  }
}
