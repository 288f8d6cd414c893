/** The kernel's ring behind a UIO device, as the ring thread uses it. */
import type { RingTransport } from "../../engine/ports.ts";
import { EPOLLERR } from "../../sys/epoll.ts";
import { mapWindow, PAGE_LENGTH, unmapWindow } from "../../sys/mapping.ts";
import { acknowledgeUio, closeUio, openUio, ringUio, UioState } from "../../sys/uio.ts";

/** Where a ring is, as {@linkcode UioDevice} says it; plain data that may be posted to a thread. */
export interface UioAddress {
  /** `/dev/uioN`. */
  readonly path: string;
  /** Bytes of its only mapping (`maps/map0/size`). */
  readonly length_bytes: number;
}

/** Bytes in the largest ring that fits a 32-bit linear memory beside the arena. */
export const RING_LENGTH_MAX = 0xc000_0000;

/** Edges between two reads of the kernel's counter. An edge may stand for several rings of it. */
const EDGES_PER_READ = 65536;

/**
 * The ring of one TCMU device. Opening it is exclusive: as long as it is open no other process
 * serves the device.
 *
 * After it was opened the ring must be walked once without being rung: commands that were queued
 * before raise no event.
 */
export class UioTransport implements RingTransport {
  readonly length_bytes: number;
  /** For the poll set: readable when the kernel has rung, EPOLLERR when the device was removed. */
  readonly fd: number;
  #removed = false;
  #open = true;
  #edges = 0;

  /** Opens the device. Throws `UioBusyError`, `SystemError`, or RangeError for an odd length. */
  constructor(address: UioAddress) {
    const { length_bytes, path } = address;
    const fits = length_bytes > 0 && length_bytes <= RING_LENGTH_MAX;
    if (!fits || length_bytes % PAGE_LENGTH !== 0) {
      throw new RangeError(`Cannot map ${path}: a ring of ${length_bytes} bytes`);
    }
    this.length_bytes = length_bytes;
    this.fd = openUio(path);
  }

  /** Whether the kernel has removed the device: nothing can be completed any more. */
  get removed(): boolean {
    return this.#removed;
  }

  map(memory: ArrayBuffer, offset: number): void {
    mapWindow(memory, offset, this.length_bytes, this.fd);
  }

  unmap(memory: ArrayBuffer, offset: number): void {
    unmapWindow(memory, offset, this.length_bytes);
  }

  acknowledge(): void {
    if (acknowledgeUio(this.fd) === UioState.REMOVED) this.#removed = true;
  }

  doorbell(): void {
    if (ringUio(this.fd) === UioState.REMOVED) this.#removed = true;
  }

  /**
   * To be called with the events of poll or epoll; returns whether the device was removed. Take the
   * descriptor out of the poll set then: it stays ready for ever.
   */
  sawEvents(events: number): boolean {
    // Up to 6.12 a removed device polls as IN|ERR|HUP, later as ERR alone.
    if ((events & EPOLLERR) !== 0) this.#removed = true;
    return this.#removed;
  }

  /**
   * As {@linkcode sawEvents}, for a poll set that reports edges (EPOLLET): every ring of the kernel
   * is one, whether or not its counter was read, so that a wake-up costs no read(2). But epoll drops
   * an edge at which the counters read and rung are equal (uio_poll), as they are every 2^32 rings:
   * hence a read now and then.
   */
  sawEdge(events: number): boolean {
    if (this.sawEvents(events)) return true;
    if (++this.#edges % EDGES_PER_READ === 0) this.acknowledge();
    return this.#removed;
  }

  /** Closes the descriptor; unmap first. May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeUio(this.fd);
  }
}
