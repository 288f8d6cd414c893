/** The file pool as the daemon's main thread sees it: makes the workers. */
import { closeDescriptor, makeEventfd } from "../sys/descriptor.ts";
import { FileJobs } from "./file_jobs.ts";
import type { FileWorkerStart } from "./file_worker.ts";

/** Threads that wait for devices; each costs about 8 MiB of memory. */
const WORKER_COUNT = 4;

/** The threads are made when the first file is served in thread: many daemons never need them. */
export class FilePool {
  readonly jobs = new FileJobs();
  readonly eventfd: number = makeEventfd();
  readonly #workers: Worker[] = [];

  /** Makes the threads, if there are none yet. */
  start(): void {
    if (this.#workers.length > 0) return;
    for (let index = 0; index < WORKER_COUNT; index++) {
      const url = new URL("./file_worker.ts", import.meta.url);
      const worker = new Worker(url, { type: "module", name: `file-${index}` });
      const start: FileWorkerStart = { jobs: this.jobs.buffer, eventfd: this.eventfd };
      worker.postMessage(start);
      this.#workers.push(worker);
    }
  }

  close(): void {
    this.jobs.close();
    for (const worker of this.#workers) worker.terminate();
    closeDescriptor(this.eventfd);
  }
}
