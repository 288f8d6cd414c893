/** The file pool as the daemon's main thread sees it: makes the workers. */
import { makeEventfd } from "../sys/descriptor.ts";
import { FileJobs } from "./file_jobs.ts";
import type { FileWorkerStart } from "./file_worker.ts";

/** Threads that wait for devices; each costs about 8 MiB of memory. */
const WORKER_COUNT = 4;

export class FilePool {
  readonly jobs = new FileJobs();
  readonly eventfd: number = makeEventfd();
  readonly #workers: Worker[] = [];

  constructor(count = WORKER_COUNT) {
    for (let index = 0; index < count; index++) {
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
  }
}
