/**
 * One HTTP request and its response. Redirects of GET and HEAD are followed, each checked as if the
 * handler had asked for it.
 *
 * @module
 */
import type http from "node:http";
import { CapabilityError } from "../plugin/mod.ts";
import type { HttpClient } from "./http_client.ts";
import { type AskedRequest, formatResponse, withoutCredentials } from "./http_head.ts";
import type { BrokerStream } from "./stream.ts";
import { checkSignal, within } from "./wait.ts";

const REDIRECT_COUNT_MAX = 5;
const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308];

function unreachable(error: unknown): CapabilityError {
  if (error instanceof CapabilityError) return error;
  return new CapabilityError("unreachable", error instanceof Error ? error.message : String(error));
}

/** See the module. */
export class HttpExchange implements BrokerStream {
  readonly #client: HttpClient;
  readonly #asked: AskedRequest;
  readonly #signal: AbortSignal;
  /** The request, when its body may be written. */
  readonly #outgoing = Promise.withResolvers<http.ClientRequest>();
  /** The body is on its way, all of it. */
  readonly #sent = Promise.withResolvers<void>();
  /** Why it was ended here; what the connection says of that does not count. */
  #failure: CapabilityError | undefined;
  #request: http.ClientRequest | undefined;
  #message: http.IncomingMessage | undefined;
  #pieces: AsyncIterator<Uint8Array> | undefined;
  #rest: Uint8Array = new Uint8Array();
  #received_bytes = 0;
  #sent_bytes = 0;

  /** `signal` ends it; its reason is what waiting calls reject with. */
  constructor(client: HttpClient, asked: AskedRequest, signal: AbortSignal) {
    this.#client = client;
    this.#asked = asked;
    this.#signal = signal;
    this.#outgoing.promise.catch(() => {});
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  get #hasBody(): boolean {
    return this.#asked.length !== 0;
  }

