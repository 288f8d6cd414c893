/**
 * The guest's serving loop: takes requests from the channel, calls the volume, publishes what has
 * ended. A method that returns a value is answered at once, without a promise; one that returns a
 * promise is answered when it settles, and up to REQUEST_COUNT may be open.
 *
 * The thread sleeps in one of two ways. While no promise is open and none has ever outlived its
 * microtasks, it blocks in the futex: the fast way. Otherwise the event loop must turn, so the
 * futex is waited for as a promise (some 50 us more). In between the event loop gets a turn by the
 * clock (`turn_clock.ts`), however fast commands come.
 *
 * @module
 */
import {
  OPERATION_DISCARD,
  OPERATION_FLUSH,
  OPERATION_READ,
  OPERATION_WRITE,
  OPERATION_WRITE_ZEROES,
  RESULT_INTERNAL,
  RESULT_MEDIUM_ERROR,
  RESULT_NO_MEDIUM,
  RESULT_NO_SPACE,
  RESULT_NOT_READY,
  RESULT_OK,
  RESULT_WRITE_PROTECTED,
} from "../abi/media.ts";
import { runExchange } from "../engine/volume_exchange.ts";
import type { Logger, Volume, WriteOptions } from "../plugin/mod.ts";
import type { GuestCalls, GuestFutex } from "../sys/guest_calls.ts";
import {
  CHANNEL_SUBMIT_TAIL_OFFSET,
  QUEUE_LENGTH,
  REQUEST_COUNT,
  REQUEST_FLAG_FUA,
  REQUEST_FLAG_UNMAP,
} from "./layout.ts";
import {
  Channel,
  COMPLETION_WORD,
  completionWord,
  flagsOf,
  occupancy,
  operationOf,
  readHeader,
  REQUEST_WORD,
  requestOf,
  submissionWord,
  WORD_CLOSING,
  WORD_COMPLETE_TAIL,
  WORD_DAEMON_WAITING,
  WORD_GUEST_WAITING,
  WORD_SUBMIT_TAIL,
} from "./protocol.ts";
import { AdaptiveSpin } from "./spin.ts";
import { TurnClock } from "./turn_clock.ts";

/** The blocking wait ends after this time at the latest, so that timers of a handler get a turn. */
const IDLE_TURN_MS = 100;
/** Completions are published at the latest after so many, or after so many bytes. */
const BATCH_COMPLETIONS = 8;
const BATCH_BYTES = 65536;
/** Microtask turns that a promise gets before it counts as waiting for something. */
const MICROTASK_TURNS = 8;
/** Turns of the event loop without a new request before it sleeps. */
const IDLE_LOOP_TURNS = 16;
/** Unit in which views of the arena are kept for the next request: see ARENA_CHUNK_LENGTH. */
const VIEW_UNIT = 16384;

const RESULTS: ReadonlyMap<unknown, number> = new Map([
  ["medium-error", RESULT_MEDIUM_ERROR],
  ["no-space", RESULT_NO_SPACE],
  ["write-protected", RESULT_WRITE_PROTECTED],
  ["not-ready", RESULT_NOT_READY],
  ["no-medium", RESULT_NO_MEDIUM],
]);

/** What a handler gets with a request: made once for each request index and used again. */
class RequestOptions implements WriteOptions {
  #fua = false;
  #unmap = false;
  #controller: AbortController | undefined;

  get fua(): boolean {
    return this.#fua;
  }

  get unmap(): boolean {
    return this.#unmap;
  }

