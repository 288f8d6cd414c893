/** Numbers and bytes that are the same for the same seed. */

/** xorshift32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Seeds that are near each other must not begin alike.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return this.#state = state >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** Bytes of which no two blocks are the same; their number is a multiple of 4. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(length / 4);
    for (let index = 0; index < words.length; index++) words[index] = this.#next();
    return new Uint8Array(words.buffer);
  }
}
