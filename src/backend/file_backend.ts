/**
 * Serves a volume that is byte for byte a file: reads and writes go between the file and the ring's
 * data area without a copy. What cannot wait for a device is done on the spot; the rest goes to the
 * file pool.
 *
 * @module
 */
import { IOV_PAIR_SIZE } from "../abi/engine.ts";
import type { Engine } from "../engine/engine.ts";
import type { Backend, BackendSink, Clock, Transfer } from "../engine/ports.ts";
import { SUBMIT_FULL, SUBMIT_PENDING } from "../engine/ports.ts";
import { isExchange, MediaOperation, MediaResult } from "../scsi/media.ts";
import { Errno } from "../sys/error.ts";
import { addressOf } from "../sys/mapping.ts";
import {
  liesInMemory,
  NATIVE_IOVEC_LENGTH,
  NativeIovecs,
  RWF_NOWAIT,
  transferAll,
} from "../sys/vector_io.ts";
import { JOB_COUNT, JobOperation } from "./file_jobs.ts";
import type { FileQueue, JobOwner } from "./file_queue.ts";

const IOVECS_MAX = 2048;

/** What the daemon knows of the file. */
export interface BackingFile {
  readonly fd: number;
  /** Opened with O_DIRECT: every call waits for the device. */
  readonly direct: boolean;
}

