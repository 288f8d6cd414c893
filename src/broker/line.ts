/**
 * The daemon's end of the line to one guest: bytes to frames and back. The guest decides neither how
 * long the daemon works for it at once nor how much it keeps: only so many frames are taken in a
 * turn and in a second, and no call blocks.
 *
 * @module
 */
import { type Frame, FrameError, FrameReader } from "../sandbox/broker_frame.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { EPOLLIN, EPOLLOUT } from "../sys/epoll.ts";
import type { Reactor } from "../sys/reactor.ts";
import { makeSocketPair, receiveAvailable, sendAvailable } from "../sys/socket_pair.ts";
import { TokenBucket } from "./token_bucket.ts";

const READ_LENGTH = 131072;
/** Bytes taken before others get a turn. */
const TURN_LENGTH = 524288;
const FRAMES_PER_SECOND = 4000;
/** How long a guest that asks too often is not listened to. */
const PAUSE_MS = 20;

/** What a line reports. */
export interface LineEvents {
  /** Throws {@linkcode FrameError} where the guest breaks the protocol. */
  readonly frame: (frame: Frame) => void;
  /** The line has ended, once: `violation` says what the guest did, undefined where it only went. */
  readonly end: (violation: string | undefined) => void;
}

/** Bytes on their way to the guest. */
interface Outgoing {
  readonly bytes: Uint8Array<ArrayBuffer>;
  sent: number;
  readonly done: () => void;
}

/** See the module. */
export class Line {
  readonly #reactor: Reactor;
  readonly #fd: number;
  readonly #events: LineEvents;
  readonly #reader = new FrameReader();
  readonly #into = new Uint8Array(READ_LENGTH);
  readonly #bucket = new TokenBucket(FRAMES_PER_SECOND, FRAMES_PER_SECOND);
  readonly #outgoing: Outgoing[] = [];
  #watched = 0;
  #paused: ReturnType<typeof setTimeout> | undefined;
  #open = true;
  /** The guest's end, which is the caller's to close. */
  readonly guest_fd: number;

  constructor(reactor: Reactor, events: LineEvents) {
    this.#reactor = reactor;
    this.#events = events;
    [this.#fd, this.guest_fd] = makeSocketPair();
    this.#watch();
  }

  /** Watches for what is wanted now; a descriptor that hung up would be reported for ever. */
  #watch(): void {
    const wanted = !this.#open ? 0 : (this.#paused === undefined ? EPOLLIN : 0) |
      (this.#outgoing.length > 0 ? EPOLLOUT : 0);
    if (wanted === this.#watched) return;
    if (this.#watched === 0) this.#reactor.add(this.#fd, wanted, (ready) => this.#ready(ready));
    else if (wanted === 0) this.#reactor.remove(this.#fd);
    else this.#reactor.modify(this.#fd, wanted);
    this.#watched = wanted;
  }

  #ready(ready: number): void {
    if (!this.#open) return;
    try {
      this.#flush();
      if (this.#open && (ready & ~EPOLLOUT) !== 0 && this.#paused === undefined) this.#receive();
      this.#watch();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#end(error.message);
    }
  }

  #receive(): void {
    for (let taken = 0; taken < TURN_LENGTH;) {
      const count = receiveAvailable(this.#fd, this.#into);
      if (count < 0) return;
      if (count === 0) return this.#end(undefined);
      taken += count;
      let tired = false;
      for (const frame of this.#reader.push(this.#into.subarray(0, count))) {
        if (!this.#bucket.tryTake()) tired = true;
        this.#events.frame(frame);
        if (!this.#open) return;
      }
      if (tired) return this.#pause();
    }
  }

  #pause(): void {
    this.#paused = setTimeout(() => {
      this.#paused = undefined;
      this.#watch();
    }, PAUSE_MS);
  }

  /** Sends a frame; `done` is called when all of it is the guest's, and never where the line ends. */
  send(bytes: Uint8Array<ArrayBuffer>, done: () => void): void {
    if (!this.#open) return;
    this.#outgoing.push({ bytes, sent: 0, done });
    this.#flush();
    this.#watch();
  }

  #flush(): void {
    for (let next = this.#outgoing[0]; next !== undefined; next = this.#outgoing[0]) {
      const count = sendAvailable(this.#fd, next.bytes.subarray(next.sent));
      if (count < 0) return;
      if (count === 0) return this.#end(undefined);
      next.sent += count;
      if (next.sent < next.bytes.length) continue;
      this.#outgoing.shift();
      next.done();
    }
  }

  #end(violation: string | undefined): void {
    if (!this.#open) return;
    this.close();
    this.#events.end(violation);
  }

  /** Ends the line without a report. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#paused);
    this.#outgoing.length = 0;
    this.#watch();
    closeDescriptor(this.#fd);
  }
}
