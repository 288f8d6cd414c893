/** A set of small integers with "lowest free" and "lowest free run", as the kernel's bitmaps have. */

const FULL = -1;

/** Number of zero bits below the lowest one; 32 where there is none. */
function trailingZeros(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word);
}

/** Integers 0 to length - 1, each free or used. */
export class Bitmap {
  readonly length: number;
  readonly #words: Int32Array;
  /** Every word below this one is full. */
  #hint = 0;
  #used = 0;

  constructor(length: number) {
    this.length = length;
    this.#words = new Int32Array(Math.ceil(length / 32));
    // What lies behind the end is used for ever.
    if (length % 32 !== 0) this.#words[this.#words.length - 1] = FULL << (length % 32);
  }

  get used(): number {
    return this.#used;
  }

  get free(): number {
    return this.length - this.#used;
  }

  has(index: number): boolean {
    return (this.#words[index >>> 5] & (1 << (index & 31))) !== 0;
  }

  /** Takes the lowest free integer; -1 where there is none. */
  takeLowest(): number {
    const words = this.#words;
    let word = this.#hint;
    while (word < words.length && words[word] === FULL) word++;
    this.#hint = word;
    if (word === words.length) return -1;
    const bit = trailingZeros(~words[word]);
    words[word] |= 1 << bit;
    this.#used++;
    return word * 32 + bit;
  }

  /** Start of the lowest free run of at least `count` integers; -1 where there is none. */
  findRun(count: number): number {
    const words = this.#words;
    let start = 0;
    let run = 0;
    for (let index = this.#hint; index < words.length; index++) {
      const word = words[index];
      if (word === FULL) {
        run = 0;
        continue;
      }
      for (let bit = 0; bit < 32;) {
        const rest = word >>> bit;
        const free = Math.min(trailingZeros(rest), 32 - bit);
        if (free > 0) {
          if (run === 0) start = index * 32 + bit;
          run += free;
          if (run >= count) return start;
          bit += free;
          if (bit === 32) break;
        }
        run = 0;
        bit += trailingZeros(~(word >>> bit));
      }
    }
    return -1;
  }

  /** Lowest free integer from `from` on; -1 where there is none. */
  nextFree(from: number): number {
    for (let index = Math.max(from, this.#hint * 32); index < this.length; index++) {
      if (!this.has(index)) return index;
    }
    return -1;
  }

  /** Length of the free run that begins at `start`, at most `limit`. */
  runAt(start: number, limit: number): number {
    const end = Math.min(this.length, start + limit);
    let index = start;
    while (index < end && !this.has(index)) index++;
    return index - start;
  }

  /** Marks a run, which is free, as used. */
  take(start: number, count: number): void {
    this.#used += count;
    for (let index = start, end = start + count; index < end;) {
      const bits = Math.min(32 - (index & 31), end - index);
      this.#words[index >>> 5] |= mask(bits) << (index & 31);
      index += bits;
    }
  }

  /** Marks a run, which is used, as free. */
  give(start: number, count: number): void {
    this.#used -= count;
    for (let index = start, end = start + count; index < end;) {
      const bits = Math.min(32 - (index & 31), end - index);
      this.#words[index >>> 5] &= ~(mask(bits) << (index & 31));
      index += bits;
    }
    if (start >>> 5 < this.#hint) this.#hint = start >>> 5;
  }

  /** One above the highest used integer; 0 where all are free. */
  get end(): number {
    for (let index = this.length - 1; index >= 0; index--) {
      if (this.has(index)) return index + 1;
    }
    return 0;
  }
}

function mask(bits: number): number {
  return bits === 32 ? FULL : (1 << bits) - 1;
}
