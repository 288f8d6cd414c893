/**
 * The channel between the daemon and one guest process, as both sides see it: a memfd with a
 * header, two queues, two JSON texts and the data arena (layout.ts has the offsets).
 *
 * - Submissions: the daemon writes a REQUEST entry, then SUBMIT_TAIL. Completions: the guest writes
 *   a COMPLETION entry, then COMPLETE_TAIL. Tails count up freely, modulo 2^32; each side keeps its
 *   own head to itself. At most REQUEST_COUNT requests are in flight, fewer than QUEUE_LENGTH, so
 *   neither queue can fill.
 * - Wake-ups are Dekker's: whoever sleeps stores its WAITING word, then looks at the other's tail;
 *   whoever publishes stores its tail, then looks at WAITING. All four are `Atomics`, that is
 *   sequentially consistent, so one of the two sees the other.
 * - Neither side trusts the other. An entry is copied once and then checked.
 * - READ and WRITE have LENGTH_BYTES of data at DATA_OFFSET of the arena. So have exchanges
 *   (operations from EXTENTS on): there it is one of the structures of src/abi/media.ts, which the
 *   daemon fills in with what is asked and takes back whole where the result is OK. The guest checks
 *   what its handler returned before it writes it there; the daemon checks it again after the copy.
 *   OFFSET_BYTES of an exchange means nothing.
 * - FAILED_OFFSET_BYTES is written with results other than OK alone: the byte on the volume that a
 *   handler named as the first that failed, or -1. The daemon drops what lies outside of the request.
 * - An operation that was submitted when its process ended is submitted again to the next one;
 *   where it may not be repeated, it ends with LOST once the process is reaped, and is not.
 *
 * `Atomics.load` and `.store` are real barriers on unshared buffers too: V8 emits the same
 * instructions; stress_test.ts holds it to that between two processes.
 *
 * @module
 */
import {
  CHANNEL_ARENA_LENGTH_OFFSET,
  CHANNEL_ARENA_OFFSET_OFFSET,
  CHANNEL_CLOSING_OFFSET,
  CHANNEL_COMPLETE_TAIL_OFFSET,
  CHANNEL_COMPLETION_OFFSET,
  CHANNEL_CONFIGURATION_LENGTH_OFFSET,
  CHANNEL_CONFIGURATION_OFFSET,
  CHANNEL_CONFINED_OFFSET,
  CHANNEL_DAEMON_WAITING_OFFSET,
  CHANNEL_EPOCH_OFFSET,
  CHANNEL_GUEST_STATE_OFFSET,
  CHANNEL_GUEST_WAITING_OFFSET,
  CHANNEL_MAGIC_OFFSET,
  CHANNEL_REPLY_LENGTH_OFFSET,
  CHANNEL_REPLY_OFFSET,
  CHANNEL_SIZE,
  CHANNEL_SUBMISSION_OFFSET,
  CHANNEL_SUBMIT_TAIL_OFFSET,
  CHANNEL_VERSION_OFFSET,
  COMPLETION_EPOCH_OFFSET,
  COMPLETION_FAILED_OFFSET_BYTES_OFFSET,
  COMPLETION_REQUEST_OFFSET,
  COMPLETION_RESULT_OFFSET,
  COMPLETION_SEQUENCE_OFFSET,
  COMPLETION_SIZE,
  CONFIGURATION_LENGTH_MAX,
  MAGIC,
  PROTOCOL_VERSION,
  QUEUE_LENGTH,
  REPLY_LENGTH_MAX,
  REQUEST_DATA_OFFSET_OFFSET,
  REQUEST_FLAGS_OFFSET,
  REQUEST_LENGTH_BYTES_OFFSET,
  REQUEST_OFFSET_BYTES_OFFSET,
  REQUEST_OPERATION_OFFSET,
  REQUEST_REQUEST_OFFSET,
  REQUEST_SEQUENCE_OFFSET,
  REQUEST_SIZE,
  STATE_STARTING,
} from "./layout.ts";

/** Default length of the data arena in bytes. */
export const ARENA_LENGTH_DEFAULT = 16 * 1024 * 1024;
/** Bounds of the arena: one transfer of the greatest length, and what a u32 offset reaches. */
export const ARENA_LENGTH_MIN = 4 * 1024 * 1024;
export const ARENA_LENGTH_MAX = 1024 * 1024 * 1024;

