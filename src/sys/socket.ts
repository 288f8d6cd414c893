/**
 * TCP sockets without the runtime's event loop: non-blocking descriptors for a thread that blocks in
 * epoll, with gathering and scattering of native addresses.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { check, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";
import { addressOf } from "./mapping.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const BACKLOG = 128;
const SOCKADDR_LENGTH_MAX = 28;

/** Entries one call takes (UIO_MAXIOV). */
export const IOVEC_COUNT_MAX = 1024;

/** The call would block. */
export const WOULD_BLOCK = -1;
/** The connection is broken: reset, or any other error. */
export const BROKEN = -2;

/** An address and a port. */
export interface SocketAddress {
  /** IPv4 in dotted decimals, or IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
}

/** `127.0.0.1:3260` or `[::1]:3260`, as RFC 7143 13.8 wants it in TargetAddress. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function parseIPv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1).map(Number);
  return bytes?.every((byte) => byte <= 255) ? Uint8Array.from(bytes) : undefined;
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => parseInt(group, 16));
}

function parseIPv6(text: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted === null ? undefined : parseIPv4(dotted[2]);
  if (dotted !== null) {
    if (tail === undefined) return undefined;
    const pair = [tail[0] << 8 | tail[1], tail[2] << 8 | tail[3]];
    text = dotted[1] + pair.map((group) => group.toString(16)).join(":");
  }
  const halves = text.split("::").map(parseGroups);
  if (halves.length > 2 || halves.some((half) => half === undefined)) return undefined;
  const [head, rest] = halves as number[][];
  const missing = 8 - head.length - (rest?.length ?? 0);
  if (rest === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = rest === undefined ? head : [...head, ...Array(missing).fill(0), ...rest];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 4 or 16 bytes of an IP address; undefined for what is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  return parseIPv4(text) ?? parseIPv6(text);
}

/** A `struct sockaddr_in` or `sockaddr_in6`. Throws TypeError for what is not an IP address. */
function encodeAddress({ address, port }: SocketAddress): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(`Cannot use port ${port}: give a number from 0 to 65535`);
  }
  const v4 = parseIPv4(address);
  const v6 = v4 === undefined ? parseIPv6(address.replace(/^\[(.*)\]$/, "$1")) : undefined;
  if (v4 === undefined && v6 === undefined) {
    throw new TypeError(`Cannot use address ${address}: give an IPv4 or IPv6 address`);
  }
  const bytes = new Uint8Array(v4 === undefined ? SOCKADDR_LENGTH_MAX : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v4 === undefined ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  bytes.set(v4 ?? v6!, v4 === undefined ? 8 : 4);
  return bytes;
}

function formatIPv6(bytes: Uint8Array): string {
  if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) {
    return bytes.subarray(12).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8 | bytes[2 * i + 1]));
  const text = groups.map((group) => group.toString(16)).join(":");
  const zeros = text.match(/(^|:)0(:0)+(:|$)/g)?.sort((a, b) => b.length - a.length)[0];
  return zeros === undefined ? text : text.replace(zeros, "::");
}

function decodeAddress(bytes: Uint8Array<ArrayBuffer>): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const v6 = view.getUint16(0, true) === AF_INET6;
  return {
    address: v6 ? formatIPv6(bytes.subarray(8, 24)) : bytes.subarray(4, 8).join("."),
    port: view.getUint16(2),
  };
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(new Int32Array([value]).buffer);
  check(libc.setsockopt(fd, level, option, bytes, 4), "setsockopt");
}

/**
 * A listening TCP socket, non-blocking. An IPv6 wildcard takes IPv6 only.
 *
 * @throws SystemError, with EADDRINUSE where the port is taken.
 */