  /** Made when a handler asks for it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  // Static, with access to private fields: a handler that holds the object cannot call these.
  static begin(options: RequestOptions, flags: number): void {
    options.#fua = (flags & REQUEST_FLAG_FUA) !== 0;
    options.#unmap = (flags & REQUEST_FLAG_UNMAP) !== 0;
    options.#controller = undefined;
  }

  static abort(options: RequestOptions): void {
    options.#controller?.abort();
  }
}

const { begin, abort } = RequestOptions;

/** One request's state. */
interface Request {
  sequence: number;
  readonly options: RequestOptions;
  // What a promise of it calls: made once, so that a command costs no closure.
  readonly resolved: () => void;
  readonly rejected: (reason: unknown) => void;
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** The first byte that failed, where a handler names one; -1 where not. */
function failedOffset(reason: unknown): number {
  const offset = (reason as { offset?: unknown } | null | undefined)?.offset;
  return typeof offset === "number" && Number.isSafeInteger(offset) ? offset : -1;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** How a guest sleeps and wakes the daemon. */
export interface GuestWake {
  /** On SUBMIT_TAIL. */
  readonly futex: GuestFutex;
  /** Writes the eventfd. */
  readonly signal: () => void;
}

/** The wake-ups over the channel mapped at `memory`; needs the FFI permission, the server does not. */
export function makeGuestWake(calls: GuestCalls, memory: ArrayBuffer, eventfd: number): GuestWake {
  return {
    futex: calls.futex(memory, CHANNEL_SUBMIT_TAIL_OFFSET, IDLE_TURN_MS),
    signal: () => calls.signal(eventfd),
  };
}

/** See the module. */
export class GuestServer {
  readonly #volume: Volume;
  readonly #channel: Channel;
  readonly #arena: Uint8Array<ArrayBuffer>;
  readonly #epoch: number;
  readonly #log: Logger;
  readonly #futex: GuestFutex;
  readonly #signal: () => void;
  readonly #spin: AdaptiveSpin;
  readonly #clock = new TurnClock();
  readonly #requests: Request[] = [];
  /** Views of the arena by unit: a run that comes again needs no new view. */
  readonly #views: (Uint8Array<ArrayBuffer> | undefined)[];

  #submit_head = 0;
  #complete_tail = 0;
  #published_tail = 0;
  #batch_bytes = 0;
  #open = 0;
  /** A promise has outlived its microtasks: this handler needs the event loop. */
  #asynchronous = false;
  #asleep = false;

  constructor(volume: Volume, memory: ArrayBuffer, wake: GuestWake, log: Logger) {
    this.#volume = volume;
    const channel = new Channel(memory, 0);
    const header = readHeader(channel);
    this.#channel = channel;
    this.#arena = new Uint8Array(memory, header.arena_offset, header.arena_length);
    this.#epoch = header.epoch;
    this.#log = log;
    this.#futex = wake.futex;
    this.#signal = wake.signal;
    this.#spin = new AdaptiveSpin(channel.words, WORD_SUBMIT_TAIL);
    this.#views = new Array(Math.ceil(header.arena_length / VIEW_UNIT)).fill(undefined);
    for (let index = 0; index < REQUEST_COUNT; index++) {
      this.#requests.push({
        sequence: 0,
        options: new RequestOptions(),
        resolved: () => this.#resolved(index),
        rejected: (reason) => this.#rejected(index, reason),
      });
    }
  }