/** Indexes of 32-bit words, from the beginning of the channel. */
export const WORD_SUBMIT_TAIL: number = CHANNEL_SUBMIT_TAIL_OFFSET / 4;
export const WORD_GUEST_WAITING: number = CHANNEL_GUEST_WAITING_OFFSET / 4;
export const WORD_COMPLETE_TAIL: number = CHANNEL_COMPLETE_TAIL_OFFSET / 4;
export const WORD_DAEMON_WAITING: number = CHANNEL_DAEMON_WAITING_OFFSET / 4;
export const WORD_GUEST_STATE: number = CHANNEL_GUEST_STATE_OFFSET / 4;
export const WORD_REPLY_LENGTH: number = CHANNEL_REPLY_LENGTH_OFFSET / 4;
export const WORD_CLOSING: number = CHANNEL_CLOSING_OFFSET / 4;
export const WORD_CONFINED: number = CHANNEL_CONFINED_OFFSET / 4;
export const WORD_EPOCH: number = CHANNEL_EPOCH_OFFSET / 4;

const QUEUE_MASK = QUEUE_LENGTH - 1;
const SUBMISSION_WORDS = CHANNEL_SUBMISSION_OFFSET / 4;
const COMPLETION_WORDS = CHANNEL_COMPLETION_OFFSET / 4;

/** Word of the submission entry number `index`, which counts freely. */
export function submissionWord(index: number): number {
  return SUBMISSION_WORDS + (index & QUEUE_MASK) * (REQUEST_SIZE / 4);
}

/** Word of the completion entry number `index`, which counts freely. */
export function completionWord(index: number): number {
  return COMPLETION_WORDS + (index & QUEUE_MASK) * (COMPLETION_SIZE / 4);
}

/** Entries between a free running head and tail. */
export function occupancy(head: number, tail: number): number {
  return (tail - head) >>> 0;
}

/** Word and double indexes inside a REQUEST entry, from its first word. */
export const REQUEST_WORD = {
  SEQUENCE: REQUEST_SEQUENCE_OFFSET / 4,
  /** request index | operation << 16 | flags << 24. */
  WHAT: REQUEST_REQUEST_OFFSET / 4,
  DATA_OFFSET: REQUEST_DATA_OFFSET_OFFSET / 4,
  /** Doubles: relative to the entry's first word / 2. */
  OFFSET_DOUBLE: REQUEST_OFFSET_BYTES_OFFSET / 8,
  LENGTH_DOUBLE: REQUEST_LENGTH_BYTES_OFFSET / 8,
} as const;

/** Word and double indexes inside a COMPLETION entry. */
export const COMPLETION_WORD = {
  REQUEST: COMPLETION_REQUEST_OFFSET / 4,
  SEQUENCE: COMPLETION_SEQUENCE_OFFSET / 4,
  EPOCH: COMPLETION_EPOCH_OFFSET / 4,
  RESULT: COMPLETION_RESULT_OFFSET / 4,
  /** Double: relative to the entry's first word / 2. */
  FAILED_DOUBLE: COMPLETION_FAILED_OFFSET_BYTES_OFFSET / 8,
} as const;

const OPERATION_SHIFT = (REQUEST_OPERATION_OFFSET - REQUEST_REQUEST_OFFSET) * 8;
const FLAGS_SHIFT = (REQUEST_FLAGS_OFFSET - REQUEST_REQUEST_OFFSET) * 8;

/** Packs the word WHAT of a request. */
export function packWhat(request: number, operation: number, flags: number): number {
  return request | (operation << OPERATION_SHIFT) | (flags << FLAGS_SHIFT);
}
/** Request index in WHAT. */
export function requestOf(what: number): number {
  return what & 0xffff;
}
/** Operation in WHAT. */
export function operationOf(what: number): number {
  return (what >>> OPERATION_SHIFT) & 0xff;
}
/** Flags in WHAT. */
export function flagsOf(what: number): number {
  return what >>> FLAGS_SHIFT;
}

