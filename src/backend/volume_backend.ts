/**
 * A handler that runs in thread: synchronous and bound to memory, since nothing on the ring thread
 * may wait.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Backend, Transfer } from "../engine/ports.ts";
import { SUBMIT_FULL } from "../engine/ports.ts";
import { HandlerError, type HandlerErrorCode } from "../plugin/error.ts";
import type { OperationOptions, Volume, WriteOptions } from "../plugin/volume.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";

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

export class VolumeBackend implements Backend {
  readonly #engine: Engine;
  readonly #volume: Volume;
  readonly #log: (message: string) => void;

  constructor(engine: Engine, volume: Volume, log: (message: string) => void) {
    this.#engine = engine;
    this.#volume = volume;
    this.#log = log;
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
      return resultOfError(error);
    }
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
        throw new Error(`assertion: operation ${transfer.operation}`);
    }
  }

  /** The handler works on the bytes where they lie: the kernel's data area, or a bounce buffer. */
  #direct(transfer: Transfer, address: number): unknown {
    const bytes = new Uint8Array(this.#engine.buffer, address, transfer.length_bytes);
    if (transfer.operation === MediaOperation.READ) {
      return this.#volume.read(transfer.offset_bytes, bytes, plain);
    }
    if (this.#volume.write === undefined) throw new HandlerError("write-protected", "no write");
    return this.#volume.write(transfer.offset_bytes, bytes, transfer.fua ? forced : plain);
  }

  /** Scattered data goes through a buffer in one piece, as the contract promises. */
  #bounced(transfer: Transfer): unknown {
    const { iov_address, iov_count, length_bytes } = transfer;
    const address = this.#engine.allocate(length_bytes);
    if (address === 0) return SUBMIT_FULL;
    try {
      if (transfer.operation === MediaOperation.WRITE) {
        this.#engine.copyOut(iov_address, iov_count, address, length_bytes);
        return this.#direct(transfer, address);
      }
      const result = this.#direct(transfer, address);
      this.#engine.copyIn(iov_address, iov_count, address, length_bytes);
      return result;
    } finally {
      this.#engine.free(address, length_bytes);
    }
  }

  kick(): void {}
  poll(): void {}
  prepareToSleep(): boolean {
    return true;
  }
  oldest_ms(): number {
    return 0;
  }
  close(): void {
    this.#volume.close?.();
  }
}
