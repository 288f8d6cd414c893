/** A stand-in for the engine's memory, for tests: plain JavaScript over a WebAssembly memory. */
import { mapWindow } from "../sys/mapping.ts";
import { CHANNEL_SIZE } from "./layout.ts";
import type { EngineMemory } from "./ports.ts";

const CHUNK = 16384;
const WASM_PAGE = 65536;

/** `data_offset`: a place of `data_length` bytes for iovecs and data. */
export class EngineMemoryDouble implements EngineMemory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly channel_offset = WASM_PAGE;
  readonly data_offset: number;
  readonly #arena: number;
  readonly #taken: Uint8Array;

  /** Maps the channel, `channel_length` bytes of it, where `channel_fd` is given. */
  constructor(channel_length: number, data_length: number, channel_fd?: number) {
    const pages = Math.ceil((WASM_PAGE + channel_length + data_length) / WASM_PAGE) + 1;
    this.buffer = new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.words = new Uint32Array(this.buffer);
    this.data_offset = this.channel_offset + channel_length;
    this.#arena = this.channel_offset + CHANNEL_SIZE;
    this.#taken = new Uint8Array(Math.floor((channel_length - CHANNEL_SIZE) / CHUNK));
    if (channel_fd !== undefined) {
      mapWindow(this.buffer, this.channel_offset, channel_length, channel_fd);
    }
  }

  /** Chunks of the arena that are taken. */
  get taken(): number {
    return this.#taken.reduce((sum, chunk) => sum + chunk, 0);
  }

  gather(iov_address: number, iov_count: number, address: number, length: number): void {
    this.#walk(iov_address, iov_count, length, (from, done, part) => {
      this.bytes.copyWithin(address + done, from, from + part);
    });
  }

  scatter(iov_address: number, iov_count: number, address: number, length: number): void {
    this.#walk(iov_address, iov_count, length, (to, done, part) => {
      this.bytes.copyWithin(to, address + done, address + done + part);
    });
  }

  #walk(
    iov_address: number,
    iov_count: number,
    length: number,
    copy: (address: number, done: number, part: number) => void,
  ): void {
    let done = 0;
    for (let index = 0; index < iov_count && done < length; index++) {
      const at = iov_address / 4 + index * 2;
      const part = Math.min(this.words[at + 1], length - done);
      copy(this.words[at], done, part);
      done += part;
    }
  }

  allocate(length: number): number {
    const count = Math.max(1, Math.ceil(length / CHUNK));
    let run = 0;
    for (let chunk = 0; chunk < this.#taken.length; chunk++) {
      run = this.#taken[chunk] === 0 ? run + 1 : 0;
      if (run < count) continue;
      const first = chunk - count + 1;
      this.#taken.fill(1, first, first + count);
      return this.#arena + first * CHUNK;
    }
    return 0;
  }

  free(address: number, length: number): void {
    const first = (address - this.#arena) / CHUNK;
    const count = Math.max(1, Math.ceil(length / CHUNK));
    for (let chunk = first; chunk < first + count; chunk++) {
      if (this.#taken[chunk] !== 1) throw new Error("assertion: freed twice");
      this.#taken[chunk] = 0;
    }
  }
}
