/**
 * What an IP address is for: a handler that may reach a host by its name must not reach by it what only
 * this machine, or its network, can (server-side request forgery, DNS rebinding).
 *
 * Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890).
 *
 * @module
 */
import { parseAddress } from "../sys/socket.ts";

/** What an address is for. */
export type AddressClass =
  /** Anywhere on the Internet. */
  | "global"
  /** This machine. */
  | "loopback"
  /** The networks of an organisation. */
  | "private"
  /** The wire that this machine is on. */
  | "link-local"
  /** Where clouds tell a machine its secrets. */
  | "metadata"
  /** Nothing that could be connected to: multicast, documentation, reserved. */
  | "unusable";

type Range = readonly [prefix: string, bits: number, what: AddressClass];

/** The first that fits counts. */
const ranges4: readonly Range[] = [
  ["169.254.169.254", 32, "metadata"],
  // Alibaba, Oracle, Azure.
  ["100.100.100.200", 32, "metadata"],
  ["192.0.0.192", 32, "metadata"],
  ["168.63.129.16", 32, "metadata"],
  // Linux takes 0.0.0.0 for itself.
  ["0.0.0.0", 8, "unusable"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "private"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "unusable"],
  ["192.0.2.0", 24, "unusable"],
  ["192.88.99.0", 24, "unusable"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "private"],
  ["198.51.100.0", 24, "unusable"],
  ["203.0.113.0", 24, "unusable"],
  // Multicast, reserved, broadcast.
  ["224.0.0.0", 3, "unusable"],
];

const ranges6: readonly Range[] = [
  ["::1", 128, "loopback"],
  // Amazon, Google.
  ["fd00:ec2::254", 128, "metadata"],
  ["fd20:ce::254", 128, "metadata"],
  ["fc00::", 7, "private"],
  ["fe80::", 10, "link-local"],
  ["fec0::", 10, "private"],
  // Teredo, ORCHID, documentation and the like.
  ["2001::", 23, "unusable"],
  ["2001:db8::", 32, "unusable"],
  ["3fff::", 20, "unusable"],
  ["2000::", 3, "global"],
];

/** Prefixes after which an IPv4 address follows: mapped, NAT64, 6to4. */
const embedded: readonly (readonly [prefix: string, bits: number])[] = [
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["2002::", 16],
];

function bytesOf(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === undefined) throw new Error(`assertion: ${text} is no address`);
  return bytes;
}

function begins(bytes: Uint8Array, prefix: string, bits: number): boolean {
  const wanted = bytesOf(prefix);
  for (let done = 0; done < bits; done += 8) {
    const mask = bits - done >= 8 ? 0xff : 0xff << (8 - (bits - done)) & 0xff;
    if ((bytes[done / 8] & mask) !== (wanted[done / 8] & mask)) return false;
  }
  return true;
}

function classOf(bytes: Uint8Array): AddressClass {
  if (bytes.length === 4) {
    return ranges4.find(([prefix, bits]) => begins(bytes, prefix, bits))?.[2] ?? "global";
  }
  for (const [prefix, bits] of embedded) {
    if (begins(bytes, prefix, bits)) return classOf(bytes.slice(bits / 8, bits / 8 + 4));
  }
  // What has no purpose yet may get a bad one.
  return ranges6.find(([prefix, bits]) => begins(bytes, prefix, bits))?.[2] ?? "unusable";
}

/** What an address is for; "unusable" for what is none. */
export function classifyAddress(text: string): AddressClass {
  const bytes = parseAddress(text);
  return bytes === undefined ? "unusable" : classOf(bytes);
}

/** How far the operator's words go. */
export interface Reach {
  /** The host, as {@linkcode import("../sandbox/origin.ts").normalHost} gives it. */
  readonly host: string;
  /** Names may resolve to private addresses, and those of this machine. */
  readonly private: boolean;
}

/** Whether the operator allowed an address by what was said of its host. */
export function permits({ host, private: near }: Reach, address: string, own: boolean): boolean {
  const found = classifyAddress(address);
  if (found === "unusable") return false;
  // An address that was named is meant.
  const literal = parseAddress(host) !== undefined;
  if (literal) return true;
  if (found === "metadata" || found === "link-local") return false;
  if (found === "loopback" || own) {
    return near || host === "localhost" || host.endsWith(".localhost");
  }
  return found === "global" || near;
}
