/**
 * Downloading a blob: what arrived is kept when the connection breaks, and the rest is asked for
 * (RFC 9110 14). The digest is recomputed as bytes come in; not one byte more than promised is taken.
 *
 * @module
 */
import type { Descriptor, RegistryError, TransferOptions } from "../artifact_store.ts";
import { Hasher } from "./digest.ts";
import { HttpFailure } from "./http_failure.ts";
import type { HttpAnswer } from "./http_transport.ts";
import type { RegistrySession } from "./registry_session.ts";
import { backoff } from "./retry.ts";
import { sleep } from "./wait.ts";

const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/;

/** See the module; serves one blob. */
export class BlobDownload {
  readonly #session: RegistrySession;
  readonly #repository: string;
  readonly #descriptor: Descriptor;
  readonly #options: TransferOptions;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #hasher = new Hasher();
  #done_bytes = 0;

  constructor(
    session: RegistrySession,
    repository: string,
    descriptor: Descriptor,
    options: TransferOptions,
  ) {
    this.#session = session;
    this.#repository = repository;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#bytes = new Uint8Array(descriptor.size);
  }

  /** All bytes; throws HttpFailure, RegistryError, or the signal's reason. */
  async run(): Promise<Uint8Array<ArrayBuffer>> {
    const { attempts_count } = this.#session.limits;
    let furthest_bytes = 0;
    for (let attempt = 1;; attempt++) {
      try {
        await this.#part();
        return this.#check();
      } catch (error) {
        const again = error instanceof HttpFailure && error.transient;
        if (!again) throw error;
        // Who brings a good part more each time may break as often as it likes: it ends.
        if (this.#done_bytes >= furthest_bytes + this.#session.limits.window_bytes) attempt = 1;
        furthest_bytes = Math.max(furthest_bytes, this.#done_bytes);
        if (attempt >= attempts_count) throw error;
      }
      await sleep(backoff(attempt, this.#session.limits), this.#options.signal);
    }
  }

  #wrong(what: string): RegistryError {
    return this.#session.untrusted(`${what} for ${this.#descriptor.digest}`);
  }

  /** One answer, up to its end. */
  async #part(): Promise<void> {
    const { size } = this.#descriptor;
    if (size > 0 && this.#done_bytes === size) return;
    const answer = await this.#ask();
    try {
      const rest = size - this.#begin(answer);
      const { length } = answer.body;
      if (length !== undefined && length !== rest) {
        throw this.#wrong(`sends ${length} bytes where ${rest} were promised`);
      }
      await this.#take(answer);
    } finally {
      answer.body.cancel();
    }
    if (this.#done_bytes < size) {
      throw this.#wrong(`sends ${this.#done_bytes} bytes where ${size} were promised`);
    }
  }

  async #ask(): Promise<HttpAnswer> {
    const { digest } = this.#descriptor;
    const answer = await this.#session.send({
      method: "GET",
      url: this.#session.url(this.#repository, `/blobs/${digest}`),
      headers: this.#done_bytes === 0 ? {} : { range: `bytes=${this.#done_bytes}-` },
      repository: this.#repository,
      write: false,
      signal: this.#options.signal,
    });
    if (answer.status === 200 || (answer.status === 206 && this.#done_bytes > 0)) return answer;
    throw await this.#session.problem(answer, `give ${digest}`);
  }

  /** Where the answer's bytes belong: where we stopped, or at the beginning where it ignores that. */
  #begin({ status, headers }: HttpAnswer): number {
    const { size } = this.#descriptor;
    if (status === 206) {
      const [, first, last, total] = RANGE.exec(headers["content-range"] ?? "") ?? [];
      const fits = Number(first) === this.#done_bytes && Number(last) === size - 1 &&
        (total === "*" || Number(total) === size);
      if (!fits) throw this.#wrong("sends another range than was asked");
    } else {
      this.#done_bytes = 0;
      this.#hasher = new Hasher();
    }
    return this.#done_bytes;
  }

  async #take({ body }: HttpAnswer): Promise<void> {
    const { size } = this.#descriptor;
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      if (piece.length > size - this.#done_bytes) {
        throw this.#wrong(`sends more than the ${size} bytes that were promised`);
      }
      this.#bytes.set(piece, this.#done_bytes);
      this.#hasher.update(piece);
      this.#done_bytes += piece.length;
      this.#options.onProgress?.(this.#done_bytes, size);
    }
  }

  #check(): Uint8Array<ArrayBuffer> {
    if (this.#hasher.digest() !== this.#descriptor.digest) {
      throw this.#wrong("sends other bytes than were asked");
    }
    return this.#bytes;
  }
}
