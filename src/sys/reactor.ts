/** The descriptors that the main thread watches, without blocking its event loop. */
import { closeDescriptor, drainEventfd, makeEventfd, signalEventfd } from "./descriptor.ts";
import { Epoll, EPOLLIN, type ReadyCallback } from "./epoll.ts";

/**
 * One epoll set, waited for on another thread for as long as something is watched. An event costs
 * about 50 us: for processes that end, pipes and the like. A callback must put up with being called
 * for nothing.
 */
export class Reactor {
  readonly #epoll = new Epoll();
  readonly #wake = makeEventfd();
  #watched = 0;
  #loop: Promise<void> | undefined;
  #closing = false;
  readonly #onError: (error: unknown) => void;

  /** `onError` gets what a callback throws. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#epoll.add(this.#wake, EPOLLIN, () => void drainEventfd(this.#wake));
  }

  /** Watches a descriptor for EPOLL* events. */
  add(fd: number, events: number, callback: ReadyCallback): void {
    if (this.#closing) throw new Error("Cannot watch a descriptor: the reactor is closed");
    this.#epoll.add(fd, events, (ready) => {
      try {
        callback(ready);
      } catch (error) {
        this.#onError(error);
      }
    });
    this.#watched++;
    this.#loop ??= this.#run();
  }

  /** Changes the events waited for; 0 pauses a descriptor. */
  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, events);
  }

  /** Stops watching; do it before closing the descriptor. */
  remove(fd: number): void {
    this.#epoll.remove(fd);
    this.#watched--;
    // The loop ends with its last descriptor, so that it does not keep the process alive.
    if (this.#watched === 0) signalEventfd(this.#wake);
  }

  async #run(): Promise<void> {
    while (this.#watched > 0) await this.#epoll.waitAsync(-1);
    this.#loop = undefined;
  }

  /** Watches nothing any more and gives the descriptors back. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#watched = 0;
    signalEventfd(this.#wake);
    await this.#loop;
    this.#epoll.close();
    closeDescriptor(this.#wake);
  }
}
