/**
 * Locks that processes inherit, all on one file. Every handler's process holds the whole of it
 * shared (flock(2)): whoever gets it alone knows that none lives. And each holds one byte of it
 * alone (an open file description lock, fcntl(2)), that of its logical unit: no two generations of a
 * unit's handler live at once, whatever supervision believes.
 *
 * Both kinds belong to the open file and not to a process, so they last until the last descriptor
 * of it, inherited ones included, is closed: until the process and all its threads are gone.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { check, cString, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
/** struct flock of 64-bit machines: type i16, whence i16, start i64 at 8, length i64, pid i32. */
const FLOCK_LENGTH = 32;
const MODE = 0o600;
const RETRY_MS = 5;

function open(path: string): number {
  return check(libc.open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, MODE), "open", path);
}

/** Takes the whole file shared: others do, too. */
function takeShared(fd: number, path: string): void {
  if (libc.flock(fd, LOCK_SH | LOCK_NB) === 0) return;
  throw new SystemError("flock", errno(), path);
}

/** The byte of a name: of 2^62, so that two names have the same one next to never. */
function byteOf(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  // FNV-1a.
  for (const byte of new TextEncoder().encode(name)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash >> 2n;
}

/** Takes a name's byte alone; false where another open file holds it. */
function takeByte(fd: number, path: string, name: string): boolean {
  const lock = new DataView(new ArrayBuffer(FLOCK_LENGTH));
  lock.setInt16(0, F_WRLCK, true);
  lock.setBigInt64(8, byteOf(name), true);
  lock.setBigInt64(16, 1n, true);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(lock));
  const result = libc.fcntl(fd, F_OFD_SETLK, address);
  // Errors first: whatever is called next may change errno.
  const number = result === 0 ? 0 : errno();
  if (lock.byteLength !== FLOCK_LENGTH) throw new Error("assertion: the lock must live up to here");
  if (number === 0) return true;
  if (number === Errno.EAGAIN || number === Errno.EACCES) return false;
  throw new SystemError("fcntl F_OFD_SETLK", number, path);
}

/**
 * Opens the lock's file anew, takes it shared, and takes the byte of `name` alone. Waits for whoever
 * has that; undefined where somebody still does after `timeout_ms`.
 */
export async function openGeneration(
  path: string,
  name: string,
  timeout_ms: number,
): Promise<number | undefined> {
  const fd = open(path);
  try {
    takeShared(fd, path);
    const end_ms = performance.now() + timeout_ms;
    while (!takeByte(fd, path, name)) {
      if (performance.now() >= end_ms) {
        closeDescriptor(fd);
        return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
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