/** Views over a channel that lies at `offset` of a buffer. */
export class Channel {
  readonly words: Int32Array<ArrayBuffer>;
  readonly doubles: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(buffer: ArrayBuffer, offset: number) {
    this.words = new Int32Array(buffer, offset, CHANNEL_SIZE / 4);
    this.doubles = new Float64Array(buffer, offset, CHANNEL_SIZE / 8);
    this.bytes = new Uint8Array(buffer, offset, CHANNEL_SIZE);
  }
}

/** What the header says about the channel itself. */
export interface ChannelHeader {
  readonly epoch: number;
  readonly arena_offset: number;
  readonly arena_length: number;
}

/**
 * Makes the channel ready for a new guest: empty queues, a new epoch, the configuration. Only while
 * no guest process lives and the ring thread does not use the channel.
 */
export function resetChannel(
  channel: Channel,
  epoch: number,
  arena_length: number,
  configuration: Uint8Array,
): void {
  if (configuration.length > CONFIGURATION_LENGTH_MAX) {
    throw new RangeError(
      `Cannot pass a configuration of ${configuration.length} bytes: the limit is ${CONFIGURATION_LENGTH_MAX}`,
    );
  }
  channel.bytes.fill(0, 0, CHANNEL_CONFIGURATION_OFFSET);
  const words = channel.words;
  words[CHANNEL_MAGIC_OFFSET / 4] = MAGIC;
  words[CHANNEL_VERSION_OFFSET / 4] = PROTOCOL_VERSION;
  words[CHANNEL_ARENA_OFFSET_OFFSET / 4] = CHANNEL_SIZE;
  words[CHANNEL_ARENA_LENGTH_OFFSET / 4] = arena_length;
  words[CHANNEL_CONFIGURATION_LENGTH_OFFSET / 4] = configuration.length;
  channel.bytes.set(configuration, CHANNEL_CONFIGURATION_OFFSET);
  Atomics.store(words, WORD_GUEST_STATE, STATE_STARTING);
  Atomics.store(words, WORD_EPOCH, epoch);
}

/** Guest: checks and reads the header. */
export function readHeader(channel: Channel): ChannelHeader {
  const words = channel.words;
  const magic = words[CHANNEL_MAGIC_OFFSET / 4];
  const version = words[CHANNEL_VERSION_OFFSET / 4];
  if (magic !== MAGIC || version !== PROTOCOL_VERSION) {
    throw new Error(
      `Cannot use the channel: magic ${magic}, version ${version}; expected version ${PROTOCOL_VERSION}`,
    );
  }
  return {
    epoch: Atomics.load(words, WORD_EPOCH),
    arena_offset: words[CHANNEL_ARENA_OFFSET_OFFSET / 4] >>> 0,
    arena_length: words[CHANNEL_ARENA_LENGTH_OFFSET / 4] >>> 0,
  };
}

/** Guest: the configuration's JSON text. */
export function readConfiguration(channel: Channel): string {
  const length = channel.words[CHANNEL_CONFIGURATION_LENGTH_OFFSET / 4] >>> 0;
  if (length > CONFIGURATION_LENGTH_MAX) throw new RangeError("Cannot read the configuration");
  return readText(channel, CHANNEL_CONFIGURATION_OFFSET, length);
}

/** Guest: publishes its state with a text; one longer than the reply's limit is an Error. */
export function writeReply(channel: Channel, state: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > REPLY_LENGTH_MAX) throw new RangeError("Cannot reply: the text is too long");
  channel.bytes.set(bytes, CHANNEL_REPLY_OFFSET);
  Atomics.store(channel.words, WORD_REPLY_LENGTH, bytes.length);
  Atomics.store(channel.words, WORD_GUEST_STATE, state);
}

/** Daemon: the reply's text, copied once; undefined where its length or its UTF-8 is wrong. */
export function readReply(channel: Channel): string | undefined {
  const length = Atomics.load(channel.words, WORD_REPLY_LENGTH) >>> 0;
  if (length > REPLY_LENGTH_MAX) return undefined;
  try {
    return readText(channel, CHANNEL_REPLY_OFFSET, length);
  } catch {
    return undefined;
  }
}

function readText(channel: Channel, offset: number, length: number): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(
    channel.bytes.slice(offset, offset + length),
  );
}
