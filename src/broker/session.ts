/**
 * What one guest process asks of the broker. Every request is checked against what a guest of ours can
 * send: anything else ends the guest. It has at most so many requests open and so many streams, and
 * a request counts until its answer has left.
 *
 * @module
 */
import { CapabilityError } from "../plugin/mod.ts";
import { encodeFrame, type Frame, FrameError, statusOf } from "../sandbox/broker_frame.ts";
import {
  DATA_LENGTH_MAX,
  OPEN_COUNT_MAX,
  PAYLOAD_LENGTH_MAX,
  STATUS_OK,
  STREAM_COUNT_MAX,
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
} from "../sandbox/broker_layout.ts";
import { decodeKeyed } from "../sandbox/broker_message.ts";
import type { Reactor } from "../sys/reactor.ts";
import { HttpExchange } from "./http_exchange.ts";
import { parseRequest } from "./http_head.ts";
import { Line } from "./line.ts";
import type { HttpService, Service, StateService, StreamService } from "./service.ts";
import type { BrokerStream } from "./stream.ts";
import { TcpStream } from "./tcp_stream.ts";

const MESSAGE_LENGTH_MAX = 1024;
const nothing = new Uint8Array();
const encoder = new TextEncoder();

type Answer = Uint8Array | Promise<Uint8Array>;

/** A stream that the guest has opened, until it closes it. */
interface OpenStream {
  readonly stream: BrokerStream;
  readonly capability: number;
  readonly end: AbortController;
  /** Requests of it that are open; it is gone when none is. */
  readonly requests: Set<Promise<unknown>>;
  readonly busy: { reading: boolean; writing: boolean; closing: boolean };
}

/** What a session needs. */
export interface SessionOptions {
  readonly services: readonly Service[];
  readonly reactor: Reactor;
  /** The guest broke the protocol. */
  readonly onViolation: (reason: string) => void;
  readonly log: (message: string) => void;
}

