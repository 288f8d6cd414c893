/** What a thread of the file pool does for one job: the system calls that may wait for a device. */
import { Errno } from "../sys/error.ts";
import {
  punchHole,
  RWF_DSYNC,
  syncData,
  transferAll,
  writeZeros,
  zeroRange,
} from "../sys/vector_io.ts";
import { type FileJobs, JobOperation } from "./file_jobs.ts";

/** Where the file system cannot punch or zero, zeros are written. */
function orWrite(result: number, fd: number, offset: number, length: number): number {
  return result === -Errno.EOPNOTSUPP ? writeZeros(fd, offset, length) : result;
}

/** Does a job that was taken. Returns the bytes moved, 0, or an errno, negated. */
export function runJob(jobs: FileJobs, job: number): number {
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
    case JobOperation.PUNCH_HOLE_DURABLE:
      return orWrite(punchHole(fd, offset, length), fd, offset, length) || syncData(fd);
    case JobOperation.ZERO_RANGE_DURABLE:
      return orWrite(zeroRange(fd, offset, length), fd, offset, length) || syncData(fd);
    default:
      return -Errno.EINVAL;
  }
}
