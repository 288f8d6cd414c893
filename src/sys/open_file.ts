/** Opening a regular file or block device that serves a logical unit. */
import { closeDescriptor } from "./descriptor.ts";
import { check, cString, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";
import { i64 } from "./numbers.ts";

const O_RDONLY = 0;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
/** Differs between machines (asm/fcntl.h). */
const O_DIRECT = Deno.build.arch === "aarch64" ? 0o200000 : 0o40000;
const SEEK_END = 2;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const MODE = 0o600;

/** How to open. */
export interface OpenFileOptions {
  readonly writable: boolean;
  /** O_DIRECT: past the page cache. */
  readonly direct: boolean;
  /** Bytes in a logical block: O_DIRECT must be able to read one at any multiple. */
  readonly block_bytes: number;
  /** Make a sparse file of so many bytes where there is none; 0: do not. */
  readonly create_bytes: number;
}

/** What was opened. */
export interface OpenedFile {
  readonly fd: number;
  readonly size_bytes: number;
  /** A block device. */
  readonly device: boolean;
}

/** The file cannot be served; `advice` says what to do. */
export class OpenFileError extends Error {
  override readonly name = "OpenFileError";
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

function create(path: string, size: number): void {
  const flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  const fd = libc.open(cString(path), flags, MODE);
  if (fd < 0) {
    if (errno() === Errno.EEXIST) return;
    throw new SystemError("create", errno(), path);
  }
  try {
    check(libc.ftruncate(fd, i64(size)), "ftruncate", path);
  } finally {
    closeDescriptor(fd);
  }
}

function checkKind(path: string, fd: number): boolean {
  const { isFile, isBlockDevice } = Deno.statSync(`/proc/self/fd/${fd}`);
  if (!isFile && !isBlockDevice) {
    throw new OpenFileError(`${path} is not a regular file or block device`, "Bind another path.");
  }
  return isBlockDevice === true;
}

/** One writer, or readers: the lock belongs to the open file, so a handler's process keeps it. */
function lock(path: string, fd: number, writable: boolean): void {
  if (libc.flock(fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) return;
  if (errno() !== Errno.EAGAIN) throw new SystemError("flock", errno(), path);
  throw new OpenFileError(
    `${path} is in use by another process or logical unit`,
    "Detach the other one first.",
  );
}

/** Whether O_DIRECT can read single blocks here is for the device to say. */
function probeDirect(path: string, fd: number, size: number, block: number): void {
  const buffer = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, block);
  if (size < 2 * block || libc.pread(fd, buffer, i64(block), i64(block)) >= 0) return;
  if (errno() !== Errno.EINVAL) throw new SystemError("pread", errno(), path);
  throw new OpenFileError(
    `${path} lies on a device that cannot read ${block} bytes with O_DIRECT`,
    "Set blockSize=4096, or direct=false.",
  );
}

/** Opens, checks and locks. Throws SystemError or {@linkcode OpenFileError}. */
export function openGrantedFile(path: string, options: OpenFileOptions): OpenedFile {
  if (options.create_bytes > 0) create(path, options.create_bytes);
  // O_NONBLOCK: opening a FIFO or a tape must not wait; it means nothing to what is accepted.
  const flags = (options.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK |
    (options.direct ? O_DIRECT : 0);
  const fd = libc.open(cString(path), flags, 0);
  if (fd < 0) {
    const number = errno();
    if (options.direct && number === Errno.EINVAL) {
      throw new OpenFileError(`${path} cannot be opened with O_DIRECT`, "Set direct=false.");
    }
    throw new SystemError("open", number, path);
  }
  try {
    const device = checkKind(path, fd);
    lock(path, fd, options.writable);
    const size = Number(libc.lseek(fd, 0n, SEEK_END));
    if (size < 0) throw new SystemError("lseek", errno(), path);
    if (options.direct) probeDirect(path, fd, size, options.block_bytes);
    return { fd, size_bytes: size, device };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
