/**
 * Uploading a blob (distribution-spec, "Pushing blobs"): in one request, or in chunks where it is long
 * or the registry finds one request too large. What breaks begins anew.
 *
 * @module
 */
import type { Descriptor, TransferOptions } from "../artifact_store.ts";
import { HttpFailure } from "./http_failure.ts";
import type { HttpAnswer, HttpRequest } from "./http_transport.ts";
import type { RegistrySession } from "./registry_session.ts";
import { backoff, isBusy } from "./retry.ts";
import { sleep } from "./wait.ts";

const CONTENT_TOO_LARGE = 413;
const CHUNK_LENGTH_MIN = 1 << 16;

/** See the module; serves one blob. */
export class BlobUpload {
  readonly #session: RegistrySession;
  readonly #repository: string;
  readonly #descriptor: Descriptor;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #options: TransferOptions;
  #chunk_bytes: number;

  constructor(
    session: RegistrySession,
    repository: string,
    descriptor: Descriptor,
    bytes: Uint8Array<ArrayBuffer>,
    options: TransferOptions,
  ) {
    this.#session = session;
    this.#repository = repository;
    this.#descriptor = descriptor;
    this.#bytes = bytes;
    this.#options = options;
    const { upload_single_bytes, upload_chunk_bytes } = session.limits;
    this.#chunk_bytes = bytes.length <= upload_single_bytes ? bytes.length : upload_chunk_bytes;
  }

  /** Returns when the blob is there; throws HttpFailure, RegistryError, or the signal's reason. */
  async run(): Promise<void> {
    if (await this.#isThere()) return this.#progress(this.#bytes.length);
    const { attempts_count } = this.#session.limits;
    for (let attempt = 1;; attempt++) {
      try {
        const answer = await this.#upload();
        if (answer.status === 201) return answer.body.cancel();
        const smaller = this.#shrink(answer.status);
        const again = (isBusy(answer.status) || smaller) && attempt < attempts_count;
        if (!again) throw await this.#session.problem(answer, `take ${this.#descriptor.digest}`);
        answer.body.cancel();
      } catch (error) {
        const again = error instanceof HttpFailure && error.transient && attempt < attempts_count;
        if (!again) throw error;
      }
      await sleep(backoff(attempt, this.#session.limits), this.#options.signal);
    }
  }

  #progress(done_bytes: number): void {
    this.#options.onProgress?.(done_bytes, this.#bytes.length);
  }

  /** Chunks, or smaller ones, where the registry or what stands before it finds one too large. */
  #shrink(status: number): boolean {
    if (status !== CONTENT_TOO_LARGE || this.#chunk_bytes <= CHUNK_LENGTH_MIN) return false;
    const { upload_chunk_bytes } = this.#session.limits;
    this.#chunk_bytes = Math.min(upload_chunk_bytes, Math.ceil(this.#chunk_bytes / 4));
    return true;
  }

  async #isThere(): Promise<boolean> {
    const url = this.#session.url(this.#repository, `/blobs/${this.#descriptor.digest}`);
    const answer = await this.#send("HEAD", url);
    answer.body.cancel();
    return answer.status === 200;
  }

  async #send(
    method: HttpRequest["method"],
    url: URL,
    more: Pick<HttpRequest, "body" | "onSent"> & { headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    const { signal } = this.#options;
    const once = method === "PUT" || method === "PATCH";
    return await this.#session.send({
      method,
      url,
      repository: this.#repository,
      write: true,
      once,
      signal,
      ...more,
    });
  }

  /** The last answer of an upload: 201 where all went well. */
  async #upload(): Promise<HttpAnswer> {
    const begun = await this.#send("POST", this.#session.url(this.#repository, "/blobs/uploads/"));
    if (begun.status !== 202) return begun;
    begun.body.cancel();
    let place = this.#session.resolve(begun.headers.location, begun.url);
    const least = Number(begun.headers["oci-chunk-min-length"] ?? 0);
    const chunk_bytes = Math.max(this.#chunk_bytes, Number.isSafeInteger(least) ? least : 0);
    let at = 0;
    for (; this.#bytes.length - at > chunk_bytes; at += chunk_bytes) {
      const answer = await this.#chunk(place, at, chunk_bytes);
      if (answer.status !== 202) return answer;
      answer.body.cancel();
      place = this.#session.resolve(answer.headers.location, answer.url);
    }
    return await this.#finish(place, at);
  }

  async #chunk(place: URL, at: number, length: number): Promise<HttpAnswer> {
    return await this.#send("PATCH", place, {
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `${at}-${at + length - 1}`,
      },
      body: this.#bytes.subarray(at, at + length),
      onSent: (sent_bytes) => this.#progress(at + sent_bytes),
    });
  }

  /** The rest, and what the whole is called. */
  async #finish(place: URL, at: number): Promise<HttpAnswer> {
    const url = new URL(place);
    // What stands there is the registry's, and must not be encoded anew.
    const digest = encodeURIComponent(this.#descriptor.digest);
    url.search = `${place.search === "" ? "?" : `${place.search}&`}digest=${digest}`;
    const { length } = this.#bytes;
    return await this.#send("PUT", url, {
      headers: {
        "content-type": "application/octet-stream",
        ...(at === 0 ? {} : { "content-range": `${at}-${length - 1}` }),
      },
      body: this.#bytes.subarray(at),
      onSent: (sent_bytes) => this.#progress(at + sent_bytes),
    });
  }
}
