/**
 * A pair of connected sockets for talking to a process that is not trusted. Each end is an open file of
 * its own: what the other process does to its end (flags, closing, draining) changes nothing here.
 * Descriptors that it might send along are discarded by recv(2).
 *
 * @module
 */
import { check, Errno, retry, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Two connected ends, both close-on-exec. Calls on the first never block, see below. */
export function makeSocketPair(): [number, number] {
  const pair = new Int32Array(2);
  const type = SOCK_STREAM | SOCK_CLOEXEC;
  check(libc.socketpair(AF_UNIX, type, 0, new Uint8Array(pair.buffer)), "socketpair");
  return [pair[0], pair[1]];
}

function moved(call: () => number, name: string): number {
  const count = retry(call);
  if (count >= 0) return count;
  const number = errno();
  if (number === Errno.EAGAIN) return -1;
  if (number === Errno.EPIPE || number === Errno.ECONNRESET) return 0;
  throw new SystemError(name, number);
}

/** Takes what there is: the bytes received, 0 at the end, -1 where there are none now. */
export function receiveAvailable(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return moved(() => Number(libc.recv(fd, into, BigInt(into.length), MSG_DONTWAIT)), "recv");
}

/** Sends what there is room for: the bytes sent, 0 where nobody takes them any more, -1 without room. */
export function sendAvailable(fd: number, from: Uint8Array<ArrayBuffer>): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return moved(() => Number(libc.send(fd, from, BigInt(from.length), flags)), "send");
}
