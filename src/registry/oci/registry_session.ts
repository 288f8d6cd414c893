/**
 * Requests to one registry: with its login, with retries, and along redirects, which get no
 * credentials. What goes wrong comes out as RegistryError.
 *
 * @module
 */
import { RegistryError } from "../artifact_store.ts";
import { type Access, Authorization } from "./authorization.ts";
import { type Environment, findCredentials } from "./credentials.ts";
import { HttpFailure, type HttpFailureKind } from "./http_failure.ts";
import { type HttpAnswer, type HttpRequest, HttpTransport } from "./http_transport.ts";
import { isLoopback, type RegistryLocation } from "./location.ts";
import { isObject } from "./manifest.ts";
import { plain, shown } from "./name.ts";
import { AnswerLimit, NETWORK_LIMITS, type NetworkLimits } from "./network_limit.ts";
import { isBusy, retryAfter, retrying } from "./retry.ts";
import type { StoreOptions } from "./store_options.ts";

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** What a request is for, and what it is. */
export interface RegistryRequest extends Access {
  readonly method: HttpRequest["method"];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly onSent?: (sent_bytes: number) => void;
  /** Not sent again when the connection breaks: whoever asks begins anew. */
  readonly once?: boolean;
}

const ADVICE: Readonly<Record<HttpFailureKind, string>> = {
  unreachable: "Look at its name and at your network.",
  certificate: "For an authority of your own, name its file in NODE_EXTRA_CA_CERTS.",
  timeout: "Try again later, or look at your network.",
  broken: "Try again later.",
  protocol: "It may be no registry: look at its name and port, and whether it speaks HTTPS.",
};

/** See the module. */
export class RegistrySession {
  readonly limits: NetworkLimits;
  readonly #origin: string;
  readonly #transport: HttpTransport;
  readonly #authorization: Authorization;

