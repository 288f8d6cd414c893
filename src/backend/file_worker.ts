/** A thread of the file pool: takes jobs and makes the system calls that may wait for a device. */
/// <reference lib="deno.worker" />
import { signalEventfd } from "../sys/descriptor.ts";
import { Errno } from "../sys/error.ts";
import {
  punchHole,
  RWF_DSYNC,
  syncData,
  transferAll,
  writeZeros,
  zeroRange,
} from "../sys/vector_io.ts";
import { FileJobs, JobOperation } from "./file_jobs.ts";

/** First message to a worker. */
export interface FileWorkerStart {
  readonly jobs: SharedArrayBuffer;
  /** Signalled when a job has ended and the ring thread sleeps. */
  readonly eventfd: number;
}

/** Where the file system cannot punch or zero, zeros are written. */
function orWrite(result: number, fd: number, offset: number, length: number): number {
  return result === -Errno.EOPNOTSUPP ? writeZeros(fd, offset, length) : result;
}

function run(jobs: FileJobs, job: number): number {
  const { operation, fd, offset, length } = jobs.describe(job);
  switch (operation) {
    case JobOperation.READ:
      return transferAll(false, fd, jobs.iovecs(job), offset, 0);
    case JobOperation.WRITE:
      return transferAll(true, fd, jobs.iovecs(job), offset, 0);
    case JobOperation.WRITE_DURABLE:
      return transferAll(true, fd, jobs.iovecs(job), offset, RWF_DSYNC);
    case JobOperation.SYNC:
      return syncData(fd);
    case JobOperation.PUNCH_HOLE:
      return orWrite(punchHole(fd, offset, length), fd, offset, length);
    case JobOperation.ZERO_RANGE:
      return orWrite(zeroRange(fd, offset, length), fd, offset, length);
    default:
      return -Errno.EINVAL;
  }
}

self.onmessage = ({ data }: MessageEvent<FileWorkerStart>) => {
  const jobs = new FileJobs(data.jobs);
  for (let job = jobs.take(); job !== undefined; job = jobs.take()) {
    if (jobs.finish(job, run(jobs, job))) signalEventfd(data.eventfd);
  }
  self.close();
};
