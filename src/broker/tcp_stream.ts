/** A TCP connection to the one address that the operator named. */
import { CapabilityError } from "../plugin/mod.ts";
import type { AllowedAddress } from "./allowed.ts";
import { resolve, type Resolver, systemResolver } from "./resolve.ts";
import { type BrokerStream, STEP_TIMEOUT_MS } from "./stream.ts";
import { TokenBucket } from "./token_bucket.ts";
import { checkSignal, sleep, within } from "./wait.ts";

/** Connections per second; more wait. */
const CONNECTIONS_PER_SECOND = 10;

/** What differs in tests. */
export interface TcpOptions {
  readonly resolver?: Resolver;
  readonly timeout_ms?: number;
}

/** Makes the connections of one capability. */
export class TcpClient {
  readonly timeout_ms: number;
  readonly #allowed: AllowedAddress;
  readonly #resolver: Resolver;
  readonly #bucket = new TokenBucket(CONNECTIONS_PER_SECOND, CONNECTIONS_PER_SECOND);

  constructor(
    allowed: AllowedAddress,
    { resolver = systemResolver, timeout_ms = STEP_TIMEOUT_MS }: TcpOptions = {},
  ) {
    this.#allowed = allowed;
    this.#resolver = resolver;
    this.timeout_ms = timeout_ms;
  }

  /** Connects to the first address that answers. */
  async connect(signal: AbortSignal): Promise<Deno.TcpConn> {
    const delay_ms = this.#bucket.reserve();
    if (delay_ms > 0) await sleep(delay_ms, signal);
    const { host, port } = this.#allowed;
    const resolved = resolve(this.#resolver, this.#allowed);
    let problem: unknown;
    for (const { address } of await within(resolved, this.timeout_ms, signal)) {
      try {
        return await this.#attempt(address, signal);
      } catch (error) {
        checkSignal(signal);
        problem = error;
      }
    }
    const reason = problem instanceof Error ? problem.message : String(problem);
    throw new CapabilityError("unreachable", `${host}:${port}: ${reason}`);
  }

  async #attempt(hostname: string, signal: AbortSignal): Promise<Deno.TcpConn> {
    const limit = AbortSignal.timeout(this.timeout_ms);
    const { port } = this.#allowed;
    return await Deno.connect({ hostname, port, signal: AbortSignal.any([signal, limit]) });
  }
}

function broken(error: unknown): CapabilityError {
  if (error instanceof CapabilityError) return error;
  return new CapabilityError("unreachable", error instanceof Error ? error.message : String(error));
}

/** See the module. */
export class TcpStream implements BrokerStream {
  readonly #client: TcpClient;
  readonly #signal: AbortSignal;
  #connection: Deno.TcpConn | undefined;
  #closed = false;

  /** `signal` ends it; its reason is what waiting calls reject with. */
  constructor(client: TcpClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Connects. */
  async connect(): Promise<void> {
    const connection = await this.#client.connect(this.#signal);
    this.#connection = connection;
    if (this.#closed) connection.close();
    checkSignal(this.#signal);
    connection.setNoDelay(true);
  }

  #connected(): Deno.TcpConn {
    if (this.#connection === undefined || this.#closed) {
      throw new CapabilityError("ended", "there is no connection");
    }
    return this.#connection;
  }

  /** Waits as long as it takes: a server may have nothing to say. */
  async read(length: number): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    try {
      const count = await this.#connected().read(into);
      return into.subarray(0, count ?? 0);
    } catch (error) {
      checkSignal(this.#signal);
      throw broken(error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const written = this.#connected().write(bytes.subarray(done));
        done += await within(written, this.#client.timeout_ms, this.#signal);
      }
    } catch (error) {
      this.close();
      checkSignal(this.#signal);
      throw broken(error);
    }
  }

  async end(): Promise<void> {
    try {
      await this.#connected().closeWrite();
    } catch (error) {
      throw broken(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#connection?.close();
    } catch {
      // It was closed by its own end.
    }
  }
}
