/** A UIO device: opening it, and the doorbell in both directions (drivers/uio/uio.c). */
import { closeDescriptor } from "./descriptor.ts";
import { cString, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

/** Bytes that read(2) and write(2) on a UIO device take; every other count is EINVAL. */
const COUNTER_LENGTH = 4n;

/** Another process has the device open: the kernel lets one in at a time. */
export class UioBusyError extends SystemError {
  constructor(path: string) {
    super("open", Errno.EBUSY, path);
    this.message = `Cannot open ${path}: another process serves it. Stop that process first`;
  }
}

/** Result of a doorbell operation. */
export const UioState = {
  /** Nothing had happened since the last acknowledgement. */
  QUIET: 0,
  /** The kernel has rung, or was rung. */
  RUNG: 1,
  /** The device has been removed; the descriptor is of no more use. */
  REMOVED: 2,
} as const;

/**
 * Opens a UIO device, non-blocking and close-on-exec. Throws {@linkcode UioBusyError} where another
 * process has it, else {@linkcode SystemError}. Never blocks.
 */
export function openUio(path: string): number {
  const fd = libc.open(cString(path), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const number = errno();
  throw number === Errno.EBUSY ? new UioBusyError(path) : new SystemError("open", number, path);
}

/** Closes the device. Unmap it before: old kernels' mappings hold no reference to it. */
export function closeUio(fd: number): void {
  closeDescriptor(fd);
}

const counter = new Uint8Array(4);
const bell = new Uint8Array(4);

/** Takes the kernel's notifications. A value of {@linkcode UioState}; no allocation. */
export function acknowledgeUio(fd: number): number {
  for (;;) {
    if (libc.read_short(fd, counter, COUNTER_LENGTH) === 4) return UioState.RUNG;
    const number = errno();
    if (number === Errno.EINTR) continue;
    if (number === Errno.EAGAIN) return UioState.QUIET;
    if (number === Errno.EIO) return UioState.REMOVED;
    throw new SystemError("read", number, "UIO device");
  }
}

/**
 * Tells the kernel to look at the completions; it does so before this returns. A value of
 * {@linkcode UioState}; no allocation.
 */
export function ringUio(fd: number): number {
  for (;;) {
    if (libc.write_short(fd, bell, COUNTER_LENGTH) === 4) return UioState.RUNG;
    const number = errno();
    if (number === Errno.EINTR) continue;
    // uio_write() answers EIO, or EINVAL on newer kernels, once the device is gone.
    if (number === Errno.EIO || number === Errno.EINVAL) return UioState.REMOVED;
    throw new SystemError("write", number, "UIO device");
  }
}
