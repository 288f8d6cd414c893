/** A poll set in which a bug in one callback does not end the thread, nor keep it from sleeping. */
import { Epoll, type ReadyCallback } from "../sys/epoll.ts";

/** A descriptor whose callback has thrown this often is not waited for any more. */
const FAULTS_MAX = 3;

export class GuardedEpoll extends Epoll {
  readonly #failed: (message: string) => void;

  /** `failed` gets what a callback has thrown, as text for the log. */
  constructor(failed: (message: string) => void) {
    super();
    this.#failed = failed;
  }

  override add(fd: number, events: number, callback: ReadyCallback): void {
    let faults = 0;
    super.add(fd, events, (ready) => {
      try {
        callback(ready);
      } catch (error) {
        const text = error instanceof Error ? error.stack ?? error.message : String(error);
        this.#failed(`assertion: descriptor ${fd}: ${text}`);
        // It would be ready again and again.
        if (++faults >= FAULTS_MAX) this.remove(fd);
      }
    });
  }
}
