/**
 * Reads the binary format of WASM from front to back.
 *
 * @module
 */

/** A position in some bytes; reading past their end throws. */
export class ByteReader {
  #bytes: Uint8Array;
  #offset = 0;

  /** Reads from the first byte on. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all has been read. */
  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** Number of bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next byte. */
  byte(): number {
    if (this.atEnd) throw new Error("The WASM module ends too early.");
    return this.#bytes[this.#offset++];
  }

  /** Four bytes, the lowest first. */
  uint32(): number {
    return (this.byte() | this.byte() << 8 | this.byte() << 16 | this.byte() << 24) >>> 0;
  }

  /** An unsigned number in LEB128; of one too long for a number only the length is right. */
  leb(): number {
    let value = 0;
    let factor = 1;
    for (let byte = 0x80; byte >= 0x80; factor *= 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * factor;
    }
    return value;
  }

  /** The next bytes, to be read apart. */
  take(length: number): ByteReader {
    if (this.#offset + length > this.#bytes.length) {
      throw new Error("The WASM module ends too early.");
    }
    this.#offset += length;
    return new ByteReader(this.#bytes.subarray(this.#offset - length, this.#offset));
  }

  /** A count, and as many items. */
  list<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.leb(); left > 0; left--) items.push(item());
    return items;
  }

  /** A name. */
  name(): string {
    const length = this.leb();
    const start = this.#offset;
    this.take(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }
}
