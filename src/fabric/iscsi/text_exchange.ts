/**
 * Text requests in full feature phase (RFC 7143 11.10, 11.11): texts that span several PDUs, and the
 * answers to them, piece by piece.
 *
 * @module
 */
import { TEXT_LENGTH_MAX } from "./limits.ts";
import { RESERVED_TAG } from "./pdu.ts";

const EMPTY = new Uint8Array(0);

/** The one exchange a connection may have under way. */
export class TextExchange {
  /** Target transfer tag that the next request has to carry; reserved: none is under way. */
  transfer_tag = RESERVED_TAG;
  #task_tag = RESERVED_TAG;
  #request: Uint8Array = EMPTY;
  #answer: Uint8Array<ArrayBuffer> = EMPTY;
  #serial = 0;

  /** Takes a request's tags. Returns whether it begins an exchange or fits the one under way. */
  accept(task_tag: number, transfer_tag: number): boolean {
    if (transfer_tag === RESERVED_TAG) {
      this.end();
      this.#task_tag = task_tag;
      return true;
    }
    return transfer_tag === this.transfer_tag && task_tag === this.#task_tag;
  }

  /** Adds text of a request. Returns false where it gets too long. */
  collect(bytes: Uint8Array): boolean {
    if (this.#request.length + bytes.length > TEXT_LENGTH_MAX) return false;
    const whole = new Uint8Array(this.#request.length + bytes.length);
    whole.set(this.#request);
    whole.set(bytes, this.#request.length);
    this.#request = whole;
    return true;
  }

  /** The text collected, which is forgotten. */
  take(): Uint8Array {
    const whole = this.#request;
    this.#request = EMPTY;
    return whole;
  }

  /** Whether an answer waits to be fetched. */
  get answering(): boolean {
    return this.#answer.length > 0;
  }

  /** Sets the answer. */
  answer(bytes: Uint8Array<ArrayBuffer>): void {
    this.#answer = bytes;
  }

  /** The next piece of the answer. */
  piece(length: number): Uint8Array<ArrayBuffer> {
    const piece = this.#answer.subarray(0, length);
    this.#answer = this.#answer.subarray(length);
    return piece;
  }

  /** Another request is to come: the tag it has to carry. */
  proceed(): number {
    this.#serial = this.#serial + 1 & 0xffff;
    this.transfer_tag = 0x5400_0000 | this.#serial;
    return this.transfer_tag;
  }

  /** Nothing is under way any more. */
  end(): void {
    this.transfer_tag = RESERVED_TAG;
    this.#request = EMPTY;
    this.#answer = EMPTY;
  }
}
