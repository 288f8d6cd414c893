/**
 * What the kernel's side has put into the ring and not yet seen completed, kept apart from the ring:
 * user space can write there, and a length read back from it could send the kernel's walk astray.
 */

/** FIFO of the first words (length and operation) of ring entries. */
export class EntryQueue {
  readonly #words: Uint32Array;
  readonly #mask: number;
  #first = 0;
  #count = 0;

  /** @param capacity Entries that fit the ring at most. */
  constructor(capacity: number) {
    const length = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#words = new Uint32Array(length);
    this.#mask = length - 1;
  }

  get count(): number {
    return this.#count;
  }

  push(word: number): void {
    this.#words[(this.#first + this.#count) & this.#mask] = word;
    this.#count++;
  }

  shift(): number {
    const word = this.#words[this.#first];
    this.#first = (this.#first + 1) & this.#mask;
    this.#count--;
    return word;
  }

  clear(): void {
    this.#first = 0;
    this.#count = 0;
  }

  /** Whether `target` is where one of the entries ends, when the first one begins at `position`. */
  reaches(position: number, target: number, ring_size: number): boolean {
    for (let index = 0; index < this.#count; index++) {
      if (position === target) return true;
      position += this.#words[(this.#first + index) & this.#mask] & ~7;
      if (position === ring_size) position = 0;
    }
    return position === target;
  }
}
