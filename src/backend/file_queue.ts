/** The ring thread's side of the file pool: gives jobs out and collects their results. */
import { FileJobs, JOB_COUNT } from "./file_jobs.ts";

/** Called with the bytes moved, or an errno, negated. */
export interface JobOwner {
  jobEnded(job: number, result: number): void;
}

export class FileQueue {
  readonly jobs: FileJobs;
  readonly #free: number[] = [];
  readonly #owners: (JobOwner | undefined)[] = new Array(JOB_COUNT).fill(undefined);
  readonly #pending: number[] = [];
  #submitted = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.jobs = new FileJobs(buffer);
    for (let job = JOB_COUNT - 1; job >= 0; job--) this.#free.push(job);
  }

  /** A job to fill in, or -1. */
  allocate(): number {
    return this.#free.pop() ?? -1;
  }

  submit(
    job: number,
    owner: JobOwner,
    operation: number,
    fd: number,
    offset: number,
    length: number,
  ): void {
    this.#owners[job] = owner;
    this.#pending.push(job);
    this.jobs.submit(job, operation, fd, offset, length);
    this.#submitted++;
  }

  /** Wakes workers up for what was submitted. */
  kick(): void {
    if (this.#submitted === 0) return;
    this.jobs.notify(this.#submitted);
    this.#submitted = 0;
  }

  /** Reports what has ended. Returns whether anything had. */
  poll(): boolean {
    const pending = this.#pending;
    let kept = 0;
    const count = pending.length;
    for (let index = 0; index < count; index++) {
      const job = pending[index];
      const result = this.jobs.result(job);
      if (result === undefined) {
        pending[kept++] = job;
        continue;
      }
      const owner = this.#owners[job] as JobOwner;
      this.#owners[job] = undefined;
      this.#free.push(job);
      owner.jobEnded(job, result);
    }
    // Owners may have submitted more meanwhile.
    for (let index = count; index < pending.length; index++) pending[kept++] = pending[index];
    pending.length = kept;
    return kept < count;
  }

  /** Asks for a signal before the thread sleeps. Returns false if a job has ended meanwhile. */
  prepareToSleep(): boolean {
    this.jobs.listen(true);
    for (const job of this.#pending) {
      if (this.jobs.result(job) !== undefined) {
        this.jobs.listen(false);
        return false;
      }
    }
    return true;
  }
}
