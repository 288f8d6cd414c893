/**
 * Frames between a handler process and the daemon's broker. The guest asks, the daemon answers: each
 * request has exactly one answer, in any order, and nothing is sent unasked.
 *
 * The line is a pair of sockets. A guest needs read(2) and write(2) on one descriptor for it; what it
 * does to its end (flags, draining, closing) does not reach the daemon's, which never blocks.
 *
 * @module
 */
import type { CapabilityErrorCode } from "../plugin/mod.ts";
import {
  FRAME_CAPABILITY_OFFSET,
  FRAME_ID_OFFSET,
  FRAME_LENGTH_OFFSET,
  FRAME_SIZE,
  FRAME_STREAM_OFFSET,
  FRAME_WHAT_OFFSET,
  PAYLOAD_LENGTH_MAX,
  STATUS_DENIED,
  STATUS_ENDED,
  STATUS_FAILED,
  STATUS_INVALID,
  STATUS_NO_SPACE,
  STATUS_REVOKED,
  STATUS_TIMEOUT,
  STATUS_TOO_LARGE,
  STATUS_UNREACHABLE,
} from "./broker_layout.ts";

/** What a frame says besides its payload. */
export interface FrameHead {
  readonly id: number;
  /** VERB_* or STATUS_*. */
  readonly what: number;
  readonly capability: number;
  readonly stream: number;
}

/** A frame that came. */
export interface Frame extends FrameHead {
  /** A copy: nobody else has it. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The other side does not keep the protocol. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

const codes: ReadonlyMap<number, CapabilityErrorCode> = new Map<number, CapabilityErrorCode>([
  [STATUS_DENIED, "denied"],
  [STATUS_REVOKED, "revoked"],
  [STATUS_INVALID, "invalid"],
  [STATUS_TOO_LARGE, "too-large"],
  [STATUS_NO_SPACE, "no-space"],
  [STATUS_UNREACHABLE, "unreachable"],
  [STATUS_TIMEOUT, "timeout"],
  [STATUS_ENDED, "ended"],
  [STATUS_FAILED, "failed"],
]);
const statuses = new Map([...codes].map(([status, code]) => [code, status]));

/** The code of an error's status. */
export function codeOf(status: number): CapabilityErrorCode {
  return codes.get(status) ?? "failed";
}

/** The status of an error's code. */
export function statusOf(code: CapabilityErrorCode): number {
  return statuses.get(code) ?? STATUS_FAILED;
}

/** The bytes of a frame. */
export function encodeFrame(head: FrameHead, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > PAYLOAD_LENGTH_MAX) {
    throw new RangeError(`assertion: a payload of ${payload.length} bytes`);
  }
  const bytes = new Uint8Array(FRAME_SIZE + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME_LENGTH_OFFSET, payload.length, true);
  view.setUint32(FRAME_ID_OFFSET, head.id, true);
  view.setUint16(FRAME_WHAT_OFFSET, head.what, true);
  view.setUint16(FRAME_CAPABILITY_OFFSET, head.capability, true);
  view.setUint32(FRAME_STREAM_OFFSET, head.stream, true);
  bytes.set(payload, FRAME_SIZE);
  return bytes;
}

/** Cuts bytes, as they come, into frames. Holds at most one frame that is not whole. */
export class FrameReader {
  readonly #buffer = new Uint8Array(FRAME_SIZE + PAYLOAD_LENGTH_MAX);
  readonly #view = new DataView(this.#buffer.buffer);
  #filled = 0;

  /** Takes bytes and gives the frames that they complete. Throws {@linkcode FrameError}. */
  *push(bytes: Uint8Array): Generator<Frame> {
    for (let taken = 0; taken < bytes.length;) {
      const wanted = this.#wanted();
      const part = bytes.subarray(taken, taken + wanted - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled < FRAME_SIZE || this.#filled < this.#wanted()) continue;
      const frame = this.#frame();
      this.#filled = 0;
      yield frame;
    }
  }

  /** Bytes up to the end of the head, or of the frame where its head is there. */
  #wanted(): number {
    if (this.#filled < FRAME_SIZE) return FRAME_SIZE;
    const length = this.#view.getUint32(FRAME_LENGTH_OFFSET, true);
    if (length > PAYLOAD_LENGTH_MAX) throw new FrameError(`a frame of ${length} bytes`);
    return FRAME_SIZE + length;
  }

  #frame(): Frame {
    return {
      id: this.#view.getUint32(FRAME_ID_OFFSET, true),
      what: this.#view.getUint16(FRAME_WHAT_OFFSET, true),
      capability: this.#view.getUint16(FRAME_CAPABILITY_OFFSET, true),
      stream: this.#view.getUint32(FRAME_STREAM_OFFSET, true),
      payload: this.#buffer.slice(FRAME_SIZE, this.#filled),
    };
  }
}