  /** Sends the head of the request and returns that of the response. */
  async head(): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await this.#head();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Ends it; returns the first reason. */
  #fail(error: unknown): CapabilityError {
    this.#failure ??= unreachable(error);
    this.close();
    return this.#failure;
  }

  async #head(): Promise<Uint8Array<ArrayBuffer>> {
    const { method, length = 0 } = this.#asked;
    if (length > this.#client.request_bytes_max) throw this.#tooLarge("request");
    let { url, headers } = this.#asked;
    for (let redirects = 0;; redirects++) {
      const message = await this.#send(url, headers);
      const next = this.#redirect(url, message);
      if (next === undefined) {
        this.#take(message, method);
        return formatResponse(message.statusCode ?? 0, url, message.rawHeaders);
      }
      message.destroy();
      if (redirects === REDIRECT_COUNT_MAX) {
        throw new CapabilityError("unreachable", `more than ${REDIRECT_COUNT_MAX} redirects`);
      }
      if (next.origin !== url.origin) headers = withoutCredentials(headers);
      url = next;
    }
  }

  #redirect(url: URL, { statusCode, headers }: http.IncomingMessage): URL | undefined {
    const { method } = this.#asked;
    const { location } = headers;
    const followed = (method === "GET" || method === "HEAD") && !this.#hasBody;
    if (!followed || !REDIRECTS.includes(statusCode) || location === undefined) return undefined;
    if (!URL.canParse(location, url)) {
      throw new CapabilityError("unreachable", "a redirect to what is no URL");
    }
    return new URL(location, url);
  }

  /** Sends the head; once more where the server had closed a connection that was kept. */
  async #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
  ): Promise<http.IncomingMessage> {
    const { method } = this.#asked;
    const reach = this.#client.check(url, method);
    await this.#client.turn(this.#signal);
    const { timeout_ms } = this.#client;
    const addresses = await within(this.#client.resolve(reach), timeout_ms, this.#signal);
    for (let attempt = 0;; attempt++) {
      const request = this.#client.begin(url, method, this.#fields(headers), addresses);
      this.#request = request;
      try {
        const answered = responseOf(request);
        if (this.#hasBody) this.#outgoing.resolve(request);
        else request.end();
        // A body takes as long as the handler does; each piece of it has a limit.
        const begun = this.#hasBody ? this.#sent.promise : Promise.resolve();
        await within(Promise.race([answered, begun]), undefined, this.#signal);
        return await within(answered, timeout_ms, this.#signal);
      } catch (error) {
        request.destroy();
        checkSignal(this.#signal);
        if (this.#hasBody || attempt > 0 || !request.reusedSocket) throw error;
      }
    }
  }

  #fields(headers: Readonly<Record<string, string>>): Record<string, string> {
    const { length } = this.#asked;
    const sized: Record<string, string> = this.#hasBody && length !== undefined
      ? { "content-length": String(length) }
      : {};
    return { "accept-encoding": "identity", "user-agent": "lunette", ...headers, ...sized };
  }

  #take(message: http.IncomingMessage, method: string): void {
    const told = Number(message.headers["content-length"] ?? 0);
    const limit = this.#client.response_bytes_max;
    if (method !== "HEAD" && told > limit) {
      message.destroy();
      throw this.#tooLarge("response");
    }
    this.#message = message;
    this.#pieces = message[Symbol.asyncIterator]();
  }

  async read(length: number): Promise<Uint8Array> {
    checkSignal(this.#signal);
    if (this.#pieces === undefined) {
      throw new CapabilityError("invalid", "the response has not begun");
    }
    if (this.#rest.length === 0) this.#rest = await this.#piece(this.#pieces);
    const piece = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async #piece(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
    try {
      const { done, value } = await within(pieces.next(), this.#client.timeout_ms, this.#signal);
      if (done) return new Uint8Array();
      this.#received_bytes += value.length;
      if (this.#received_bytes > this.#client.response_bytes_max) throw this.#tooLarge("response");
      return value;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    checkSignal(this.#signal);
    const { length } = this.#asked;
    this.#sent_bytes += bytes.length;
    if (this.#sent_bytes > (length ?? this.#client.request_bytes_max)) {
      throw this.#fail(this.#tooLarge("request"));
    }
    try {
      const request = await within(this.#outgoing.promise, undefined, this.#signal);
      const written = new Promise<void>((resolve, reject) => {
        request.write(bytes, (error) => error ? reject(error) : resolve());
      });
      await within(written, this.#client.timeout_ms, this.#signal);
    } catch (error) {
      throw this.#failure ?? unreachable(error);
    }
  }

  async end(): Promise<void> {
    const { length } = this.#asked;
    if (length !== undefined && this.#sent_bytes !== length) {
      throw this.#fail(
        new CapabilityError("invalid", "the body is not as long as was said"),
      );
    }
    (await within(this.#outgoing.promise, undefined, this.#signal)).end();
    this.#sent.resolve();
  }

  close(): void {
    this.#outgoing.reject(new CapabilityError("ended", "the request has ended"));
    // A connection whose response was read to its end is kept for the next request.
    if (this.#message?.complete && this.#message.readableEnded) return;
    this.#message?.destroy();
    this.#request?.destroy();
  }

  #tooLarge(what: "request" | "response"): CapabilityError {
    const limit = what === "request"
      ? this.#asked.length ?? this.#client.request_bytes_max
      : this.#client.response_bytes_max;
    return new CapabilityError("too-large", `the ${what} has more than ${limit} bytes`);
  }
}

/** The response to a request; errors after it are those of the message. */
function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Stays: an error that nobody listens to would end the daemon.
    request.on("error", reject);
    request.on("upgrade", (_message, socket) => {
      socket.destroy();
      reject(new CapabilityError("unreachable", "the server switched protocols"));
    });
    request.on("response", (message) => {
      message.on("error", () => {});
      resolve(message);
    });
  });
}
