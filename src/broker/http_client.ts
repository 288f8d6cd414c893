/**
 * The HTTP client of one capability: connections to allowed origins at checked addresses. Node's client
 * takes a function that resolves names, so that the address which was checked is the one that is
 * connected to, while the certificate is that of the name; and it knows no proxies of the environment.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import type { HttpRequest } from "../plugin/mod.ts";
import { CapabilityError } from "../plugin/mod.ts";
import {
  METHODS_DEFAULT,
  REQUEST_BYTES_DEFAULT,
  REQUESTS_PER_SECOND_DEFAULT,
  RESPONSE_BYTES_DEFAULT,
} from "../sandbox/capability_defaults.ts";
import type { Reach } from "./address.ts";
import { type AllowedOrigin, reachOf } from "./allowed.ts";
import { resolve, type Resolved, type Resolver, systemResolver } from "./resolve.ts";
import { STEP_TIMEOUT_MS } from "./stream.ts";
import { TokenBucket } from "./token_bucket.ts";
import { sleep } from "./wait.ts";

/** Connections of one capability. */
const CONNECTION_COUNT_MAX = 16;
const IDLE_CONNECTION_COUNT_MAX = 4;
const IDLE_TIMEOUT_MS = 30_000;
/** Bytes of a response's head. */
const HEAD_LENGTH_MAX = 16384;

/** How long an address that was found and checked is used for new connections. */
const ADDRESS_AGE_MS = 5_000;
const ADDRESS_COUNT_MAX = 64;

/** What differs in tests. */
export interface HttpOptions {
  readonly resolver?: Resolver;
  readonly timeout_ms?: number;
  /** Certificates of authorities besides the runtime's, as PEM. */
  readonly authorities?: readonly string[];
}

type Lookup = http.RequestOptions["lookup"];

/** See the module. */
export class HttpClient {
  readonly timeout_ms: number;
  readonly response_bytes_max: number;
  readonly request_bytes_max: number;
  readonly #methods: readonly string[];
  readonly #allowed: readonly AllowedOrigin[];
  readonly #resolver: Resolver;
  readonly #bucket: TokenBucket;
  readonly #found = new Map<string, { addresses: Resolved[]; until_ms: number }>();
  readonly #plain: http.Agent;
  readonly #secure: https.Agent;

  constructor(
    request: HttpRequest,
    allowed: readonly AllowedOrigin[],
    { resolver = systemResolver, timeout_ms = STEP_TIMEOUT_MS, authorities }: HttpOptions = {},
  ) {
    this.#allowed = allowed;
    this.#resolver = resolver;
    this.timeout_ms = timeout_ms;
    this.response_bytes_max = request.maxResponseBytes ?? RESPONSE_BYTES_DEFAULT;
    this.request_bytes_max = request.maxRequestBytes ?? REQUEST_BYTES_DEFAULT;
    this.#methods = request.methods ?? METHODS_DEFAULT;
    const rate = request.requestsPerSecond ?? REQUESTS_PER_SECOND_DEFAULT;
    this.#bucket = new TokenBucket(rate, rate);
    const agent = {
      keepAlive: true,
      maxSockets: CONNECTION_COUNT_MAX,
      maxTotalSockets: CONNECTION_COUNT_MAX,
      maxFreeSockets: IDLE_CONNECTION_COUNT_MAX,
      timeout: IDLE_TIMEOUT_MS,
    };
    this.#plain = new http.Agent(agent);
    const ca = authorities === undefined ? {} : { ca: [...authorities] };
    this.#secure = new https.Agent({ ...agent, ...ca });
  }

  /** Refuses what the operator or the manifest did not allow. */
  check(url: URL, method: string): Reach {
    if (!this.#methods.includes(method)) {
      throw new CapabilityError("denied", `the manifest asks for no ${method.slice(0, 16)}`);
    }
    const reach = reachOf(this.#allowed, url);
    if (reach === undefined) {
      throw new CapabilityError("denied", `the operator has not allowed ${url.origin}`);
    }
    return reach;
  }

  /** Waits until the rate lets another request through. */
  async turn(signal: AbortSignal): Promise<void> {
    const delay_ms = this.#bucket.reserve();
    if (delay_ms > 0) await sleep(delay_ms, signal);
  }

  /** Addresses that may be connected to. */
  async resolve(reach: Reach): Promise<Resolved[]> {
    const key = `${reach.host} ${reach.private}`;
    const known = this.#found.get(key);
    if (known !== undefined && known.until_ms > performance.now()) return known.addresses;
    const addresses = await resolve(this.#resolver, reach);
    if (this.#found.size >= ADDRESS_COUNT_MAX) this.#found.clear();
    this.#found.set(key, { addresses, until_ms: performance.now() + ADDRESS_AGE_MS });
    return addresses;
  }

  /** Begins a request to addresses that were resolved. */
  begin(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    addresses: readonly Resolved[],
  ): http.ClientRequest {
    const secure = url.protocol === "https:";
    return (secure ? https : http).request(url, {
      method,
      headers: { ...headers },
      agent: secure ? this.#secure : this.#plain,
      lookup: lookupOf(addresses),
      maxHeaderSize: HEAD_LENGTH_MAX,
    });
  }

  /** Ends the connections that are kept, and keeps none from here on. */
  close(): void {
    for (const agent of [this.#plain, this.#secure]) {
      // Requests that were aborted while they waited for a connection still get one.
      agent.maxFreeSockets = 0;
      agent.destroy();
    }
  }
}

/** A name's addresses as they were checked, whatever it resolves to now. */
function lookupOf(addresses: readonly Resolved[]): Lookup {
  return (_name, options, callback) => {
    const { family } = options;
    const fitting = addresses.filter((one) => !family || one.family === family);
    const [first] = fitting;
    if (first === undefined) {
      return callback(new Error("no address of this family"), "", 4);
    }
    if (options.all) callback(null, fitting.map((one) => ({ ...one })));
    else callback(null, first.address, first.family);
  };
}
