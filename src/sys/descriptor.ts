/** File descriptors: close, eventfd, pipe, flags. All are made with close-on-exec set. */
import { check, Errno, retry } from "./error.ts";
import { errno, libc } from "./libc.ts";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;

/** Closes a descriptor; errors are of no use to anybody here. */
export function closeDescriptor(fd: number): void {
  libc.close(fd);
}

/** A new eventfd(2), non-blocking. */
export function makeEventfd(): number {
  return check(libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

const one = new Uint8Array(new BigUint64Array([1n]).buffer);
const counter = new Uint8Array(8);

/** Adds 1 to an eventfd; a full counter counts as signalled. */
export function signalEventfd(fd: number): void {
  if (retry(() => Number(libc.write(fd, one, 8n))) < 0 && errno() !== Errno.EAGAIN) {
    check(-1, "write eventfd");
  }
}

/** Resets an eventfd; returns whether it had been signalled. */
export function drainEventfd(fd: number): boolean {
  return Number(libc.read(fd, counter, 8n)) === 8;
}

/** Resets an eventfd and returns what was in it; 0 if nothing. */
export function readEventfd(fd: number): number {
  if (Number(libc.read(fd, counter, 8n)) !== 8) return 0;
  return new DataView(counter.buffer).getUint32(0, true);
}

/**
 * Makes an eventfd as new that another process had, too: a counter that was filled up gives no more
 * edges, and blocks who writes to it. The flags are those of the open file, so that the other may
 * have cleared O_NONBLOCK. Only while nobody else has it.
 */
export function renewEventfd(fd: number): void {
  check(libc.fcntl(fd, 4, /* F_SETFL */ BigInt(O_NONBLOCK)), "fcntl");
  drainEventfd(fd);
}

/** A pipe: [read end, write end], both close-on-exec, the read end non-blocking. */
export function makePipe(): [number, number] {
  const pair = new Int32Array(2);
  check(libc.pipe2(new Uint8Array(pair.buffer), O_CLOEXEC), "pipe2");
  check(libc.fcntl(pair[0], 4, /* F_SETFL */ BigInt(O_NONBLOCK)), "fcntl");
  return [pair[0], pair[1]];
}

/** Reads from a non-blocking descriptor: the bytes read, 0 at its end, -1 where there are none now. */
export function readAvailable(fd: number, into: Uint8Array<ArrayBuffer>): number {
  const count = retry(() => Number(libc.read(fd, into, BigInt(into.length))));
  if (count < 0 && errno() !== Errno.EAGAIN) check(-1, "read");
  return count;
}
