/**
 * The capabilities of the handler contract that the daemon carries out, as a guest has them. They are
 * frames on a line and hold no authority: the daemon checks each request against what the operator
 * allowed.
 *
 * @module
 */
import {
  CapabilityError,
  type FetchRequest,
  type FetchResponse,
  type HttpCapability,
  type StateCapability,
  type TcpCapability,
  type TcpConnection,
} from "../plugin/mod.ts";
import type { GuestLine } from "../sys/guest_calls.ts";
import { BrokerClient } from "./broker_client.ts";
import {
  DATA_LENGTH_MAX,
  VERB_CLOSE,
  VERB_CONNECT,
  VERB_DELETE,
  VERB_END,
  VERB_FETCH,
  VERB_GET,
  VERB_LIST,
  VERB_READ,
  VERB_SET,
  VERB_WRITE,
} from "./broker_layout.ts";
import { encodeKeyed } from "./broker_message.ts";
import type { BrokeredCapability } from "./broker_port.ts";
import type { Brokered } from "./context.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nothing = new Uint8Array();

/** A stream of the broker: an HTTP exchange or a connection. */
class Stream {
  readonly #client: BrokerClient;
  readonly #capability: number;
  readonly #number: number;
  #closed: Promise<void> | undefined;

  static async open(client: BrokerClient, capability: number): Promise<Stream> {
    return new Stream(client, capability, await client.takeStream());
  }

  constructor(client: BrokerClient, capability: number, number: number) {
    this.#client = client;
    this.#capability = capability;
    this.#number = number;
  }

  request(verb: number, payload: Uint8Array = nothing): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed !== undefined) {
      return Promise.reject(new CapabilityError("ended", "it was closed"));
    }
    return this.#client.request(verb, this.#capability, this.#number, payload);
  }

  read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = new Uint8Array(4);
    new DataView(wanted.buffer).setUint32(0, Math.min(length, DATA_LENGTH_MAX), true);
    return this.request(VERB_READ, wanted);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; done += DATA_LENGTH_MAX) {
      await this.request(VERB_WRITE, bytes.subarray(done, done + DATA_LENGTH_MAX));
    }
  }

  /** Once: the number is free when the daemon has answered. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#client.request(VERB_CLOSE, this.#capability, this.#number, nothing);
      this.#client.giveStream(this.#number);
    } catch {
      // The line is broken, and with it all its streams.
    }
  }
}

/** Closes the stream when the signal is aborted; returns what undoes that. */
function closeOnAbort(stream: Stream, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => {};
  const close = () => void stream.close();
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  return () => signal.removeEventListener("abort", close);
}

/** What goes before the body. */
interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Bytes of the body; null where they are not known before, 0 without one. */
  readonly length: number | null;
}

function askedOf({ url, method = "GET", headers = {}, body }: FetchRequest): Uint8Array {
  const length = body === undefined ? 0 : body instanceof Uint8Array ? body.length : null;
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  const asked: Asked = { url: String(url), method: String(method), headers: pairs, length };
  const payload = encoder.encode(JSON.stringify(asked));
  if (payload.length > DATA_LENGTH_MAX) {
    throw new CapabilityError("invalid", `the request's head has ${payload.length} bytes`);
  }
  return payload;
}

async function sendBody(stream: Stream, body: FetchRequest["body"]): Promise<void> {
  if (body === undefined) return;
  if (body instanceof Uint8Array) await stream.write(body);
  else for await (const piece of body) await stream.write(piece);
  await stream.request(VERB_END);
}

function bodyOf(stream: Stream, done: () => void): ReadableStream<Uint8Array> {
  const end = async () => {
    done();
    await stream.close();
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const piece = await stream.read(DATA_LENGTH_MAX);
        if (piece.length > 0) return controller.enqueue(piece);
        void end();
        controller.close();
      } catch (error) {
        void end();
        controller.error(error);
      }
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

async function collect(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.length;
  }
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(length);
  let done = 0;
  for (const piece of pieces) {
    all.set(piece, done);
    done += piece.length;
  }
  return all;
}

