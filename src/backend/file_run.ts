/** What a thread of the file pool does for one job: the system calls that may wait for a device. */
import { runExchange } from "../engine/volume_exchange.ts";
import type { Volume } from "../plugin/mod.ts";
import { MediaOperation } from "../scsi/media.ts";
import { Errno } from "../sys/error.ts";
import { FileCalls, FileError } from "../sys/file.ts";
import { errno, libc } from "../sys/libc.ts";
import {
  firstBytes,
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

const calls = new FileCalls(libc, errno);
const { signal } = new AbortController();

/** What a file says of itself, as a volume would; blocks of 512 are whole for any block length. */
function volumeOf(fd: number): Volume {
  return {
    get size() {
      return calls.size(fd);
    },
    blockSize: 512,
    read: () => {},
    extents: (offset, length) => calls.extents(fd, offset, length),
    space: () => calls.space(fd, calls.size(fd)),
    resize: (size) => calls.truncate(fd, size),
  };
}

/** Runs an exchange on a file. Returns 0 or an errno, negated. */
function exchange(operation: number, fd: number, buffer: Uint8Array): number {
  try {
    runExchange(volumeOf(fd), operation, buffer, { signal });
    return 0;
  } catch (error) {
    return error instanceof FileError ? -error.errno : -Errno.EIO;
  }
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
    case JobOperation.EXTENTS:
      return exchange(MediaOperation.EXTENTS, fd, firstBytes(jobs.iovecs(job)));
    case JobOperation.SPACE:
      return exchange(MediaOperation.SPACE, fd, firstBytes(jobs.iovecs(job)));
    case JobOperation.RESIZE:
      return exchange(MediaOperation.RESIZE, fd, firstBytes(jobs.iovecs(job)));
    default:
      return -Errno.EINVAL;
  }
}
