/** Waiting for descriptors on the main thread, next to everything else that it does. */
import { closeDescriptor, drainEventfd, makeEventfd, signalEventfd } from "../../sys/descriptor.ts";
import { Epoll, EPOLLIN } from "../../sys/epoll.ts";

/**
 * Watches a descriptor: `ready` is called on the main thread with epoll's events. Returns a function
 * that ends the watch; call it before closing the descriptor.
 */
export type WatchDescriptor = (
  fd: number,
  events: number,
  ready: (events: number) => void,
) => () => void;

/** A poll set with a loop of its own, for those who have no other. */
export class Watcher {
  readonly #epoll = new Epoll();
  readonly #wake = makeEventfd();
  #stopped = false;
  readonly #running: Promise<void>;

  constructor() {
    this.#epoll.add(this.#wake, EPOLLIN, () => drainEventfd(this.#wake));
    this.#running = this.#loop();
  }

  readonly watch: WatchDescriptor = (fd, events, ready) => {
    this.#epoll.add(fd, events, ready);
    return () => this.#epoll.remove(fd);
  };

  /** Ends the loop. */
  async close(): Promise<void> {
    this.#stopped = true;
    signalEventfd(this.#wake);
    await this.#running;
    this.#epoll.close();
    closeDescriptor(this.#wake);
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) await this.#epoll.waitAsync(-1);
  }
}
