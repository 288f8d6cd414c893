/** The body of a response: its length is watched, and that it comes at all. */
import type http from "node:http";
import { HttpFailure } from "./http_failure.ts";
import type { NetworkLimits } from "./network_limit.ts";
import { within } from "./wait.ts";

const LENGTH = /^\d{1,15}$/;

/** The length that a response's head tells; undefined where it tells none. */
export function contentLength(headers: http.IncomingHttpHeaders): number | undefined {
  const text = headers["content-length"];
  if (text === undefined) return undefined;
  if (!LENGTH.test(text)) throw new HttpFailure("protocol", "its Content-Length is no number");
  return Number(text);
}

/** See the module. One caller at a time. */
export class HttpBody {
  /** Bytes as the head tells; undefined where it does not. */
  readonly length: number | undefined;
  readonly #message: http.IncomingMessage;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #limits: NetworkLimits;
  readonly #signal: AbortSignal | undefined;
  #received_bytes = 0;
  #window_bytes = 0;
  #window_end_ms: number;

  constructor(
    message: http.IncomingMessage,
    limits: NetworkLimits,
    signal: AbortSignal | undefined,
  ) {
    this.length = contentLength(message.headers);
    this.#message = message;
    this.#pieces = message[Symbol.asyncIterator]();
    this.#limits = limits;
    this.#signal = signal;
    this.#window_end_ms = performance.now() + limits.window_ms;
  }

  /** The next piece; undefined at the end. Throws HttpFailure, or the signal's reason. */
  async read(): Promise<Uint8Array | undefined> {
    try {
      const left_ms = Math.max(0, this.#window_end_ms - performance.now());
      const { done, value } = await within(this.#pieces.next(), left_ms, this.#signal);
      if (done) return this.#end();
      this.#count(value.length);
      return value;
    } catch (error) {
      this.cancel();
      this.#signal?.throwIfAborted();
      throw HttpFailure.of(error);
    }
  }

  #end(): undefined {
    if (this.length !== undefined && this.#received_bytes !== this.length) {
      throw new HttpFailure("broken", `it ended after ${this.#received_bytes} bytes`);
    }
  }

  /** A body that comes drop by drop is as good as one that does not come. */
  #count(length: number): void {
    this.#received_bytes += length;
    this.#window_bytes += length;
    const now_ms = performance.now();
    if (this.#window_bytes >= this.#limits.window_bytes) {
      this.#window_bytes = 0;
      this.#window_end_ms = now_ms + this.#limits.window_ms;
    } else if (now_ms >= this.#window_end_ms) {
      throw new HttpFailure(
        "timeout",
        `fewer than ${this.#limits.window_bytes} bytes came in time`,
      );
    }
  }

  /** All of it; throws HttpFailure "protocol" where it is longer than `length_max` bytes. */
  async readAll(length_max: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const check = (told: number) => {
      if (told <= length_max) return;
      this.cancel();
      throw new HttpFailure("protocol", `it sends more than ${length_max} bytes`);
    };
    check(this.length ?? 0);
    for (let piece = await this.read(); piece !== undefined; piece = await this.read()) {
      length += piece.length;
      check(length);
      pieces.push(piece);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Ends it; may be called again. */
  cancel(): void {
    this.#message.destroy();
  }
}
