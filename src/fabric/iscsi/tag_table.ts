/**
 * From initiator task tags to the index of a command: open addressing in two fixed arrays, so that a
 * command costs no allocation.
 */
export class TagTable {
  readonly #mask: number;
  readonly #tags: Int32Array;
  /** Index + 1; 0 where the slot is free. */
  readonly #values: Int32Array;
  size = 0;

  /** `capacity`: a power of two, at least twice the entries ever held at a time. */
  constructor(capacity: number) {
    this.#mask = capacity - 1;
    this.#tags = new Int32Array(capacity);
    this.#values = new Int32Array(capacity);
  }

  #home(tag: number): number {
    return Math.imul(tag, 0x9e37_79b1) >>> 16 & this.#mask;
  }

  /** The index stored for a tag, or -1. */
  find(tag: number): number {
    for (let at = this.#home(tag);; at = at + 1 & this.#mask) {
      const value = this.#values[at];
      if (value === 0) return -1;
      if (this.#tags[at] === (tag | 0)) return value - 1;
    }
  }

  /** Stores a tag that is not there. */
  add(tag: number, index: number): void {
    if (this.size * 2 > this.#mask) throw new Error("assertion: tag table is too full");
    let at = this.#home(tag);
    while (this.#values[at] !== 0) at = at + 1 & this.#mask;
    this.#tags[at] = tag;
    this.#values[at] = index + 1;
    this.size++;
  }

  /** Removes a tag, if it is there. */
  remove(tag: number): void {
    let at = this.#home(tag);
    for (;; at = at + 1 & this.#mask) {
      if (this.#values[at] === 0) return;
      if (this.#tags[at] === (tag | 0)) break;
    }
    this.size--;
    // Close the gap: move up every later entry whose home is not behind the gap.
    for (let next = at + 1 & this.#mask; this.#values[next] !== 0; next = next + 1 & this.#mask) {
      const distance = next - this.#home(this.#tags[next]) & this.#mask;
      if (distance < (next - at & this.#mask)) continue;
      this.#tags[at] = this.#tags[next];
      this.#values[at] = this.#values[next];
      at = next;
    }
    this.#values[at] = 0;
  }
}
