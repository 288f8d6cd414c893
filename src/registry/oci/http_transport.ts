/**
 * One HTTP request and its response, by node's client: it follows no redirect, unpacks nothing, and
 * knows no proxies and no credentials. Each step of it has a limit in time and length.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { HttpBody } from "./http_body.ts";
import { HttpFailure } from "./http_failure.ts";
import { AnswerLimit, type NetworkLimits } from "./network_limit.ts";
import { within } from "./wait.ts";

/** A request. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Called with the bytes of the body that are on their way. */
  readonly onSent?: (sent_bytes: number) => void;
}

/** The head of a response, and its body to read or to cancel. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly url: URL;
  readonly body: HttpBody;
}

const PIECE_LENGTH = 65_536;

/** See the module. */
export class HttpTransport {
  readonly limits: NetworkLimits;
  readonly #authorities: readonly string[];

  /** `authorities` are certificates in PEM that are trusted besides the runtime's. */
  constructor(limits: NetworkLimits, authorities: readonly string[] = []) {
    this.limits = limits;
    this.#authorities = authorities;
  }

  /** Sends a request; throws {@linkcode HttpFailure}, or the signal's reason. */
  async send(asked: HttpRequest): Promise<HttpAnswer> {
    const { url, signal } = asked;
    signal?.throwIfAborted();
    const request = this.#begin(asked);
    try {
      const message = await this.#exchange(request, asked);
      const { statusCode: status = 0, headers } = message;
      const encoding = headers["content-encoding"] ?? "identity";
      if (encoding !== "identity") {
        throw new HttpFailure("protocol", "it sends compressed bytes, which were not asked for");
      }
      return { status, headers, url, body: new HttpBody(message, this.limits, signal) };
    } catch (error) {
      request.destroy();
      signal?.throwIfAborted();
      throw HttpFailure.of(error);
    }
  }

  #begin({ method, url, headers, body }: HttpRequest): http.ClientRequest {
    const secure = url.protocol === "https:";
    const sized: Record<string, string> =
      body === undefined && (method === "GET" || method === "HEAD")
        ? {}
        : { "content-length": String(body?.length ?? 0) };
    const ca = this.#authorities.length === 0 ? {} : { ca: [...this.#authorities] };
    return (secure ? https : http).request(url, {
      method,
      headers: { "accept-encoding": "identity", "user-agent": "lunette", ...headers, ...sized },
      agent: secure ? new https.Agent({ keepAlive: false, ...ca }) : new http.Agent(),
      maxHeaderSize: AnswerLimit.HEAD,
    });
  }

  async #exchange(
    request: http.ClientRequest,
    { body, signal, onSent }: HttpRequest,
  ): Promise<http.IncomingMessage> {
    const { connect_ms, answer_ms } = this.limits;
    const answered = responseOf(request);
    const connected = connectionOf(request);
    if (body === undefined) request.end();
    await within(Promise.race([connected, answered]), connect_ms, signal);
    for (let at = 0; body !== undefined && at < body.length; at += PIECE_LENGTH) {
      const piece = body.subarray(at, at + PIECE_LENGTH);
      const written = new Promise<undefined>((resolve, reject) => {
        request.write(piece, (error) => error ? reject(error) : resolve(undefined));
      });
      // Who refuses a body need not hear all of it.
      const early = await within(Promise.race([answered, written]), answer_ms, signal);
      if (early !== undefined) return early;
      onSent?.(at + piece.length);
    }
    if (body !== undefined) request.end();
    return await within(answered, answer_ms, signal);
  }
}

/** Resolves when bytes can be sent. */
function connectionOf(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.on("socket", (socket) => {
      const secure = "encrypted" in socket;
      if (!socket.connecting && !secure) resolve();
      else socket.once(secure ? "secureConnect" : "connect", () => resolve());
    });
  });
}

/** The response to a request; errors after it are those of the message. */
function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    // Stays: an error that nobody listens to would end the process.
    request.on("error", reject);
    request.on("upgrade", (_message, socket) => {
      socket.destroy();
      reject(new HttpFailure("protocol", "it switches protocols"));
    });
    request.on("response", (message) => {
      message.on("error", () => {});
      resolve(message);
    });
  });
  answered.catch(() => {});
  return answered;
}
