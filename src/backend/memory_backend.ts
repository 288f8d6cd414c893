/**
 * Serves a volume that is byte for byte one memory: its memfd is mapped over a window of the
 * engine's memory, and the engine copies between that and the ring's data area, piece by piece.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Backend, Transfer } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type { PresentPages } from "../sys/present_pages.ts";

/** Largest memory that gets a window: it must fit the linear memory beside the largest ring. */
export const MEMORY_WINDOW_MAX = 1 << 30;

/** See the module. */
/**
 * Where the account of the memory's pages is now: the one that `rest` keeps as well, or none where
 * nobody keeps one.
 */
export interface PageAccount {
  readonly pages: PresentPages | undefined;
}

export class MemoryBackend implements Backend {
  readonly #engine: Engine;
  readonly #window: number;
  readonly #mapped: number;
  readonly #rest: Backend;
  readonly #account: PageAccount;
  /** Bytes of the window that are the volume's. */
  #length: number;

  /**
   * `length` bytes of the memory lie at linear address `window`; `rest` does what is neither a read
   * nor a write there, and reads holes, which the window must not touch.
   */
  constructor(
    engine: Engine,
    window: number,
    length: number,
    rest: Backend,
    account: PageAccount,
  ) {
    this.#engine = engine;
    this.#account = account;
    this.#window = window;
    this.#mapped = length;
    this.#length = length;
    this.#rest = rest;
  }

  /**
   * The size that the volume has from now on. The window stays as it was mapped: `rest` serves what
   * lies past it. Before memory is cut, call this; after it has grown.
   */
  resize(size_bytes: number): void {
    this.#length = Math.min(this.#mapped, size_bytes);
  }

  submit(transfer: Transfer): number {
    const { operation, offset_bytes, length_bytes, iov_address, iov_count } = transfer;
    const read = operation === MediaOperation.READ;
    if (!read && operation !== MediaOperation.WRITE) return this.#rest.submit(transfer);
    // The ring lies behind the window. What the volume has not is refused by the handler's memory.
    if (!(offset_bytes >= 0 && offset_bytes + length_bytes <= this.#length)) {
      return this.#rest.submit(transfer);
    }
    const { pages } = this.#account;
    if (!read) pages?.add(offset_bytes, length_bytes);
    else if (pages?.has(offset_bytes, length_bytes) === false) return this.#rest.submit(transfer);
    const address = this.#window + offset_bytes;
    if (read) this.#engine.copyIn(iov_address, iov_count, address, length_bytes);
    else this.#engine.copyOut(iov_address, iov_count, address, length_bytes);
    return MediaResult.OK;
  }

  kick(): void {}
  poll(): void {
    this.#rest.poll();
  }
  prepareToSleep(): boolean {
    return this.#rest.prepareToSleep();
  }
  oldest_ms(): number {
    return 0;
  }
  close(): void {
    this.#rest.close();
  }
}
