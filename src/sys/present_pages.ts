/**
 * Which pages of a shared memory hold data. To read a hole through a mapping fills it with a page
 * of zeros: a reader of a sparse memory would use up the machine's, and what was given back would
 * count as storage again. Whoever maps a memory asks here first, and leaves holes alone.
 *
 * @module
 */

/** Smallest unit that is kept account of. */
const PAGE_LENGTH = 4096;
/** Units at most: a bit for each. Of a greater memory a unit is several pages. */
const UNITS_MAX = 1 << 25;

/** A part of the memory and whether it holds data. */
interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly mapped: boolean;
}

/** One account for all that read and write the memory through this process's mappings. */
export class PresentPages {
  readonly #unit: number;
  readonly #bits: Uint8Array;

  /** For a memory of `size` bytes of which `extents` (lseek(2), SEEK_DATA) hold data now. */
  constructor(size: number, extents: readonly Extent[]) {
    let unit = PAGE_LENGTH;
    while (size / unit > UNITS_MAX) unit *= 2;
    this.#unit = unit;
    this.#bits = new Uint8Array(Math.ceil(size / unit / 8) + 1);
    for (const { offset, length, mapped } of extents) if (mapped) this.add(offset, length);
  }

  #has(unit: number): boolean {
    return (this.#bits[unit >>> 3] & (1 << (unit & 7))) !== 0;
  }

  /** Whether all of the range may be read through a mapping. */
  has(offset: number, length: number): boolean {
    const end = (offset + length - 1) / this.#unit;
    for (let unit = Math.floor(offset / this.#unit); unit <= end; unit++) {
      if (!this.#has(unit)) return false;
    }
    return true;
  }

  /** The range is about to be written. */
  add(offset: number, length: number): void {
    const end = (offset + length - 1) / this.#unit;
    for (let unit = Math.floor(offset / this.#unit); unit <= end; unit++) {
      this.#bits[unit >>> 3] |= 1 << (unit & 7);
    }
  }

  /** The range was given back: whole units of it are holes from now on. */
  remove(offset: number, length: number): void {
    const end = Math.floor((offset + length) / this.#unit);
    for (let unit = Math.ceil(offset / this.#unit); unit < end; unit++) {
      this.#bits[unit >>> 3] &= ~(1 << (unit & 7));
    }
  }

  /** Bytes from `offset` on, up to `length`, that are of one kind: data, or a hole. */
  run(offset: number, length: number): { readonly length: number; readonly present: boolean } {
    let unit = Math.floor(offset / this.#unit);
    const present = this.#has(unit);
    const end = offset + length;
    while ((unit + 1) * this.#unit < end && this.#has(unit + 1) === present) unit++;
    return { length: Math.min(end, (unit + 1) * this.#unit) - offset, present };
  }
}
