/** A lock that processes inherit: whoever gets it alone knows that no holder lives. */
import { closeDescriptor } from "./descriptor.ts";
import { check, cString, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const MODE = 0o600;
const RETRY_MS = 5;

function open(path: string): number {
  return check(libc.open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, MODE), "open", path);
}

/**
 * Opens the lock's file anew and takes it shared. The lock belongs to the open file, so it lasts
 * until the last descriptor of it, inherited ones included, is closed.
 */
export function openShared(path: string): number {
  const fd = open(path);
  if (libc.flock(fd, LOCK_SH | LOCK_NB) === 0) return fd;
  const number = errno();
  closeDescriptor(fd);
  throw new SystemError("flock", number, path);
}

/** Waits until nobody holds the lock; false where somebody still does after `timeout_ms`. */
export async function awaitUnlocked(path: string, timeout_ms: number): Promise<boolean> {
  const fd = open(path);
  try {
    const end_ms = performance.now() + timeout_ms;
    for (;;) {
      if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
      if (errno() !== Errno.EAGAIN) throw new SystemError("flock", errno(), path);
      if (performance.now() >= end_ms) return false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } finally {
    closeDescriptor(fd);
  }
}