export function listenTcp(at: SocketAddress): number {
  const name = encodeAddress(at);
  const v6 = name.length === SOCKADDR_LENGTH_MAX;
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = check(libc.socket(v6 ? AF_INET6 : AF_INET, type, 0), "socket");
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (v6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    check(libc.bind(fd, name, name.length), "bind", formatSocketAddress(at));
    check(libc.listen(fd, BACKLOG), "listen", formatSocketAddress(at));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

const SHORTAGES: ReadonlySet<number> = new Set([
  Errno.EMFILE,
  Errno.ENFILE,
  Errno.ENOMEM,
  Errno.ENOBUFS,
]);

/** A connection that was accepted. */
export interface AcceptedSocket {
  /** Non-blocking, without Nagle's delay. */
  readonly fd: number;
  readonly peer: SocketAddress;
}

/**
 * The next connection of a listening socket; undefined if none waits. Throws a SystemError where
 * descriptors or memory are wanting: leave the listener alone for a while then.
 */
export function acceptTcp(listener: number): AcceptedSocket | undefined {
  const bytes = new Uint8Array(SOCKADDR_LENGTH_MAX);
  const length = new Uint8Array(new Uint32Array([SOCKADDR_LENGTH_MAX]).buffer);
  const fd = libc.accept4(listener, bytes, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    // Other errors are those of a connection that went away while it waited (accept(2)).
    const number = errno();
    if (SHORTAGES.has(number)) throw new SystemError("accept4", number);
    return undefined;
  }
  // A connection that is already reset may refuse; its first recv will tell.
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
  return { fd, peer: decodeAddress(bytes) };
}

/** A blocking connection, made non-blocking when it stands. For clients of our own servers. */
export function connectTcp(to: SocketAddress): number {
  const name = encodeAddress(to);
  const family = name.length === SOCKADDR_LENGTH_MAX ? AF_INET6 : AF_INET;
  const fd = check(libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  try {
    check(libc.connect(fd, name, name.length), "connect", formatSocketAddress(to));
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** The address a socket is bound to: what the other side has reached. */
export function localAddress(fd: number): SocketAddress {
  const bytes = new Uint8Array(SOCKADDR_LENGTH_MAX);
  const length = new Uint8Array(new Uint32Array([SOCKADDR_LENGTH_MAX]).buffer);
  check(libc.getsockname(fd, bytes, length), "getsockname");
  return decodeAddress(bytes);
}

/** Whether a `bind` failed because the port is taken. */
export function isAddressInUse(error: unknown): boolean {
  return error instanceof SystemError && error.errno === Errno.EADDRINUSE;
}

/**
 * A list of {native address, length} for recvmsg(2) and sendmsg(2), kept between calls. Addresses are
 * numbers (user space ends far below 2^53), so that no bigint is made for each entry.
 */
export class IovecList {
  /** Entries in use. */
  count = 0;
  /** First entry that is not done with. */
  head = 0;
  /** Entries below this one are not lengthened. */
  #sealed = 0;
  readonly capacity: number;
  readonly #entries: Uint32Array<ArrayBuffer>;
  readonly #entries_address: number;
  /** `struct msghdr`: 56 bytes, more than the engine keeps inside its own moving heap. */
  readonly #message = new Uint8Array(new ArrayBuffer(128));
  readonly #message_words = new Uint32Array(this.#message.buffer);

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#entries = new Uint32Array(new ArrayBuffer(Math.max(capacity * 16, 128)));
    this.#entries_address = Number(addressOf(this.#entries.buffer));
  }

  /** Forgets all entries. */
  reset(): void {
    this.count = 0;
    this.head = 0;
    this.#sealed = 0;
  }

  /** Makes sure that no entry so far is lengthened. */
  seal(): void {
    this.#sealed = this.count;
  }

  /** Appends an entry, or lengthens the last one where this one continues it. */
  push(address: number, length: number): void {
    if (length === 0) return;
    const entries = this.#entries;
    let word = this.count * 4;
    if (this.count > this.#sealed) {
      const last = word - 4;
      const end = entries[last] + entries[last + 1] * 0x1_0000_0000 + entries[last + 2];
      if (end === address) {
        entries[last + 2] += length;
        return;
      }
    }
    if (this.count >= this.capacity) throw new Error("assertion: iovec list is full");
    entries[word++] = address >>> 0;
    entries[word++] = Math.floor(address / 0x1_0000_0000);
    entries[word++] = length;
    entries[word] = 0;
    this.count++;
  }

  /** Takes `length` bytes off the front. */
  consume(length: number): void {
    const entries = this.#entries;
    while (length > 0) {
      const word = this.head * 4;
      const have = entries[word + 2];
      if (length >= have) {
        length -= have;
        this.head++;
        continue;
      }
      const address = entries[word] + entries[word + 1] * 0x1_0000_0000 + length;
      entries[word] = address >>> 0;
      entries[word + 1] = Math.floor(address / 0x1_0000_0000);
      entries[word + 2] = have - length;
      length = 0;
    }
  }

  #prepare(): void {
    const first = this.#entries_address + this.head * 16;
    // msg_iov is at 16, msg_iovlen at 24; all else stays zero (struct msghdr, x86-64 and arm64).
    this.#message_words[4] = first >>> 0;
    this.#message_words[5] = Math.floor(first / 0x1_0000_0000);
    this.#message_words[6] = Math.min(this.count - this.head, IOVEC_COUNT_MAX);
  }

  /** Sends what is left of the list. Returns bytes sent, WOULD_BLOCK or BROKEN. */
  send(fd: number, more: boolean): number {
    this.#prepare();
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    return outcome(libc.sendmsg(fd, this.#message, flags));
  }

  /** Receives into the list. Returns bytes received, WOULD_BLOCK, BROKEN, or 0 at the end. */
  receive(fd: number): number {
    this.#prepare();
    return outcome(libc.recvmsg(fd, this.#message, MSG_DONTWAIT));
  }
}

function outcome(result: number): number {
  if (result >= 0) return result;
  const number = errno();
  return number === Errno.EAGAIN || number === Errno.EINTR ? WOULD_BLOCK : BROKEN;
}