export class FileBackend implements Backend, JobOwner {
  readonly #engine: Engine;
  readonly #file: BackingFile;
  readonly #queue: FileQueue;
  readonly #sink: BackendSink;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #iovecs = new NativeIovecs(
    new ArrayBuffer(IOVECS_MAX * NATIVE_IOVEC_LENGTH),
    0,
    IOVECS_MAX,
  );
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #inMemory: boolean;
  /** Whether the file system takes RWF_NOWAIT, for reads [0] and writes [1]; learned as it goes. */
  readonly #nowait: [boolean, boolean];
  readonly #transferOfJob: (Transfer | undefined)[] = new Array(JOB_COUNT).fill(undefined);
  readonly #doneBytes = new Float64Array(JOB_COUNT);
  readonly #since_ms = new Float64Array(JOB_COUNT);
  /** The file is not to be touched from here on: it would grow. */
  #size_bytes = Infinity;
  #pending = 0;
  #closed = false;
  /** Jobs that a worker was at when this was closed. */
  #left: readonly number[] = [];

  constructor(
    engine: Engine,
    file: BackingFile,
    queue: FileQueue,
    sink: BackendSink,
    clock: Clock,
    wake: () => void,
  ) {
    this.#engine = engine;
    this.#file = file;
    this.#queue = queue;
    this.#sink = sink;
    this.#clock = clock;
    this.#wake = wake;
    queue.join();
    const base = addressOf(engine.buffer);
    this.#baseLow = Number(base & 0xffff_ffffn);
    this.#baseHigh = Number(base >> 32n);
    this.#inMemory = liesInMemory(file.fd);
    this.#nowait = [!file.direct, !file.direct];
  }

  /** The size that the volume has from now on: nothing past it is done, whoever had checked it. */
  resize(size_bytes: number): void {
    this.#size_bytes = size_bytes;
  }

  submit(transfer: Transfer): number {
    if (transfer.offset_bytes + transfer.length_bytes > this.#size_bytes) {
      if (!isExchange(transfer.operation)) return MediaResult.INTERNAL;
    }
    switch (transfer.operation) {
      case MediaOperation.READ:
        return this.#move(transfer, false);
      case MediaOperation.WRITE:
        return this.#move(transfer, true);
      case MediaOperation.FLUSH:
        return this.#inMemory ? MediaResult.OK : this.#post(transfer, JobOperation.SYNC, 0);
      case MediaOperation.DISCARD:
        return this.#post(transfer, JobOperation.PUNCH_HOLE, 0);
      case MediaOperation.WRITE_ZEROES:
        return this.#post(transfer, zeroOperation(transfer), 0);
      case MediaOperation.EXTENTS:
        return this.#exchange(transfer, JobOperation.EXTENTS);
      case MediaOperation.SPACE:
        return this.#exchange(transfer, JobOperation.SPACE);
      case MediaOperation.RESIZE:
        return this.#exchange(transfer, JobOperation.RESIZE);
      default:
        throw new Error(`assertion: operation ${transfer.operation}`);
    }
  }

  #exchange(transfer: Transfer, operation: number): number {
    if (transfer.iov_count !== 1) throw new Error("assertion: an exchange in pieces");
    return this.#post(transfer, operation, 0);
  }

  #move(transfer: Transfer, write: boolean): number {
    const direction = write ? 1 : 0;
    let moved = 0;
    const durable = write && transfer.fua && !this.#inMemory;
    if (!durable && (this.#inMemory || this.#nowait[direction])) {
      this.#fill(this.#iovecs, transfer, 0);
      const flags = this.#inMemory ? 0 : RWF_NOWAIT;
      const result = transferAll(write, this.#file.fd, this.#iovecs, transfer.offset_bytes, flags);
      if (result === transfer.length_bytes) return MediaResult.OK;
      if (result === -Errno.EOPNOTSUPP) this.#nowait[direction] = false;
      // What has failed is tried again from where it failed: the pool reports how far it came.
      moved = this.#iovecs.moved;
    }
    const operation = !write
      ? JobOperation.READ
      : durable
      ? JobOperation.WRITE_DURABLE
      : JobOperation.WRITE;
    return this.#post(transfer, operation, moved);
  }

  /** Native iovecs of a transfer, without its first `skip` bytes. */
  #fill(iovecs: NativeIovecs, transfer: Transfer, skip: number): void {
    const { words } = this.#engine;
    iovecs.first = 0;
    iovecs.count = 0;
    let index = transfer.iov_address >>> 2;
    for (let count = 0; count < transfer.iov_count; count++, index += IOV_PAIR_SIZE / 4) {
      iovecs.push(this.#baseLow, this.#baseHigh, words[index], words[index + 1]);
    }
    iovecs.advance(skip);
  }

  #post(transfer: Transfer, operation: number, moved: number): number {
    const job = this.#queue.allocate(this.#pending);
    if (job < 0) return SUBMIT_FULL;
    const iovecs = this.#queue.jobs.iovecs(job);
    this.#fill(iovecs, transfer, moved);
    this.#transferOfJob[job] = transfer;
    this.#doneBytes[job] = moved;
    this.#since_ms[job] = this.#clock.now_ms();
    this.#pending++;
    const { offset_bytes, length_bytes } = transfer;
    this.#queue.submit(job, this, operation, this.#file.fd, offset_bytes + moved, length_bytes);
    return SUBMIT_PENDING;
  }

  jobEnded(job: number, result: number): void {
    const transfer = this.#transferOfJob[job] as Transfer;
    this.#transferOfJob[job] = undefined;
    this.#pending--;
    const { operation, tag } = transfer;
    if (operation === MediaOperation.READ || operation === MediaOperation.WRITE) {
      const moved = this.#doneBytes[job] + this.#queue.jobs.moved(job);
      if (result < 0) this.#failed(transfer, errorResult(result), moved);
      else if (moved === transfer.length_bytes) this.#sink.done(tag, MediaResult.OK);
      // A volume ends where its file did: what moves less than all finds a file that has shrunk.
      else this.#failed(transfer, MediaResult.MEDIUM_ERROR, moved);
    } else this.#sink.done(tag, errorResult(result));
  }

  #failed({ tag, offset_bytes }: Transfer, result: number, moved: number): void {
    this.#sink.done(tag, result, offset_bytes + moved);
  }

  kick(): void {
    this.#queue.kick();
  }
  poll(): void {
    if (this.#pending > 0) this.#queue.poll(this);
  }
  prepareToSleep(): boolean {
    return this.#pending === 0 || this.#queue.prepareToSleep();
  }
  oldest_ms(now_ms: number): number {
    let oldest = 0;
    for (let job = 0; job < JOB_COUNT; job++) {
      if (this.#transferOfJob[job] === undefined) continue;
      oldest = Math.max(oldest, now_ms - this.#since_ms[job]);
    }
    return oldest;
  }
  wake(): void {
    this.#wake();
  }
  close(): void {
    if (!this.#closed) this.#left = this.#queue.leave(this);
    this.#closed = true;
  }
  /** After `close`: whether no worker of the pool is at the file or the memory any more. */
  get idle(): boolean {
    return this.#left.every((job) => this.#queue.isEnded(job));
  }
}

function zeroOperation({ unmap, fua }: Transfer): number {
  if (unmap) return fua ? JobOperation.PUNCH_HOLE_DURABLE : JobOperation.PUNCH_HOLE;
  return fua ? JobOperation.ZERO_RANGE_DURABLE : JobOperation.ZERO_RANGE;
}

function errorResult(result: number): number {
  if (result >= 0) return MediaResult.OK;
  switch (-result) {
    case Errno.ENOSPC:
    case Errno.EDQUOT:
    case Errno.EFBIG:
      return MediaResult.NO_SPACE;
    case Errno.EBADF:
    case Errno.EPERM:
    case Errno.EACCES:
    case Errno.EROFS:
      return MediaResult.WRITE_PROTECTED;
    default:
      return MediaResult.MEDIUM_ERROR;
  }
}
