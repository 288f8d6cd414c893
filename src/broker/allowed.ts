/** What the operator allowed: `https://*.example.org, http://10.0.0.7:9000, https://nas+private`. */
import type { HttpRequest } from "../plugin/mod.ts";
import { GrantError } from "../sandbox/grants.ts";
import {
  covers,
  formatOrigin,
  isAddress,
  normalHost,
  type OriginPattern,
  parseOrigin,
} from "../sandbox/origin.ts";
import type { Reach } from "./address.ts";

/** Most origins of one binding. */
const ALLOWED_COUNT_MAX = 64;
/** After a host whose name may resolve to an address that is not public. */
const PRIVATE = "+private";

/** An origin that may be reached. */
export interface AllowedOrigin {
  readonly pattern: OriginPattern;
  /** Its names may resolve to addresses that are not public. */
  readonly private: boolean;
}

/** The one address of a TCP capability. */
export interface AllowedAddress extends Reach {
  readonly port: number;
}

function splitPrivate(text: string): { rest: string; private: boolean } {
  const near = text.endsWith(PRIVATE);
  return { rest: near ? text.slice(0, -PRIVATE.length) : text, private: near };
}

/** Quotes what the operator, or a manifest, gave. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

function adviceFor(name: string, request: HttpRequest): string {
  const asked = request.origins?.join(",") ?? "https://example.org";
  return `Allow origins with --set ${name}=${asked}; ${PRIVATE} after one lets its name mean ` +
    "an address of this machine or network.";
}

/** Reads what the operator allowed an HTTP capability. Throws {@linkcode GrantError} with advice. */
export function allowedOrigins(
  name: string,
  request: HttpRequest,
  binding: string | undefined,
): AllowedOrigin[] {
  const advice = adviceFor(name, request);
  const texts = (binding ?? "").split(",").map((text) => text.trim()).filter((text) => text !== "");
  if (texts.length === 0) {
    const wanted = request.origins === undefined ? "" : ` (${request.origins.join(", ")})`;
    throw new GrantError(
      `The handler needs HTTP servers as "${name}"${wanted}, and is allowed none`,
      advice,
    );
  }
  if (texts.length > ALLOWED_COUNT_MAX) {
    throw new GrantError(`"${name}" has more than ${ALLOWED_COUNT_MAX} origins`, advice);
  }
  const wide = request.origins?.map(parseOrigin);
  return texts.map((text) => {
    const { rest, private: near } = splitPrivate(text);
    const pattern = parseOrigin(rest);
    if (pattern === undefined) {
      throw new GrantError(`${quoted(text)} of "${name}" is no origin`, advice);
    }
    const asked = wide === undefined ||
      wide.some((one) => one !== undefined && covers(one, pattern));
    if (!asked) {
      throw new GrantError(
        `The handler does not ask for ${formatOrigin(pattern)} as "${name}"`,
        `It asks for ${request.origins?.join(", ")}: allow these, or some of them.`,
      );
    }
    return { pattern, private: near };
  });
}

/** Reads the address of a TCP capability. Throws {@linkcode GrantError} with advice. */
export function allowedAddress(name: string, binding: string | undefined): AllowedAddress {
  const advice = `Name one with --set ${name}=HOST:PORT; ${PRIVATE} after it lets the name mean ` +
    "an address of this machine or network.";
  if (binding === undefined || binding === "") {
    throw new GrantError(`The handler needs a TCP address as "${name}", and has none`, advice);
  }
  const { rest, private: near } = splitPrivate(binding.trim());
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@?#*\\[\]]+):(\d{1,5})$/.exec(rest);
  const host = match === null ? undefined : normalHost(match[1]);
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65535) {
    throw new GrantError(`${quoted(binding)} of "${name}" is no HOST:PORT`, advice);
  }
  return { host, port, private: near };
}

/** The origin of a URL as a pattern that means it alone; undefined where it cannot be allowed. */
export function originOf(url: URL): OriginPattern | undefined {
  const host = normalHost(url.hostname);
  if (host === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return undefined;
  }
  return parseOrigin(
    `${url.protocol}//${host.includes(":") ? `[${host}]` : host}${url.port && `:${url.port}`}`,
  );
}

/** How far the operator's words go for a URL; undefined where they do not allow it. */
export function reachOf(allowed: readonly AllowedOrigin[], url: URL): Reach | undefined {
  const origin = originOf(url);
  if (origin === undefined) return undefined;
  const fitting = allowed.filter(({ pattern }) => covers(pattern, origin));
  if (fitting.length === 0) return undefined;
  // An address is allowed by itself alone: a pattern cannot mean it.
  return { host: origin.host, private: fitting.some((one) => one.private) };
}

/** The text of what is allowed, for operators. */
export function formatAllowed({ pattern, private: near }: AllowedOrigin): string {
  return `${formatOrigin(pattern)}${near && !isAddress(pattern.host) ? PRIVATE : ""}`;
}