  constructor({ origin }: RegistryLocation, options: StoreOptions) {
    const environment: Environment = options.environment ?? Deno.env;
    this.limits = { ...NETWORK_LIMITS, ...options.limits };
    this.#origin = origin;
    this.#transport = new HttpTransport(this.limits, options.authorities);
    this.#authorization = new Authorization({
      origin,
      token_origin: options.token_origin ?? environment.get("LUNETTE_REGISTRY_TOKEN_ORIGIN"),
      credentials: () => findCredentials(new URL(origin).host, options.credentials, environment),
      get: (url, headers, signal) =>
        retrying(
          this.limits,
          signal,
          () => this.#transport.send({ method: "GET", url, headers, signal }),
        ),
    });
  }

  /** The URL of something in a repository: `path` begins with a slash. */
  url(repository: string, path: string): URL {
    return new URL(`${this.#origin}/v2/${repository}${path}`);
  }

  /** A URL that the registry names for what comes next. Throws RegistryError "untrusted". */
  resolve(text: string | undefined, base: URL): URL {
    const sensible = text !== undefined && text.length <= AnswerLimit.URL_LENGTH &&
      URL.canParse(text, base);
    if (!sensible) throw this.untrusted("names no URL where it has to");
    const url = new URL(text, base);
    const plainly = url.protocol === "http:" && base.protocol === "http:";
    if (url.protocol !== "https:" && !plainly) {
      throw this.untrusted(
        `leads to ${shown(`${url.protocol}//${url.host}`)}, which is not followed`,
      );
    }
    if (url.username !== "" || url.password !== "") {
      throw this.untrusted("leads to a URL with a user");
    }
    if (isLoopback(url.hostname) && !isLoopback(new URL(this.#origin).hostname)) {
      throw this.untrusted("leads to this machine, which is not followed");
    }
    url.hash = "";
    return url;
  }

  /** An error about what the registry says. */
  untrusted(what: string): RegistryError {
    const advice = "It is broken, or means harm; tell whoever runs it.";
    return new RegistryError("untrusted", `${this.#origin} ${what}`, advice);
  }

  /**
   * Sends a request, with retries; the answer is of any status but those that ask for a login. Throws
   * HttpFailure, RegistryError, or the signal's reason.
   */
  async send(request: RegistryRequest): Promise<HttpAnswer> {
    const own = request.url.origin === this.#origin;
    const authorization = own ? this.#authorization.known(request) : undefined;
    const answer = await this.#follow(request, authorization);
    if (answer.status !== 401 || answer.url.origin !== this.#origin) return answer;
    answer.body.cancel();
    const challenge = answer.headers["www-authenticate"];
    const fresh = await this.#authorization.answer(request, challenge, request.signal);
    const second = await this.#follow(request, fresh);
    if (second.status !== 401) return second;
    second.body.cancel();
    throw new RegistryError(
      "permission",
      `${this.#origin} does not let this user ${request.write ? "write to" : "read"} ` +
        request.repository,
      "Look at the login that you gave, and at what it may do there.",
    );
  }

  /** Does something with the registry; HttpFailure comes out as RegistryError. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof HttpFailure ? this.#failed(error) : error;
    }
  }

  /** A failure of an exchange as an error with advice. */
  #failed(failure: HttpFailure): RegistryError {
    const { kind, message } = failure;
    const text = `Cannot reach ${this.#origin}: ${message}`;
    const advice = ADVICE[kind];
    const error_kind = kind === "certificate" || kind === "protocol" ? "untrusted" : "unavailable";
    return new RegistryError(error_kind, text, advice, { cause: failure });
  }

  /** Along redirects of what reads; credentials stay with the registry. */
  async #follow(
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<HttpAnswer> {
    const reads = request.method === "GET" || request.method === "HEAD";
    let { url } = request;
    let away = url.origin !== this.#origin;
    for (let redirects = 0;; redirects++) {
      const headers = {
        ...request.headers,
        ...(authorization === undefined || away ? {} : { authorization }),
      };
      const { method, body, signal, onSent, once } = request;
      const asked = { method, url, headers, body, signal, onSent };
      const exchange = () => this.#transport.send(asked);
      const answer = once ? await exchange() : await retrying(this.limits, signal, exchange);
      if (!reads || !REDIRECTS.includes(answer.status)) return answer;
      answer.body.cancel();
      if (redirects >= AnswerLimit.REDIRECTS_COUNT) {
        throw this.untrusted(`leads from one place to the next, more than ${redirects} times`);
      }
      url = this.resolve(answer.headers.location, url);
      away ||= url.origin !== this.#origin;
    }
  }

  /** An answer that is not what was hoped for, as an error with advice. Reads its body. */
  async problem(answer: HttpAnswer, what: string): Promise<RegistryError> {
    const { status, headers } = answer;
    const said = await this.#words(answer);
    const text = `${answer.url.origin} does not ${what}: it answers ${status}${said}`;
    if (status === 401 || status === 403) {
      return new RegistryError("permission", text, "Look at the login, and what it may do there.");
    }
    if (status === 404) return new RegistryError("not-found", text, "Look at the location.");
    if (!isBusy(status)) return new RegistryError("unavailable", text, "Look at the location.");
    const wait_ms = retryAfter(headers["retry-after"], Date.now());
    const when = wait_ms === undefined ? "later" : `in ${Math.ceil(wait_ms / 1000)} s`;
    return new RegistryError("unavailable", text, `Try again ${when}.`);
  }

  /** What an error's body says (distribution-spec, "Error Codes"). */
  async #words(answer: HttpAnswer): Promise<string> {
    try {
      const bytes = await answer.body.readAll(AnswerLimit.PROBLEM);
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      const first: unknown = isObject(value) && Array.isArray(value.errors)
        ? value.errors[0]
        : undefined;
      if (!isObject(first)) return "";
      const words = [first.code, first.message].filter((word) => typeof word === "string");
      return words.length === 0 ? "" : ` (${plain(words.join(": "))})`;
    } catch {
      return "";
    }
  }
}
