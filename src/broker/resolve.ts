/**
 * Names to addresses, with the check of each address that is then connected to: what the name resolves
 * to later does not matter any more.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { CapabilityError } from "../plugin/mod.ts";
import { parseAddress } from "../sys/socket.ts";
import { permits, type Reach } from "./address.ts";

/** Addresses of a name that are tried. */
const ADDRESS_COUNT_MAX = 8;

/** One address. */
export interface Resolved {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Where names are looked up, and which addresses are this machine's. */
export interface Resolver {
  addresses(host: string): Promise<readonly string[]>;
  /** Addresses of this machine: its services are reached by them as by loopback. */
  own(): readonly string[];
}

/** The system's resolver. */
export const systemResolver: Resolver = {
  async addresses(host) {
    const found = await lookup(host, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  },
  own: () => Deno.networkInterfaces().map(({ address }) => address),
};

function sameAddress(left: string, right: string): boolean {
  return parseAddress(left)?.toString() === parseAddress(right)?.toString();
}

/** The addresses of a host that may be connected to. Throws CapabilityError where there are none. */
export async function resolve(resolver: Resolver, reach: Reach): Promise<Resolved[]> {
  const { host } = reach;
  const literal = parseAddress(host) !== undefined;
  const found = literal ? [host] : await named(resolver, host);
  const own = resolver.own();
  const allowed = found.filter((address) =>
    permits(reach, address, own.some((other) => sameAddress(address, other)))
  );
  if (allowed.length === 0) {
    throw new CapabilityError(
      "denied",
      `${host} is ${found.slice(0, 4).join(", ")}, which is not public: the operator can allow ` +
        "that with +private after its name",
    );
  }
  return allowed.slice(0, ADDRESS_COUNT_MAX).map((address) => ({
    address,
    family: address.includes(":") ? 6 : 4,
  }));
}

async function named(resolver: Resolver, host: string): Promise<readonly string[]> {
  try {
    const found = await resolver.addresses(host);
    if (found.length > 0) return found;
  } catch {
    // The reasons of resolvers say no more than this.
  }
  throw new CapabilityError("unreachable", `the name ${host} cannot be resolved`);
}