/** See the module. */
export class Session {
  readonly #options: SessionOptions;
  readonly #line: Line;
  readonly #open = new Map<number, Promise<void>>();
  readonly #streams = new Map<number, OpenStream>();
  readonly #ended = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#line = new Line(options.reactor, {
      frame: (frame) => this.#frame(frame),
      end: (violation) => {
        this.#abort();
        if (violation !== undefined) options.onViolation(violation);
      },
    });
  }

  /** The guest's end of the line, which is the caller's to close. */
  get guest_fd(): number {
    return this.#line.guest_fd;
  }

  #frame(frame: Frame): void {
    const { id, what: verb, capability, payload } = frame;
    if (id >= OPEN_COUNT_MAX || this.#open.has(id)) {
      throw new FrameError("a request with a wrong number");
    }
    const service = this.#options.services[capability];
    if (service === undefined) throw new FrameError(`a request to capability ${capability}`);
    if (payload.length > PAYLOAD_LENGTH_MAX) throw new FrameError("a payload that is too long");
    const answer = this.#perform(service, verb, frame);
    this.#open.set(id, this.#answer(id, answer));
  }

  async #answer(id: number, answer: Answer): Promise<void> {
    let status = STATUS_OK;
    let payload: Uint8Array;
    try {
      payload = await answer;
    } catch (error) {
      const known = this.#known(error);
      status = statusOf(known.code);
      payload = encoder.encode(known.message.slice(0, MESSAGE_LENGTH_MAX));
    }
    if (this.#ended.signal.aborted) return;
    this.#line.send(
      encodeFrame({ id, what: status, capability: 0, stream: 0 }, payload),
      () => this.#open.delete(id),
    );
  }

  #known(error: unknown): CapabilityError {
    if (error instanceof CapabilityError) return error;
    this.#options.log(`The broker failed: ${error instanceof Error ? error.stack : error}`);
    return new CapabilityError("failed", "the daemon failed; its log says more");
  }

  /** Begins a request. What it throws at once is a violation, what it rejects with is answered. */
  #perform(service: Service, verb: number, frame: Frame): Answer {
    if (service.kind === "state") return this.#performState(service, verb, frame);
    if (verb === VERB_FETCH || verb === VERB_CONNECT) return this.#begin(service, verb, frame);
    const open = this.#streams.get(frame.stream);
    if (open === undefined || open.capability !== frame.capability || open.busy.closing) {
      throw new FrameError("a request to a stream that is not open");
    }
    if (verb === VERB_CLOSE) return this.#close(frame.stream, open);
    if (![VERB_READ, VERB_WRITE, VERB_END].includes(verb)) {
      throw new FrameError(`verb ${verb} to a stream`);
    }
    const done = this.#performStream(open, verb, frame.payload);
    open.requests.add(done);
    const forget = () => open.requests.delete(done);
    done.then(forget, forget);
    return done;
  }

  #begin(service: StreamService, verb: number, frame: Frame): Answer {
    const wanted = service.kind === "http" ? VERB_FETCH : VERB_CONNECT;
    const { stream: number, capability } = frame;
    const free = number < STREAM_COUNT_MAX && !this.#streams.has(number);
    if (verb !== wanted || !free) throw new FrameError("a stream that cannot be opened");
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#ended.signal, service.revoked]);
    const { stream, done } = start(service, frame, signal);
    const requests = new Set<Promise<unknown>>([done]);
    const busy = { reading: false, writing: false, closing: false };
    this.#streams.set(number, { stream, capability, end, requests, busy });
    const forget = () => requests.delete(done);
    done.then(forget, forget);
    return done;
  }

  async #performStream(
    { stream, busy }: OpenStream,
    verb: number,
    payload: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array> {
    const side = verb === VERB_READ ? "reading" : "writing";
    if (busy[side]) throw new CapabilityError("invalid", `the stream is ${side} already`);
    busy[side] = true;
    try {
      if (verb === VERB_READ) return await stream.read(lengthOf(payload));
      if (verb === VERB_WRITE) await stream.write(payload);
      else await stream.end();
      return nothing;
    } finally {
      busy[side] = false;
    }
  }

  async #close(number: number, { stream, end, requests, busy }: OpenStream): Promise<Uint8Array> {
    busy.closing = true;
    end.abort(new CapabilityError("ended", "it was closed"));
    stream.close();
    await Promise.allSettled(requests);
    this.#streams.delete(number);
    return nothing;
  }

  #performState(service: StateService, verb: number, { payload }: Frame): Answer {
    const { key, value } = decodeKeyed(payload);
    if (![VERB_GET, VERB_SET, VERB_DELETE, VERB_LIST].includes(verb)) {
      throw new FrameError(`verb ${verb} to a store`);
    }
    if (service.revoked.aborted) return Promise.reject(service.revoked.reason);
    return stateAnswer(service, verb, key, value);
  }

  #abort(): void {
    this.#ended.abort(new CapabilityError("ended", "the handler's process has ended"));
    for (const { stream } of this.#streams.values()) stream.close();
  }

  /** Ends all that the guest began; when it resolves nothing of it lands any more. */
  async settle(): Promise<void> {
    this.#line.close();
    this.#abort();
    await Promise.allSettled(this.#open.values());
    const streams = [...this.#streams.values()];
    await Promise.allSettled(streams.flatMap(({ requests }) => [...requests]));
    this.#streams.clear();
    this.#open.clear();
    const stores = this.#options.services.filter((service) => service.kind === "state");
    await Promise.all(stores.map(({ store }) => store.settle()));
  }
}

function start(
  service: StreamService,
  { payload }: Frame,
  signal: AbortSignal,
): { stream: BrokerStream; done: Promise<Uint8Array> } {
  if (service.kind === "http") return startExchange(service, payload, signal);
  const stream = new TcpStream(service.client, signal);
  const connect = async () => {
    if (signal.aborted) throw signal.reason;
    await stream.connect();
    return nothing;
  };
  return { stream, done: connect() };
}

function startExchange(
  { client }: HttpService,
  payload: Uint8Array,
  signal: AbortSignal,
): { stream: BrokerStream; done: Promise<Uint8Array> } {
  try {
    if (signal.aborted) throw signal.reason;
    const exchange = new HttpExchange(client, parseRequest(payload), signal);
    return { stream: exchange, done: exchange.head() };
  } catch (error) {
    if (!(error instanceof CapabilityError)) throw error;
    return { stream: failedStream(error), done: Promise.reject(error) };
  }
}

/** A stream that never began: until the guest closes it. */
function failedStream(error: CapabilityError): BrokerStream {
  const fail = () => Promise.reject(error);
  return { read: fail, write: fail, end: fail, close: () => {} };
}

function lengthOf(payload: Uint8Array<ArrayBuffer>): number {
  const length = payload.length === 4 ? new DataView(payload.buffer).getUint32(0, true) : 0;
  if (length < 1 || length > DATA_LENGTH_MAX) {
    throw new CapabilityError("invalid", "a wrong length to read");
  }
  return length;
}

async function stateAnswer(
  { store }: StateService,
  verb: number,
  key: string,
  value: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  switch (verb) {
    case VERB_GET: {
      const found = await store.get(key);
      if (found === undefined) return Uint8Array.of(0);
      const answer = new Uint8Array(1 + found.length);
      answer[0] = 1;
      answer.set(found, 1);
      return answer;
    }
    case VERB_SET:
      await store.set(key, value);
      return nothing;
    case VERB_DELETE:
      return Uint8Array.of(await store.delete(key) ? 1 : 0);
    default: {
      const after = new TextDecoder().decode(value);
      return encoder.encode(JSON.stringify(await store.list(key, after)));
    }
  }
}
