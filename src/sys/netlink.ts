/** Netlink sockets, and requests to generic netlink (net/netlink/af_netlink.c, genetlink.c). */
import { closeDescriptor } from "./descriptor.ts";
import { check, Errno, SystemError } from "./error.ts";
import { errno, libc } from "./libc.ts";
import {
  encodeAttribute,
  encodeGeneric,
  encodeMessage,
  encodeString,
  type GenericMessage,
  integerOf,
  NetlinkFormatError,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  parseAttributeList,
  parseAttributes,
  parseError,
  parseGeneric,
  parseMessages,
  stringOf,
} from "./netlink_message.ts";

export const NETLINK_GENERIC = 16;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const MSG_TRUNC = 0x20;
const ENOBUFS = 105;
const ADDRESS_LENGTH = 12;
const DATAGRAM_LENGTH_MAX = 65536;
const DATAGRAMS_MAX = 64;

const CONTROLLER_ID = 0x10;
const CONTROLLER_GET_FAMILY = 3;
const CONTROLLER_FAMILY_ID = 1;
const CONTROLLER_FAMILY_NAME = 2;
const CONTROLLER_GROUPS = 7;
const GROUP_NAME = 1;
const GROUP_ID = 2;

/** Messages were lost: the socket's buffer was full. Look at the real state again. */
export class NetlinkOverflowError extends Error {
  override readonly name = "NetlinkOverflowError";
}

/** A non-blocking netlink socket that hears the kernel alone. */
export class NetlinkSocket {
  /** Readable when there is a datagram. */
  readonly fd: number;
  readonly #datagram = new Uint8Array(DATAGRAM_LENGTH_MAX);
  readonly #sender = new Uint8Array(ADDRESS_LENGTH);
  readonly #senderLength = new Uint32Array(1);
  #open = true;

  /** Opens and binds a socket; the kernel chooses its port. */
  constructor(protocol: number) {
    const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.fd = check(libc.socket(AF_NETLINK, type, protocol), "open a netlink socket");
    const address = new Uint8Array(ADDRESS_LENGTH);
    address[0] = AF_NETLINK;
    try {
      check(libc.bind(this.fd, address, ADDRESS_LENGTH), "bind a netlink socket");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Joins a multicast group by its number. */
  join(group: number): void {
    const option = new Uint8Array(new Uint32Array([group]).buffer);
    const result = libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, option, 4);
    check(result, "join netlink group", String(group));
  }

  /** Sends a datagram to the kernel, which handles it before this returns. */
  send(datagram: Uint8Array<ArrayBuffer>): void {
    const address = new Uint8Array(ADDRESS_LENGTH);
    address[0] = AF_NETLINK;
    const length = BigInt(datagram.length);
    const sent = libc.sendto(this.fd, datagram, length, 0, address, ADDRESS_LENGTH);
    check(Number(sent), "send to netlink");
  }

  /**
   * The next datagram, copied; undefined where there is none. Throws
   * {@linkcode NetlinkOverflowError} when some were lost.
   */
  receive(): Uint8Array<ArrayBuffer> | undefined {
    for (;;) {
      this.#senderLength[0] = ADDRESS_LENGTH;
      const length = Number(
        libc.recvfrom(
          this.fd,
          this.#datagram,
          BigInt(DATAGRAM_LENGTH_MAX),
          MSG_TRUNC,
          this.#sender,
          new Uint8Array(this.#senderLength.buffer),
        ),
      );
      if (length < 0) {
        const number = errno();
        if (number === Errno.EINTR) continue;
        if (number === Errno.EAGAIN) return undefined;
        if (number === ENOBUFS) throw new NetlinkOverflowError("Netlink messages were lost");
        throw new SystemError("receive from netlink", number);
      }
      if (length > DATAGRAM_LENGTH_MAX) throw new NetlinkOverflowError("Netlink message too long");
      if (this.#fromKernel()) return this.#datagram.slice(0, length);
    }
  }

  /** Closes the socket. May be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptor(this.fd);
  }

  /** The kernel's own port is 0; anything else is a process. */
  #fromKernel(): boolean {
    return new DataView(this.#sender.buffer).getUint32(4, true) === 0;
  }
}

/** A family of generic netlink, by numbers that the kernel gave at this start. */
export interface GenericFamily {
  readonly id: number;
  /** Multicast groups by name. */
  readonly groups: ReadonlyMap<string, number>;
}

/** Requests to generic netlink, each answered before the call returns. */
export class GenericNetlink {
  readonly #socket = new NetlinkSocket(NETLINK_GENERIC);
  #sequence = 0;

  /** Asks for a family by its name; undefined where the kernel has none. */
  resolve(name: string): GenericFamily | undefined {
    const attribute = encodeAttribute(CONTROLLER_FAMILY_NAME, encodeString(name));
    const payload = encodeGeneric(CONTROLLER_GET_FAMILY, 1, [attribute]);
    try {
      const [answer] = this.request(CONTROLLER_ID, payload);
      return answer === undefined ? undefined : parseFamily(answer);
    } catch (error) {
      if (error instanceof SystemError && error.errno === Errno.ENOENT) return undefined;
      throw error;
    }
  }

  /**
   * Sends a command and returns what came back before its acknowledgement. Throws
   * {@linkcode SystemError} with the kernel's answer.
   */
  request(family: number, payload: Uint8Array): GenericMessage[] {
    const sequence = ++this.#sequence;
    const flags = NLM_F_REQUEST | NLM_F_ACK;
    this.#socket.send(encodeMessage({ type: family, flags, sequence, payload }));
    const answers: GenericMessage[] = [];
    for (let count = 0; count < DATAGRAMS_MAX; count++) {
      const datagram = this.#socket.receive();
      if (datagram === undefined) break;
      for (const message of parseMessages(datagram)) {
        if (message.sequence !== sequence) continue;
        if (isAcknowledgement(message)) return answers;
        answers.push(parseGeneric(message.payload));
      }
    }
    throw new NetlinkFormatError("Netlink request without an acknowledgement");
  }

  /** Closes the socket. */
  close(): void {
    this.#socket.close();
  }
}

function isAcknowledgement(message: NetlinkMessage): boolean {
  if (message.type !== NLMSG_ERROR) return false;
  const number = parseError(message.payload);
  if (number !== 0) throw new SystemError("do a netlink request", number);
  return true;
}

/** Reads the controller's description of a family (CTRL_CMD_NEWFAMILY). */
export function parseFamily(message: GenericMessage): GenericFamily {
  const id = integerOf(message.attributes, CONTROLLER_FAMILY_ID, 2);
  if (id === undefined) throw new NetlinkFormatError("Netlink family without an id");
  const groups = new Map<string, number>();
  const list = message.attributes.get(CONTROLLER_GROUPS) ?? new Uint8Array();
  for (const { value } of parseAttributeList(list)) {
    const attributes = parseAttributes(value);
    const name = stringOf(attributes, GROUP_NAME);
    const group = integerOf(attributes, GROUP_ID, 4);
    if (name !== undefined && group !== undefined) groups.set(name, group);
  }
  return { id, groups };
}
