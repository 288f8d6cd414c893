/** Heads of HTTP requests and responses: what a handler may say, and what it gets to see. */
import { CapabilityError } from "../plugin/mod.ts";
import { DATA_LENGTH_MAX } from "../sandbox/broker_layout.ts";
import { FrameError } from "../sandbox/broker_frame.ts";

const HEADER_COUNT_MAX = 64;
const HEADERS_LENGTH_MAX = 16384;
const URL_LENGTH_MAX = 8192;
/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
/** RFC 9110 5.5, without what only old senders use. */
const VALUE = /^[\t\x20-\x7e]*$/;
/** What belongs to the connection, or says who asks for whom: the daemon's to set. */
const RESERVED = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);
const RESERVED_PREFIX = /^(proxy-|sec-|x-forwarded-)/;
/** Not sent to another origin than the one it was meant for. */
const CREDENTIALS: readonly string[] = ["authorization", "cookie"];

/** A request as the guest gives it. */
export interface AskedRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body; undefined where they are not known. */
  readonly length: number | undefined;
}

function parseUrl(text: string): URL {
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) {
    throw new CapabilityError("invalid", `${JSON.stringify(text.slice(0, 100))} is no URL`);
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    throw new CapabilityError("invalid", "a URL holds a user: use the field Authorization");
  }
  url.hash = "";
  return url;
}

function checkHeaders(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  if (pairs.length > HEADER_COUNT_MAX) {
    throw new CapabilityError("invalid", `more than ${HEADER_COUNT_MAX} header fields`);
  }
  const headers: Record<string, string> = Object.create(null);
  let length = 0;
  for (const [given, value] of pairs) {
    const name = given.toLowerCase();
    length += name.length + value.length;
    if (!TOKEN.test(name) || !VALUE.test(value) || name in headers) {
      const shown = JSON.stringify(given.slice(0, 64));
      throw new CapabilityError("invalid", `the header field ${shown} cannot be sent`);
    }
    if (RESERVED.has(name) || RESERVED_PREFIX.test(name)) {
      throw new CapabilityError("invalid", `the header field ${name} is not a handler's to set`);
    }
    headers[name] = value;
  }
  if (length > HEADERS_LENGTH_MAX) {
    throw new CapabilityError("invalid", `header fields of more than ${HEADERS_LENGTH_MAX} bytes`);
  }
  return headers;
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" &&
    typeof value[1] === "string";
}

/**
 * Reads the payload of VERB_FETCH. Throws FrameError for what no guest of ours sends, CapabilityError
 * for what a handler got wrong.
 */
export function parseRequest(payload: Uint8Array): AskedRequest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new FrameError("a request that is not JSON");
  }
  if (typeof value !== "object" || value === null) throw new FrameError("a request that is none");
  const { url, method, headers, length } = value as Record<string, unknown>;
  const known = length === null ||
    (typeof length === "number" && Number.isSafeInteger(length) && length >= 0);
  const formed = typeof url === "string" && typeof method === "string" && Array.isArray(headers) &&
    headers.every(isPair) && known;
  if (!formed) throw new FrameError("a request that is none");
  return {
    url: parseUrl(url),
    method,
    headers: checkHeaders(headers),
    length: length === null ? undefined : Number(length),
  };
}

/** Fields for another origin: without what was meant for the first. */
export function withoutCredentials(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !CREDENTIALS.includes(name)),
  );
}

/** The answer to VERB_FETCH: `raw` are names and values in turn. */
export function formatResponse(
  status: number,
  url: URL,
  raw: readonly string[],
): Uint8Array<ArrayBuffer> {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    const own = name === "content-length" || (!RESERVED.has(name) && !name.startsWith("proxy-"));
    // A handler makes a Headers object of them, which takes no others.
    // deno-lint-ignore no-control-regex
    if (own && TOKEN.test(name) && !/[\0\r\n]|[^\x00-\xff]/.test(raw[at + 1])) {
      headers.push([name, raw[at + 1]]);
    }
  }
  const answer = new TextEncoder().encode(JSON.stringify({ status, url: url.href, headers }));
  if (answer.length > DATA_LENGTH_MAX) {
    throw new CapabilityError("too-large", `a head of ${answer.length} bytes`);
  }
  return answer;
}
