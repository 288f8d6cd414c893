/** Origins as manifests ask for them and operators allow them: `https://*.example.org:8443`. */

/** A pattern of origins. */
export interface OriginPattern {
  readonly scheme: "http" | "https";
  /** In lower case, an international name in its ASCII form, IPv6 without brackets. */
  readonly host: string;
  /** Any name below `host`, and not `host` itself. */
  readonly wildcard: boolean;
  readonly port: number;
}

const ORIGIN = /^(https?):\/\/(\*\.)?(\[[0-9a-fA-F:.]+\]|[^\s/:?#@*\\[\]]+)(?::(\d{1,5}))?\/?$/;

/** A host as it is compared; undefined for what is none. */
export function normalHost(host: string): string | undefined {
  if (!URL.canParse(`http://${host}/`)) return undefined;
  const { hostname } = new URL(`http://${host}/`);
  const bare = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  // A URL may have more in a host than a name may.
  return /^([a-z0-9_.-]+|[0-9a-f:.]+)$/.test(bare) ? bare : undefined;
}

/** Whether a normal host is an IP address and no name. */
export function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** Reads a pattern; undefined for what is none. */
export function parseOrigin(text: string): OriginPattern | undefined {
  const match = ORIGIN.exec(text);
  if (match === null) return undefined;
  const scheme = match[1] as "http" | "https";
  const host = normalHost(match[3]);
  const port = match[4] === undefined ? (scheme === "http" ? 80 : 443) : Number(match[4]);
  if (host === undefined || port < 1 || port > 65535) return undefined;
  const wildcard = match[2] !== undefined;
  if (wildcard && isAddress(host)) return undefined;
  return { scheme, host, wildcard, port };
}

/** The text of a pattern. */
export function formatOrigin({ scheme, host, wildcard, port }: OriginPattern): string {
  const usual = port === (scheme === "http" ? 80 : 443);
  const name = host.includes(":") ? `[${host}]` : host;
  return `${scheme}://${wildcard ? "*." : ""}${name}${usual ? "" : `:${port}`}`;
}

/**
 * A pattern in its one form: `http://0x7f.1` is `http://127.0.0.1`. What is none stays as it is.
 */
export function plainOrigin(text: string): string {
  const origin = parseOrigin(text);
  return origin === undefined ? text : formatOrigin(origin);
}

/** Whether all that `narrow` means is in `wide`. */
export function covers(wide: OriginPattern, narrow: OriginPattern): boolean {
  if (wide.scheme !== narrow.scheme || wide.port !== narrow.port) return false;
  if (!wide.wildcard) return !narrow.wildcard && wide.host === narrow.host;
  if (narrow.wildcard && narrow.host === wide.host) return true;
  return narrow.host.endsWith(`.${wide.host}`);
}
