/**
 * The daemon's main thread's side of one logical unit's channel: its memory and its eventfd, made
 * ready for each process, and the words with which a process is begun and ended. What is asked and
 * answered in between is the ring thread's.
 *
 * @module
 */
import { closeDescriptor, makeEventfd, renewEventfd } from "../sys/descriptor.ts";
import { FutexWaker } from "../sys/futex.ts";
import { clearMemfd, makeMemfd, map, unmap } from "../sys/mapping.ts";
import type { GuestConfiguration } from "./guest_configuration.ts";
import { CHANNEL_CONFINED_OFFSET, CHANNEL_SIZE, CHANNEL_SUBMIT_TAIL_OFFSET } from "./layout.ts";
import {
  ARENA_LENGTH_DEFAULT,
  ARENA_LENGTH_MAX,
  ARENA_LENGTH_MIN,
  Channel,
  readReply,
  resetChannel,
  WORD_CLOSING,
  WORD_CONFINED,
  WORD_GUEST_STATE,
} from "./protocol.ts";

/** See the module. */
export class InstanceChannel {
  /** Memory of the channel and its arena. */
  readonly fd: number;
  /** Bytes of both. */
  readonly length: number;
  /** Written by the guest. */
  readonly eventfd: number;
  readonly #arena_length: number;
  readonly #bytes: ArrayBuffer;
  readonly #channel: Channel;
  readonly #waker: FutexWaker;
  readonly #beginWaker: FutexWaker;

  /**
   * `name` is that of the logical unit, `arena_length` the bytes of the data arena, whole pages.
   * Throws RangeError for an arena of another length.
   */
  constructor(name: string, arena_length: number = ARENA_LENGTH_DEFAULT) {
    const fits = arena_length >= ARENA_LENGTH_MIN && arena_length <= ARENA_LENGTH_MAX;
    if (!fits || arena_length % 65536 !== 0) {
      throw new RangeError(`Cannot make an arena of ${arena_length} bytes`);
    }
    this.#arena_length = arena_length;
    this.length = CHANNEL_SIZE + arena_length;
    this.fd = makeMemfd(`lunette:${name}:channel`, this.length);
    this.eventfd = makeEventfd();
    this.#bytes = map(this.fd, CHANNEL_SIZE);
    this.#channel = new Channel(this.#bytes, 0);
    this.#waker = new FutexWaker(this.#bytes, CHANNEL_SUBMIT_TAIL_OFFSET);
    this.#beginWaker = new FutexWaker(this.#bytes, CHANNEL_CONFINED_OFFSET);
  }

  /**
   * Makes it ready for the process of an epoch; only while none runs. Nothing that a process has left
   * reaches the next one, which may run another version of the handler, nor anybody whose read it
   * does not fill: neither data nor traps. Throws RangeError for a configuration that is too long.
   */
  renew(epoch: number, configuration: GuestConfiguration): void {
    clearMemfd(this.fd, this.length);
    renewEventfd(this.eventfd);
    const text = new TextEncoder().encode(JSON.stringify(configuration));
    resetChannel(this.#channel, epoch, this.#arena_length, text);
  }

  /** The process may load its handler: all its limits hold. */
  letBegin(): void {
    Atomics.store(this.#channel.words, WORD_CONFINED, 1);
    this.#beginWaker.wake();
  }

  /** The state that the guest has published (STATE_). */
  get guest_state(): number {
    return Atomics.load(this.#channel.words, WORD_GUEST_STATE);
  }

  /** The text of the guest's reply, copied once; undefined where it cannot be read. */
  readReply(): string | undefined {
    return readReply(this.#channel);
  }

  /** Asks the guest to close its volume and to end; `nudge` it until it has. */
  askToClose(): void {
    Atomics.store(this.#channel.words, WORD_CLOSING, 1);
  }

  /** Wakes the guest, where it sleeps. */
  nudge(): void {
    this.#waker.wake();
  }

  /** Gives the memory back. The ring thread must have let go of it, and no process runs. */
  close(): void {
    unmap(this.#bytes);
    closeDescriptor(this.fd);
    closeDescriptor(this.eventfd);
  }
}
