/** epoll(7): the poll set of a thread that blocks. */
import { check, Errno } from "./error.ts";
import { errno, libc } from "./libc.ts";
import { closeDescriptor } from "./descriptor.ts";

export const EPOLLIN = 0x001;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
/** The other side has ended its stream; to be asked for. */
export const EPOLLRDHUP = 0x2000;
/** Report an edge once: for descriptors that a guest shares and nobody reads. */
export const EPOLLET = 0x8000_0000;

const ADD = 1;
const DELETE = 2;
const MODIFY = 3;
const EVENT_LENGTH = 12;
const EVENTS_MAX = 64;

/** Called with the events of one descriptor. */
export type ReadyCallback = (events: number) => void;

/** A set of descriptors, each with a callback. */
export class Epoll {
  readonly #fd: number;
  readonly #callbacks = new Map<number, ReadyCallback>();
  readonly #events = new Uint8Array(EVENT_LENGTH * EVENTS_MAX);
  readonly #view = new DataView(this.#events.buffer);
  readonly #control = new DataView(new ArrayBuffer(EVENT_LENGTH));

  constructor() {
    this.#fd = check(libc.epoll_create1(0o2000000), "epoll_create1");
  }

  #change(operation: number, fd: number, events: number): number {
    this.#control.setUint32(0, events, true);
    this.#control.setInt32(4, fd, true);
    return libc.epoll_ctl(this.#fd, operation, fd, new Uint8Array(this.#control.buffer));
  }

  /** Adds a descriptor. */
  add(fd: number, events: number, callback: ReadyCallback): void {
    check(this.#change(ADD, fd, events), "epoll_ctl", `descriptor ${fd}`);
    this.#callbacks.set(fd, callback);
  }

  /** Changes the events waited for. */
  modify(fd: number, events: number): void {
    check(this.#change(MODIFY, fd, events), "epoll_ctl", `descriptor ${fd}`);
  }

  /** Removes a descriptor; do it before closing it. */
  remove(fd: number): void {
    this.#callbacks.delete(fd);
    this.#change(DELETE, fd, 0);
  }

  /** Blocks up to `timeout_ms` (-1: for ever) and calls back. Returns the number of ready descriptors. */
  wait(timeout_ms: number): number {
    const count = libc.epoll_wait(this.#fd, this.#events, EVENTS_MAX, timeout_ms);
    return this.#dispatch(count);
  }

  /** The same without blocking the event loop; it costs a thread hop (about 50 us). */
  async waitAsync(timeout_ms: number): Promise<number> {
    const count = await libc.epoll_wait_async(this.#fd, this.#events, EVENTS_MAX, timeout_ms);
    // errno belongs to another thread here, so an error counts as an interrupt.
    return count <= 0 ? 0 : this.#dispatch(count);
  }

  #dispatch(count: number): number {
    if (count < 0) {
      if (errno() === Errno.EINTR) return 0;
      check(count, "epoll_wait");
    }
    for (let index = 0; index < count; index++) {
      const events = this.#view.getUint32(index * EVENT_LENGTH, true);
      this.#callbacks.get(this.#view.getInt32(index * EVENT_LENGTH + 4, true))?.(events);
    }
    return count;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
