/**
 * Serves a volume that is byte for byte one memory: its memfd is mapped over a window of the
 * engine's memory, and the engine copies between that and the ring's data area, piece by piece.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Backend, Transfer } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";

/** Largest memory that gets a window: it must fit the linear memory beside the largest ring. */
export const MEMORY_WINDOW_MAX = 1 << 30;

export class MemoryBackend implements Backend {
  readonly #engine: Engine;
  readonly #window: number;
  readonly #length: number;
  readonly #rest: Backend;

  /** The memory lies at linear address `window`; `rest` does what is neither a read nor a write. */
  constructor(engine: Engine, window: number, length: number, rest: Backend) {
    this.#engine = engine;
    this.#window = window;
    this.#length = length;
    this.#rest = rest;
  }

  submit(transfer: Transfer): number {
    const { operation, offset_bytes, length_bytes, iov_address, iov_count } = transfer;
    const read = operation === MediaOperation.READ;
    if (!read && operation !== MediaOperation.WRITE) return this.#rest.submit(transfer);
    // The device has checked it against the volume's size; the ring lies behind the window.
    if (!(offset_bytes >= 0 && offset_bytes + length_bytes <= this.#length)) {
      throw new Error(`assertion: ${length_bytes} bytes at ${offset_bytes} of ${this.#length}`);
    }
    const address = this.#window + offset_bytes;
    if (read) this.#engine.copyIn(iov_address, iov_count, address, length_bytes);
    else this.#engine.copyOut(iov_address, iov_count, address, length_bytes);
    return MediaResult.OK;
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
    this.#rest.close();
  }
}
