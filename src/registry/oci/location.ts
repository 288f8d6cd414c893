/** Where a registry is: `oci://HOST[:PORT]/PREFIX`. */
import { RegistryError } from "../artifact_store.ts";
import { isRepository, shown } from "./name.ts";

/** A registry, and the part of it that a marketplace has. */
export interface RegistryLocation {
  /** One form of what the user named: in lower case, without the scheme's own port. */
  readonly location: string;
  /** `https://HOST[:PORT]`, or `http:`. */
  readonly origin: string;
  /** Repositories' names begin with it and a slash; empty: they are at the top. */
  readonly prefix: string;
}

const LOCATION = /^oci:\/\/([^/]*)(?:\/(.*))?$/s;
/** Names in ASCII (lookalikes of other scripts are told apart by their punycode), and addresses. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;

/** Whether a URL's host is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function wrong(location: string): RegistryError {
  return new RegistryError(
    "usage",
    `${shown(location)} is no location of a registry`,
    "It is oci://HOST[:PORT]/PREFIX, in lower case.",
  );
}

/**
 * Parses a location. The protocol is HTTP with `plain_http`, HTTPS where that is false; where nothing is
 * said, HTTP for this machine alone. Throws RegistryError "usage".
 */
export function parseLocation(location: string, plain_http?: boolean): RegistryLocation {
  const [, host = "", path = ""] = LOCATION.exec(location) ?? [];
  const prefix = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  const fine = HOST.test(host) && (prefix === "" || isRepository(prefix));
  if (!fine || !URL.canParse(`https://${host}`)) throw wrong(location);
  const { hostname } = new URL(`https://${host}`);
  const scheme = plain_http ?? isLoopback(hostname) ? "http" : "https";
  const { origin, host: normal } = new URL(`${scheme}://${host}`);
  return { location: `oci://${normal}${prefix === "" ? "" : `/${prefix}`}`, origin, prefix };
}
