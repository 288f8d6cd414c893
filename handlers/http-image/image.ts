/** An image on an HTTP server: read in ranges, of one version only. */
import { type FetchResponse, HandlerError, type HttpCapability, type Logger } from "lunette/plugin";

/** Attempts for one range, with a pause between them. */
const ATTEMPTS = 3;
const PAUSE_MS = 500;
/** Failures that may pass by themselves. */
const PASSING: readonly unknown[] = ["unreachable", "timeout"];

/** What tells one version of an image from another. */
export interface Identity {
  /** Bytes. */
  readonly size: number;
  /** The server's name of this version: an ETag, or the time of its last change. */
  readonly version: string;
}

/** `bytes FIRST-LAST/SIZE` (RFC 9110 14.4). */
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;
const PARTIAL_CONTENT = 206;
const PRECONDITION_FAILED = 412;

function versionOf({ headers }: FetchResponse): string | null {
  return headers.get("etag") ?? headers.get("last-modified");
}

/** Checks that a response is the range that was asked for; returns the size of all. */
function checkRange(response: FetchResponse, first: number, last: number): number {
  const range = CONTENT_RANGE.exec(response.headers.get("content-range") ?? "");
  const right = response.status === PARTIAL_CONTENT && range !== null &&
    Number(range[1]) === first && Number(range[2]) === last;
  if (!right) {
    throw new HandlerError("medium-error", `the server answers a range with ${response.status}`);
  }
  return Number(range[3]);
}

/** Asks which version is there. Throws where the server has no ranges or no versions. */
export async function identify(web: HttpCapability, url: string): Promise<Identity> {
  const response = await web.fetch({ url, headers: { range: "bytes=0-0" } });
  try {
    const size = checkRange(response, 0, 0);
    const version = versionOf(response);
    if (version === null) {
      throw new HandlerError("medium-error", "the server gives neither ETag nor Last-Modified");
    }
    return { size, version };
  } finally {
    await response.body.cancel();
  }
}

/** See the module. */
export class Image {
  readonly identity: Identity;
  readonly #web: HttpCapability;
  readonly #url: string;
  readonly #log: Logger;
  /** Set for good when another version was seen: what was read before does not go with it. */
  #changed = false;

  constructor(web: HttpCapability, url: string, identity: Identity, log: Logger) {
    this.#web = web;
    this.#url = url;
    this.identity = identity;
    this.#log = log;
  }

  /** Fails when another version of the image was seen. */
  check(): void {
    if (this.#changed) throw new HandlerError("medium-error", "the image has changed");
  }

  /** Reads a range that lies inside of the image; again, where what failed may pass. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    for (let attempt = 1;; attempt++) {
      this.check();
      try {
        return await this.#fetch(offset, offset + length - 1);
      } catch (error) {
        const { name, code, message } = error as { name?: string; code?: string; message?: string };
        if (name !== "CapabilityError") throw error;
        this.#log.warn(`bytes ${offset} to ${offset + length - 1}: ${message}`);
        if (attempt < ATTEMPTS && PASSING.includes(code)) {
          await new Promise((resolve) => setTimeout(resolve, attempt * PAUSE_MS));
        } else {
          throw new HandlerError(code === "revoked" ? "not-ready" : "medium-error", `${message}`);
        }
      }
    }
  }

  async #fetch(first: number, last: number): Promise<Uint8Array> {
    const { version, size } = this.identity;
    // A weak ETag matches nothing (RFC 9110 13.1.1): there the answer's own is compared.
    const headers: Record<string, string> = { range: `bytes=${first}-${last}` };
    if (version.startsWith('"')) headers["if-match"] = version;
    const response = await this.#web.fetch({ url: this.#url, headers });
    const same = response.status !== PRECONDITION_FAILED &&
      (response.status !== PARTIAL_CONTENT || versionOf(response) === version);
    if (!same) this.#change(response);
    try {
      if (same && checkRange(response, first, last) !== size) this.#change(response);
      this.check();
    } catch (error) {
      await response.body.cancel();
      throw error;
    }
    const bytes = await response.bytes();
    if (bytes.length !== last - first + 1) {
      throw new HandlerError("medium-error", `the server sent ${bytes.length} bytes of a range`);
    }
    return bytes;
  }

  #change(response: FetchResponse): void {
    if (!this.#changed) {
      this.#log.error(
        `The image has changed: it was ${this.identity.version} with ${this.identity.size} bytes, ` +
          `and now is ${versionOf(response)}. Nothing is read any more`,
      );
    }
    this.#changed = true;
  }
}
