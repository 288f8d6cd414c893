/**
 * Where the time of a family goes.
 *
 * @module
 */

/** Sums of milliseconds by what they were spent on. */
export class Times {
  readonly #sums_ms = new Map<string, number>();

  /** Does it, and counts how long it took. */
  async of<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    const began_ms = performance.now();
    try {
      return await work();
    } finally {
      const before_ms = this.#sums_ms.get(what) ?? 0;
      this.#sums_ms.set(what, before_ms + performance.now() - began_ms);
    }
  }

  /** Whole milliseconds by name. */
  get sums_ms(): Record<string, number> {
    return Object.fromEntries([...this.#sums_ms].map(([what, ms]) => [what, Math.round(ms)]));
  }
}