class BrokeredHttp implements HttpCapability {
  readonly #client: BrokerClient;
  readonly #capability: number;

  constructor(client: BrokerClient, capability: number) {
    this.#client = client;
    this.#capability = capability;
  }

  async fetch(request: string | FetchRequest): Promise<FetchResponse> {
    const asked = typeof request === "string" ? { url: request } : request;
    const payload = askedOf(asked);
    const stream = await Stream.open(this.#client, this.#capability);
    const done = closeOnAbort(stream, asked.signal);
    try {
      const head = stream.request(VERB_FETCH, payload);
      // An answer may come before the body is sent; a body that cannot be sent ends the exchange.
      const sent = sendBody(stream, asked.body);
      sent.catch(() => {});
      const answer = await Promise.race([head, sent.then(() => head)]);
      return responseOf(answer, bodyOf(stream, done));
    } catch (error) {
      done();
      await stream.close();
      throw error;
    }
  }
}

function responseOf(
  head: Uint8Array<ArrayBuffer>,
  body: ReadableStream<Uint8Array>,
): FetchResponse {
  const { status, url, headers } = JSON.parse(decoder.decode(head)) as {
    status: number;
    url: string;
    headers: [string, string][];
  };
  const bytes = () => collect(body);
  const text = async () => decoder.decode(await collect(body));
  return Object.freeze({ status, url, headers: new Headers(headers), body, bytes, text });
}

class BrokeredTcp implements TcpCapability {
  readonly #client: BrokerClient;
  readonly #capability: number;

  constructor(client: BrokerClient, capability: number) {
    this.#client = client;
    this.#capability = capability;
  }

  async connect({ signal }: { readonly signal?: AbortSignal } = {}): Promise<TcpConnection> {
    const stream = await Stream.open(this.#client, this.#capability);
    const done = closeOnAbort(stream, signal);
    try {
      await stream.request(VERB_CONNECT);
    } catch (error) {
      await stream.close();
      throw error;
    } finally {
      done();
    }
    return Object.freeze({
      async read(into: Uint8Array): Promise<number | null> {
        if (into.length === 0) return 0;
        const piece = await stream.read(into.length);
        into.set(piece);
        return piece.length === 0 ? null : piece.length;
      },
      write: (from: Uint8Array) => stream.write(from),
      close: () => stream.close(),
    });
  }
}

class BrokeredState implements StateCapability {
  readonly #client: BrokerClient;
  readonly #capability: number;

  constructor(client: BrokerClient, capability: number) {
    this.#client = client;
    this.#capability = capability;
  }

  #request(verb: number, payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#client.request(verb, this.#capability, 0, payload);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const answer = await this.#request(VERB_GET, encodeKeyed(key, nothing));
    return answer[0] === 1 ? answer.subarray(1) : undefined;
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.#request(VERB_SET, encodeKeyed(key, value));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#request(VERB_DELETE, encodeKeyed(key, nothing)))[0] === 1;
  }

  async list(prefix = ""): Promise<string[]> {
    const keys: string[] = [];
    for (;;) {
      const after = encoder.encode(keys.at(-1) ?? "");
      const answer = await this.#request(VERB_LIST, encodeKeyed(prefix, after));
      const more = JSON.parse(decoder.decode(answer)) as string[];
      if (more.length === 0) return keys;
      keys.push(...more);
    }
  }
}

/** The capabilities that the daemon carries out, over the guest's end of the line. */
export function brokered(line: GuestLine, capabilities: readonly BrokeredCapability[]): Brokered {
  const client = new BrokerClient(line);
  const https = new Map<string, HttpCapability>();
  const tcps = new Map<string, TcpCapability>();
  const states = new Map<string, StateCapability>();
  for (const [index, { name, kind }] of capabilities.entries()) {
    if (kind === "http") https.set(name, new BrokeredHttp(client, index));
    else if (kind === "tcp") tcps.set(name, new BrokeredTcp(client, index));
    else states.set(name, new BrokeredState(client, index));
  }
  return { https, tcps, states };
}
