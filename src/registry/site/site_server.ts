/**
 * A site over HTTP, from memory: a path is looked up among the files that there are, and never leads to
 * a file system.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { isHashedName } from "./assets.ts";
import type { SiteFiles } from "./build.ts";
import { CONTENT_SECURITY_POLICY } from "./layout.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
  xml: "application/atom+xml; charset=utf-8",
};

/** Headers of all answers. */
const HEADERS: Readonly<Record<string, string>> = {
  // A frame is what a policy in the page cannot refuse.
  "content-security-policy": `${CONTENT_SECURITY_POLICY}; frame-ancestors 'none'`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
/** Names with a hash never change what they stand for. */
const FOREVER = "public, max-age=31536000, immutable, no-transform";
const ASK_AGAIN = "no-cache, no-transform";
/** Less is not compressed. */
const COMPRESSED_LENGTH_MIN = 512;
const BROTLI_QUALITY = 6;

type Encoding = "br" | "gzip" | "identity";

/** A file, and what it was compressed to. */
class ServedFile {
  readonly #text: string;
  readonly #bodies = new Map<Encoding, Uint8Array<ArrayBuffer>>();
  readonly type: string;
  readonly caching: string;
  readonly #hash: string;

  constructor(path: string, text: string) {
    this.#text = text;
    this.type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    this.caching = isHashedName(path) ? FOREVER : ASK_AGAIN;
    this.#hash = createHash("sha256").update(text).digest("base64url").slice(0, 22);
  }

  etag(encoding: Encoding): string {
    return `"${this.#hash}${encoding === "identity" ? "" : `-${encoding}`}"`;
  }

  /** What the client takes and is worth it. */
  encoding(accepted: string): Encoding {
    if (this.#text.length < COMPRESSED_LENGTH_MIN) return "identity";
    const codings = accepted.toLowerCase().split(",").map((one) => one.trim())
      .filter((one) => !/;\s*q=0(?:\.0*)?$/.test(one)).map((one) => one.split(";")[0].trim());
    return codings.includes("br") ? "br" : codings.includes("gzip") ? "gzip" : "identity";
  }

  body(encoding: Encoding): Uint8Array<ArrayBuffer> {
    const known = this.#bodies.get(encoding);
    if (known !== undefined) return known;
    const plain = new TextEncoder().encode(this.#text);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };
    const body = encoding === "br"
      ? new Uint8Array(brotliCompressSync(plain, quality))
      : encoding === "gzip"
      ? new Uint8Array(gzipSync(plain))
      : plain;
    this.#bodies.set(encoding, body);
    return body;
  }
}

/** The path of a file that a URL means; undefined for what is none. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url).pathname).slice(1);
    return path === "" || path.endsWith("/") ? `${path}index.html` : path;
  } catch {
    return undefined;
  }
}

/** Whether an If-None-Match names the tag (RFC 9110 13.1.2). */
function names(if_none_match: string | null, etag: string): boolean {
  if (if_none_match === null) return false;
  if (if_none_match.trim() === "*") return true;
  return if_none_match.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/** Answers requests from a site that can be replaced. */
export class SiteServer {
  #files = new Map<string, ServedFile>();

  /** From now on, this is the site. */
  replace(files: SiteFiles): void {
    this.#files = new Map([...files].map(([path, text]) => [path, new ServedFile(path, text)]));
  }

  /** Answers one request. */
  answer(request: Request): Response {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response(null, { status: 405, headers: { ...HEADERS, allow: "GET, HEAD" } });
    }
    const path = pathOf(request.url);
    const found = path === undefined ? undefined : this.#files.get(path);
    const file = found ?? this.#files.get("404.html");
    if (file === undefined) return new Response(null, { status: 404, headers: HEADERS });
    return this.#send(request, file, found === undefined ? 404 : 200);
  }

  #send(request: Request, file: ServedFile, status: number): Response {
    const encoding = file.encoding(request.headers.get("accept-encoding") ?? "");
    const etag = file.etag(encoding);
    const headers = new Headers({
      ...HEADERS,
      "cache-control": file.caching,
      etag,
      vary: "accept-encoding",
    });
    if (status === 200 && names(request.headers.get("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const body = file.body(encoding);
    headers.set("content-type", file.type);
    headers.set("content-length", String(body.length));
    if (encoding !== "identity") headers.set("content-encoding", encoding);
    return new Response(request.method === "HEAD" ? null : body, { status, headers });
  }
}