  /** Serves until the daemon asks to close. */
  async serve(): Promise<void> {
    while (Atomics.load(this.#channel.words, WORD_CLOSING) === 0) {
      const taken = this.#drain();
      if (taken > 0) this.#publish();
      const settled = this.#open === 0 || await this.#settle();
      if (taken > 0 && settled) {
        // However fast commands come: timers of the handler, and what it waits for, get a turn.
        if (this.#clock.isDue()) await this.#turn();
      } else if (this.#asynchronous) await this.#sleepInLoop();
      else if (!this.#sleepInFutex()) await this.#turn();
    }
    for (const { options } of this.#requests) abort(options);
    await this.#volume.close?.();
  }

  async #turn(): Promise<void> {
    await turn();
    this.#clock.turned();
  }

  /** Gives open promises their microtasks. Returns true where all have settled. */
  async #settle(): Promise<boolean> {
    for (let turns = 0; turns < MICROTASK_TURNS && this.#open > 0; turns++) await null;
    this.#publish();
    if (this.#open === 0) return true;
    this.#asynchronous = true;
    return false;
  }

  /** Blocks. Returns false when it has slept its full time: the event loop is due for a turn. */
  #sleepInFutex(): boolean {
    if (this.#spin.wait(this.#submit_head)) return true;
    const words = this.#channel.words;
    Atomics.store(words, WORD_GUEST_WAITING, 1);
    // After the store: a daemon that submits from here on sees it and wakes.
    let woken = Atomics.load(words, WORD_SUBMIT_TAIL) !== this.#submit_head;
    if (!woken) {
      this.#futex.wait(this.#submit_head);
      this.#clock.slept();
      woken = Atomics.load(words, WORD_SUBMIT_TAIL) !== this.#submit_head;
    }
    Atomics.store(words, WORD_GUEST_WAITING, 0);
    return woken;
  }

  /** Turns the event loop until there is a request, at first busily, then asleep. */
  async #sleepInLoop(): Promise<void> {
    const words = this.#channel.words;
    this.#clock.turned();
    for (let turns = 0; turns < IDLE_LOOP_TURNS; turns++) {
      await turn();
      this.#publish();
      if (Atomics.load(words, WORD_SUBMIT_TAIL) !== this.#submit_head) return;
    }
    Atomics.store(words, WORD_GUEST_WAITING, 1);
    if (Atomics.load(words, WORD_SUBMIT_TAIL) === this.#submit_head) {
      // What settles meanwhile is published by `#resolved` and `#rejected`.
      this.#asleep = true;
      await this.#futex.waitAsync(this.#submit_head);
      this.#asleep = false;
    }
    Atomics.store(words, WORD_GUEST_WAITING, 0);
  }

  /** Takes the requests there are; where they are slow, and block, one. Returns their number. */
  #drain(): number {
    const { words, doubles } = this.#channel;
    const tail = Atomics.load(words, WORD_SUBMIT_TAIL);
    const count = occupancy(this.#submit_head, tail);
    if (count > QUEUE_LENGTH) throw new Error(`the daemon submitted ${count} requests at once`);
    const some = this.#clock.isSlow ? 1 : count;
    for (let taken = 0; taken < count; taken++) {
      if (taken >= some && this.#open === 0) return taken;
      const at = submissionWord(this.#submit_head);
      this.#submit_head = (this.#submit_head + 1) | 0;
      const what = words[at + REQUEST_WORD.WHAT];
      const request = this.#requests[requestOf(what)];
      if (request === undefined) throw new Error("the daemon submitted an unknown request");
      request.sequence = words[at + REQUEST_WORD.SEQUENCE];
      begin(request.options, flagsOf(what));
      this.#execute(
        requestOf(what),
        request,
        operationOf(what),
        doubles[at / 2 + REQUEST_WORD.OFFSET_DOUBLE],
        doubles[at / 2 + REQUEST_WORD.LENGTH_DOUBLE],
        words[at + REQUEST_WORD.DATA_OFFSET] >>> 0,
      );
    }
    return count;
  }

  #execute(
    index: number,
    request: Request,
    operation: number,
    offset: number,
    length: number,
    data: number,
  ): void {
    let result: unknown;
    try {
      result = this.#call(request.options, operation, offset, length, data);
    } catch (error) {
      return this.#fail(index, error);
    }
    if (result === undefined || !isThenable(result)) {
      return this.#complete(index, RESULT_OK, operation <= OPERATION_WRITE ? length : 0);
    }
    this.#open++;
    // A foreign thenable could settle twice; a promise settles once.
    Promise.resolve(result).then(request.resolved, request.rejected);
  }

  #call(
    options: RequestOptions,
    operation: number,
    offset: number,
    length: number,
    data: number,
  ): unknown {
    const volume = this.#volume;
    switch (operation) {
      case OPERATION_READ:
        return volume.read(offset, this.#view(data, length), options);
      case OPERATION_WRITE:
        return volume.write!(offset, this.#view(data, length), options);
      case OPERATION_FLUSH:
        return volume.flush?.(options);
      case OPERATION_DISCARD:
        return volume.discard!(offset, length, options);
      case OPERATION_WRITE_ZEROES:
        return volume.writeZeroes!(offset, length, options);
      default:
        return runExchange(volume, operation, this.#view(data, length), options);
    }
  }

  /** The bytes of a run of the arena. */
  #view(data: number, length: number): Uint8Array<ArrayBuffer> {
    const unit = data / VIEW_UNIT;
    const kept = this.#views[unit];
    if (kept !== undefined && kept.length === length) return kept;
    if (data + length > this.#arena.length) throw new Error("the daemon's data is out of range");
    const view = this.#arena.subarray(data, data + length);
    if (Number.isInteger(unit)) this.#views[unit] = view;
    return view;
  }

  #resolved(index: number): void {
    this.#open--;
    this.#complete(index, RESULT_OK, 0);
    if (this.#asleep) this.#publish();
  }

  #rejected(index: number, reason: unknown): void {
    this.#open--;
    this.#fail(index, reason);
    if (this.#asleep) this.#publish();
  }

  /** Completes a request whose handler has thrown. */
  #fail(index: number, reason: unknown): void {
    const result = this.#resultOf(reason);
    const at = completionWord(this.#complete_tail);
    this.#channel.doubles[at / 2 + COMPLETION_WORD.FAILED_DOUBLE] = failedOffset(reason);
    this.#complete(index, result, 0);
  }

  #complete(index: number, result: number, bytes: number): void {
    const words = this.#channel.words;
    const at = completionWord(this.#complete_tail);
    words[at + COMPLETION_WORD.REQUEST] = index;
    words[at + COMPLETION_WORD.SEQUENCE] = this.#requests[index].sequence;
    words[at + COMPLETION_WORD.EPOCH] = this.#epoch;
    words[at + COMPLETION_WORD.RESULT] = result;
    this.#complete_tail = (this.#complete_tail + 1) | 0;
    this.#batch_bytes += bytes;
    const batch = occupancy(this.#published_tail, this.#complete_tail);
    if (batch >= BATCH_COMPLETIONS || this.#batch_bytes >= BATCH_BYTES) this.#publish();
  }

  /** Makes completions visible, and wakes the daemon if it sleeps. */
  #publish(): void {
    if (this.#published_tail === this.#complete_tail) return;
    this.#published_tail = this.#complete_tail;
    this.#batch_bytes = 0;
    const words = this.#channel.words;
    Atomics.store(words, WORD_COMPLETE_TAIL, this.#complete_tail);
    if (Atomics.load(words, WORD_DAEMON_WAITING) === 0) return;
    if (Atomics.exchange(words, WORD_DAEMON_WAITING, 0) !== 0) this.#signal();
  }

  /** The result for what a handler threw. Whatever has no code of a HandlerError is logged. */
  #resultOf(reason: unknown): number {
    // A bundled handler carries a HandlerError class of its own: its name and code tell.
    const error = reason as { name?: unknown; code?: unknown; message?: unknown } | null;
    const known = error?.name === "HandlerError" ? RESULTS.get(error.code) : undefined;
    if (known !== undefined) return known;
    this.#log.error(reason instanceof Error ? reason.stack ?? reason.message : String(reason));
    return RESULT_INTERNAL;
  }
}
