/**
 * The guest's side of the line to the broker: sends requests and gives their answers. A request that
 * the daemon would refuse to hold waits here, so a handler may ask for as much as it likes.
 *
 * @module
 */
import { CapabilityError } from "../plugin/mod.ts";
import type { GuestLine } from "../sys/guest_calls.ts";
import { codeOf, encodeFrame, type Frame, FrameReader } from "./broker_frame.ts";
import { OPEN_COUNT_MAX, STATUS_OK, STREAM_COUNT_MAX } from "./broker_layout.ts";

/** Bytes taken from the line at once. */
const READ_LENGTH = 131072;

const decoder = new TextDecoder();

interface Pending {
  readonly resolve: (payload: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: CapabilityError) => void;
}

/** A number of things of which only so many may be in use. */
class Pool {
  readonly #free: number[] = [];
  readonly #waiting: ((number: number) => void)[] = [];

  constructor(count: number) {
    for (let number = count - 1; number >= 0; number--) this.#free.push(number);
  }

  take(): Promise<number> {
    const number = this.#free.pop();
    if (number !== undefined) return Promise.resolve(number);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(number: number): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#free.push(number);
    else waiting(number);
  }
}

/** See the module. */
export class BrokerClient {
  readonly #line: GuestLine;
  readonly #reader = new FrameReader();
  readonly #pending = new Map<number, Pending>();
  readonly #requests = new Pool(OPEN_COUNT_MAX);
  readonly #streams = new Pool(STREAM_COUNT_MAX);
  #broken = false;
  #reading = false;

  constructor(line: GuestLine) {
    this.#line = line;
  }

  /** A number for a stream; waits until one is free. */
  takeStream(): Promise<number> {
    return this.#streams.take();
  }

  /** The daemon has answered that the stream is closed. */
  giveStream(stream: number): void {
    this.#streams.give(stream);
  }

  /** Sends a request; rejects with a CapabilityError where it is not answered with OK. */
  async request(
    verb: number,
    capability: number,
    stream: number,
    payload: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const id = await this.#requests.take();
    try {
      return await new Promise((resolve, reject) => {
        if (this.#broken) return reject(ended());
        this.#pending.set(id, { resolve, reject });
        if (!this.#line.write(encodeFrame({ id, what: verb, capability, stream }, payload))) {
          return this.#break();
        }
        if (!this.#reading) void this.#read();
      });
    } finally {
      this.#requests.give(id);
    }
  }

  /** Reads as long as answers are due: nothing else ever comes. */
  async #read(): Promise<void> {
    this.#reading = true;
    const into = new Uint8Array(READ_LENGTH);
    while (this.#pending.size > 0) {
      const count = await this.#line.read(into);
      if (count <= 0) this.#break();
      else for (const frame of this.#reader.push(into.subarray(0, count))) this.#answer(frame);
    }
    this.#reading = false;
  }

  #answer({ id, what, payload }: Frame): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (what === STATUS_OK) pending.resolve(payload);
    else pending.reject(new CapabilityError(codeOf(what), decoder.decode(payload)));
  }

  #break(): void {
    this.#broken = true;
    for (const { reject } of this.#pending.values()) reject(ended());
    this.#pending.clear();
  }
}

function ended(): CapabilityError {
  return new CapabilityError("ended", "the daemon no longer serves this handler");
}
