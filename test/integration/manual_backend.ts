/** A backend over an array whose operations end when a test says so. */
import type { Engine } from "../../src/engine/engine.ts";
import type { Backend, BackendSink, Transfer } from "../../src/engine/ports.ts";
import { SUBMIT_PENDING } from "../../src/engine/ports.ts";
import { MediaOperation, MediaResult } from "../../src/scsi/media.ts";

/** An operation that has begun; what it writes is written when it ends. */
export interface Begun {
  readonly tag: number;
  readonly operation: number;
  readonly offset_bytes: number;
  readonly length_bytes: number;
  readonly fua: boolean;
  readonly iov_address: number;
  readonly iov_count: number;
}

export class ManualBackend implements Backend {
  readonly bytes: Uint8Array;
  /** Under way, oldest first. */
  readonly begun: Begun[] = [];
  readonly #engine: Engine;
  readonly #sink: BackendSink;

  constructor(engine: Engine, sink: BackendSink, size: number) {
    this.bytes = new Uint8Array(size);
    this.#engine = engine;
    this.#sink = sink;
  }

  submit(transfer: Transfer): number {
    const { tag, operation, offset_bytes, length_bytes, fua, iov_address, iov_count } = transfer;
    this.begun.push({ tag, operation, offset_bytes, length_bytes, fua, iov_address, iov_count });
    return SUBMIT_PENDING;
  }

  /** Ends the oldest operation, or the one given. */
  end(begun: Begun = this.begun[0], result: number = MediaResult.OK, failed = -1): void {
    this.begun.splice(this.begun.indexOf(begun), 1);
    if (result === MediaResult.OK) this.#move(begun);
    this.#sink.done(begun.tag, result, failed);
  }

  #move({ operation, offset_bytes, length_bytes, iov_address, iov_count }: Begun): void {
    const { words, bytes } = this.#engine;
    let done = 0;
    for (let index = 0; index < iov_count; index++) {
      const address = words[(iov_address >>> 2) + 2 * index];
      const length = words[(iov_address >>> 2) + 2 * index + 1];
      const start = offset_bytes + done;
      if (operation === MediaOperation.READ) {
        bytes.set(this.bytes.subarray(start, start + length), address);
      } else if (operation === MediaOperation.WRITE) {
        this.bytes.set(bytes.subarray(address, address + length), start);
      }
      done += length;
    }
    if (operation === MediaOperation.DISCARD || operation === MediaOperation.WRITE_ZEROES) {
      this.bytes.fill(0, offset_bytes, offset_bytes + length_bytes);
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
  close(): void {}
}
