/**
 * The ring thread's side of the file pool: gives jobs out and collects their results. All files of
 * the thread share the jobs; each gets its share of them, so that none can keep the others out.
 */
import { FileJobs, JOB_COUNT } from "./file_jobs.ts";

/** Who gives jobs out. */
export interface JobOwner {
  /** Called from its own `poll` alone, with the bytes moved, or an errno, negated. */
  jobEnded(job: number, result: number): void;
  /** One of its jobs has ended, which somebody else's `poll` has seen: it is to poll. */
  wake(): void;
}

export class FileQueue {
  readonly jobs: FileJobs;
  readonly #free: number[] = [];
  readonly #owners: (JobOwner | undefined)[] = new Array(JOB_COUNT).fill(undefined);
  readonly #pending: number[] = [];
  #ownerCount = 0;
  #submitted = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.jobs = new FileJobs(buffer);
    for (let job = JOB_COUNT - 1; job >= 0; job--) this.#free.push(job);
  }

  /** Another owner begins. */
  join(): void {
    this.#ownerCount++;
  }

  /**
   * An owner goes: nothing is reported to it any more, and what no worker has begun is not done.
   * Returns the jobs that a worker is at: until they have ended (`isEnded`) their descriptor must
   * stay open and their memory in its place.
   */
  leave(owner: JobOwner): number[] {
    this.#ownerCount--;
    const left: number[] = [];
    for (const job of this.#pending) {
      if (this.#owners[job] !== owner) continue;
      this.#owners[job] = undefined;
      if (!this.jobs.cancel(job) && !this.isEnded(job)) left.push(job);
    }
    return left;
  }

  /** Whether no worker is at a job. */
  isEnded(job: number): boolean {
    return this.jobs.result(job) !== undefined;
  }

  /** A job to fill in for an owner that has `held` already; -1: there is none for it now. */
  allocate(held: number): number {
    if (this.#ownerCount > 1 && held >= Math.max(1, Math.floor(JOB_COUNT / this.#ownerCount))) {
      return -1;
    }
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

  /**
   * Reports to `poller` what has ended of its jobs, and wakes the owners of others that have: what
   * they do then has to be published by their own device's turn.
   */
  poll(poller: JobOwner): void {
    const pending = this.#pending;
    let kept = 0;
    const count = pending.length;
    for (let index = 0; index < count; index++) {
      const job = pending[index];
      const owner = this.#owners[job];
      const result = this.jobs.result(job);
      if (result === undefined || (owner !== undefined && owner !== poller)) {
        pending[kept++] = job;
        if (result !== undefined) owner?.wake();
        continue;
      }
      this.#owners[job] = undefined;
      this.#free.push(job);
      owner?.jobEnded(job, result);
    }
    // The owner may have submitted more meanwhile.
    for (let index = count; index < pending.length; index++) pending[kept++] = pending[index];
    pending.length = kept;
  }

  /** Asks for a signal before the thread sleeps. Returns false if a job has ended meanwhile. */
  prepareToSleep(): boolean {
    this.jobs.listen(true);
    for (const job of this.#pending) {
      if (this.#owners[job] !== undefined && this.jobs.result(job) !== undefined) {
        this.jobs.listen(false);
        return false;
      }
    }
    return true;
  }
}
