/**
 * The table of jobs that the ring thread shares with the workers of the file pool. Both sides are
 * the daemon's own; it lies in a SharedArrayBuffer.
 */
import { NATIVE_IOVEC_LENGTH, NativeIovecs } from "../sys/vector_io.ts";

/** Jobs in flight for all devices of a ring thread. */
export const JOB_COUNT = 256;
/** Iovecs of one job. */
const IOVECS_PER_JOB = 2048;

export const JobOperation = {
  READ: 1,
  WRITE: 2,
  WRITE_DURABLE: 3,
  SYNC: 4,
  PUNCH_HOLE: 5,
  ZERO_RANGE: 6,
  /** The same, durable when they end. */
  PUNCH_HOLE_DURABLE: 7,
  ZERO_RANGE_DURABLE: 8,
  /** Exchanges (src/abi/media.ts): the one iovec is the buffer. */
  EXTENTS: 9,
  SPACE: 10,
  RESIZE: 11,
} as const;

const HEADER_WORDS = 16;
const SUBMITTED = 0;
const TAKEN = 1;
const LISTENING = 2;
const CLOSED = 3;
const JOB_WORDS = 8;
const QUEUE_OFFSET = HEADER_WORDS * 4;
const JOBS_OFFSET = QUEUE_OFFSET + JOB_COUNT * 4;
const DOUBLES_OFFSET = JOBS_OFFSET + JOB_COUNT * JOB_WORDS * 4;
const IOVECS_OFFSET = DOUBLES_OFFSET + JOB_COUNT * 16;
const TABLE_LENGTH = IOVECS_OFFSET + JOB_COUNT * IOVECS_PER_JOB * NATIVE_IOVEC_LENGTH;

/** A job's word: where it is; one of the states below. */
const STATE = 0;
const OPERATION = 1;
const DESCRIPTOR = 2;
const RESULT = 3;
const IOVEC_FIRST = 4;
const IOVEC_COUNT = 5;
/** Bytes moved, also by a job that failed. */
const MOVED = 6;

/** Free, or its result may be read. */
const ENDED = 0;
/** In the queue. */
const QUEUED = 1;
/** With a worker: its descriptor and its memory are in use. */
const WITH_WORKER = 2;
/** In the queue, and to be passed over. */
const CANCELLED = 3;

export class FileJobs {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #iovecs: NativeIovecs[] = [];

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(TABLE_LENGTH);
    this.#words = new Int32Array(this.buffer, 0, DOUBLES_OFFSET / 4);
    this.#doubles = new Float64Array(this.buffer, DOUBLES_OFFSET, JOB_COUNT * 2);
    const length = IOVECS_PER_JOB * NATIVE_IOVEC_LENGTH;
    for (let job = 0; job < JOB_COUNT; job++) {
      const offset = IOVECS_OFFSET + job * length;
      this.#iovecs.push(new NativeIovecs(this.buffer, offset, IOVECS_PER_JOB));
    }
  }

  #word(job: number, word: number): number {
    return JOBS_OFFSET / 4 + job * JOB_WORDS + word;
  }

  iovecs(job: number): NativeIovecs {
    return this.#iovecs[job];
  }

  /** Ring thread: hands a job over. Its iovecs have been filled in. */
  submit(job: number, operation: number, fd: number, offset: number, length: number): void {
    const words = this.#words;
    words[this.#word(job, OPERATION)] = operation;
    words[this.#word(job, DESCRIPTOR)] = fd;
    words[this.#word(job, IOVEC_FIRST)] = this.#iovecs[job].first;
    words[this.#word(job, IOVEC_COUNT)] = this.#iovecs[job].count;
    this.#doubles[job * 2] = offset;
    this.#doubles[job * 2 + 1] = length;
    Atomics.store(words, this.#word(job, STATE), QUEUED);
    const submitted = words[SUBMITTED];
    Atomics.store(words, QUEUE_OFFSET / 4 + ((submitted >>> 0) % JOB_COUNT), job);
    Atomics.store(words, SUBMITTED, (submitted + 1) | 0);
  }

  /** Ring thread: wakes workers up after a batch. */
  notify(count: number): void {
    Atomics.notify(this.#words, SUBMITTED, count);
  }

  /** Ring thread: the result of a job, or undefined while it is pending. */
  result(job: number): number | undefined {
    if (Atomics.load(this.#words, this.#word(job, STATE)) !== ENDED) return undefined;
    return this.#words[this.#word(job, RESULT)];
  }

  /** Ring thread: the bytes that a job with a result has moved. */
  moved(job: number): number {
    return this.#words[this.#word(job, MOVED)];
  }

  /**
   * Ring thread: takes a job back that no worker has begun. Returns whether it could; then it ends
   * without having touched its descriptor or memory.
   */
  cancel(job: number): boolean {
    const word = this.#word(job, STATE);
    return Atomics.compareExchange(this.#words, word, QUEUED, CANCELLED) === QUEUED;
  }

  /** Ring thread: asks for a signal when a job ends (or not). */
  listen(listening: boolean): void {
    Atomics.store(this.#words, LISTENING, listening ? 1 : 0);
  }

  /** Ends all workers. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    Atomics.add(this.#words, SUBMITTED, 0);
    Atomics.notify(this.#words, SUBMITTED);
  }

  /** Worker: the next job; blocks. Undefined once the pool is closed. */
  take(): number | undefined {
    const words = this.#words;
    for (;;) {
      if (Atomics.load(words, CLOSED) !== 0) return undefined;
      const taken = Atomics.load(words, TAKEN);
      const submitted = Atomics.load(words, SUBMITTED);
      if (taken === submitted) {
        // A time limit, so that closing is seen even if its wake-up came too early.
        Atomics.wait(words, SUBMITTED, submitted, 1000);
        continue;
      }
      const job = Atomics.load(words, QUEUE_OFFSET / 4 + ((taken >>> 0) % JOB_COUNT));
      if (Atomics.compareExchange(words, TAKEN, taken, (taken + 1) | 0) !== taken) continue;
      const word = this.#word(job, STATE);
      if (Atomics.compareExchange(words, word, QUEUED, WITH_WORKER) === QUEUED) return job;
      Atomics.store(words, word, ENDED);
    }
  }

  /** Worker: what is to be done. */
  describe(job: number): { operation: number; fd: number; offset: number; length: number } {
    const iovecs = this.#iovecs[job];
    iovecs.first = this.#words[this.#word(job, IOVEC_FIRST)];
    iovecs.count = this.#words[this.#word(job, IOVEC_COUNT)];
    iovecs.moved = 0;
    return {
      operation: this.#words[this.#word(job, OPERATION)],
      fd: this.#words[this.#word(job, DESCRIPTOR)],
      offset: this.#doubles[job * 2],
      length: this.#doubles[job * 2 + 1],
    };
  }

  /** Worker: a job has ended. Returns whether the ring thread wants to be signalled. */
  finish(job: number, result: number): boolean {
    this.#words[this.#word(job, RESULT)] = result;
    this.#words[this.#word(job, MOVED)] = this.#iovecs[job].moved;
    Atomics.store(this.#words, this.#word(job, STATE), ENDED);
    return Atomics.exchange(this.#words, LISTENING, 0) !== 0;
  }
}
