/** Tags of operations that belong to no slot: background work, and copies of other units. */
import { INTERNAL_TAG_COUNT, TAG_COUNT } from "./ports.ts";

/** Background procedures at once; the other tags stay for single operations. */
const BACKGROUND_COUNT_MAX = INTERNAL_TAG_COUNT / 2;

export class InternalTags {
  readonly #free: number[] = [];
  #background = 0;
  readonly #isBackground = new Set<number>();

  constructor() {
    for (let index = 1; index <= INTERNAL_TAG_COUNT; index++) this.#free.push(TAG_COUNT - index);
  }

  /** A tag for one operation; -1 where there is none. */
  take(): number {
    return this.#free.pop() ?? -1;
  }

  /** A tag for a procedure in the background; -1 where as many as there may be are under way. */
  takeForBackground(): number {
    if (this.#background >= BACKGROUND_COUNT_MAX) return -1;
    const tag = this.take();
    if (tag < 0) return tag;
    this.#background++;
    this.#isBackground.add(tag);
    return tag;
  }

  /** Gives a tag back. */
  give(tag: number): void {
    if (this.#isBackground.delete(tag)) this.#background--;
    this.#free.push(tag);
  }
}
