/** Doubles of what the daemon does for a handler: HTTP servers, a TCP address, a store. */
import type {
  FetchRequest,
  FetchResponse,
  HttpCapability,
  StateCapability,
  TcpCapability,
} from "./context.ts";
import { CapabilityError } from "./error.ts";

/** Longest key in bytes, longest value in bytes: as the daemon has them. */
const KEY_LENGTH_MAX = 256;
const VALUE_LENGTH_MAX = 65536;

/** Answers requests in the place of all servers. */
export type TestServer = (request: Request) => Response | Promise<Response>;

function checkUrl(url: string): void {
  const known = URL.canParse(url) && /^https?:/.test(new URL(url).protocol);
  if (!known) throw new CapabilityError("invalid", `"${url}" is no http: or https: URL`);
}

function streamOf(body: Uint8Array | AsyncIterable<Uint8Array> | undefined): BodyInit | undefined {
  if (body === undefined || body instanceof Uint8Array) return body?.slice();
  return ReadableStream.from(body);
}

function responseOf(url: string, answer: Response): FetchResponse {
  return {
    status: answer.status,
    url,
    headers: answer.headers,
    body: answer.body ?? ReadableStream.from([]),
    bytes: () => answer.bytes(),
    text: () => answer.text(),
  };
}

/** An HTTP capability whose requests `serve` answers. What it throws is CapabilityError "unreachable". */
export function testHttp(serve: TestServer): HttpCapability {
  return {
    async fetch(request) {
      const asked: FetchRequest = typeof request === "string" ? { url: request } : request;
      const { url, method = "GET", headers = {}, body, signal } = asked;
      checkUrl(url);
      if (signal?.aborted) throw new CapabilityError("ended", "the request was aborted");
      const sent = new Request(url, { method, headers: { ...headers }, body: streamOf(body) });
      try {
        return responseOf(url, await serve(sent));
      } catch (error) {
        if (error instanceof CapabilityError) throw error;
        throw new CapabilityError("unreachable", String(error));
      }
    },
  };
}

/** A TCP capability whose connections come back as they were sent. */
export function testEcho(): TcpCapability {
  return {
    connect() {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
        undefined,
        { highWaterMark: 16 },
        { highWaterMark: 16 },
      );
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      let rest: Uint8Array = new Uint8Array();
      return Promise.resolve({
        async read(into) {
          if (rest.length === 0) rest = (await reader.read()).value ?? rest;
          const count = Math.min(rest.length, into.length);
          into.set(rest.subarray(0, count));
          rest = rest.subarray(count);
          return count === 0 && into.length > 0 ? null : count;
        },
        write: (from) => writer.write(from.slice()),
        close: () => writer.close(),
      });
    },
  };
}

/** A store in memory; give the same to the next context to test a restart. */
export class TestState implements StateCapability {
  /** What is in it. */
  readonly values: Map<string, Uint8Array> = new Map();
  readonly #max_bytes: number;

  /** `max_bytes` of all keys and values. */
  constructor(max_bytes = 65536) {
    this.#max_bytes = max_bytes;
  }

  #check(key: string): void {
    const { length } = new TextEncoder().encode(key);
    if (length === 0 || length > KEY_LENGTH_MAX || !key.isWellFormed()) {
      throw new CapabilityError("invalid", `a key has 1 to ${KEY_LENGTH_MAX} bytes of UTF-8`);
    }
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return Promise.try(() => {
      this.#check(key);
      return this.values.get(key)?.slice();
    });
  }

  set(key: string, value: Uint8Array): Promise<void> {
    return Promise.try(() => {
      this.#check(key);
      if (value.length > VALUE_LENGTH_MAX) {
        throw new CapabilityError("too-large", `a value has at most ${VALUE_LENGTH_MAX} bytes`);
      }
      const next = new Map(this.values).set(key, value.slice());
      const encoder = new TextEncoder();
      let used = 0;
      for (const [name, { length }] of next) used += encoder.encode(name).length + length;
      if (used > this.#max_bytes) throw new CapabilityError("no-space", "the store is full");
      this.values.set(key, value.slice());
    });
  }

  delete(key: string): Promise<boolean> {
    return Promise.try(() => {
      this.#check(key);
      return this.values.delete(key);
    });
  }

  list(prefix = ""): Promise<string[]> {
    return Promise.resolve([...this.values.keys()].filter((key) => key.startsWith(prefix)).sort());
  }
}
