/** A short wait by looking, before a long one by sleeping. */

/** Longest wait in microseconds: about what waking a halted processor costs. */
const SPIN_MAX_US = 20;
/** Budgets under this are not worth the try. */
const SPIN_MIN_US = 1;
/** With a budget of nothing, one sleep in so many is preceded by a try. */
const PROBE_EVERY = 64;

declare global {
  interface Atomics {
    /** ES2026: a hint to the processor that this is a loop that looks. */
    pause(): void;
  }
}

/**
 * Waits for a word to change. The budget doubles when it was worth it and halves when it was not,
 * so an idle or single processor pays next to nothing.
 */
export class AdaptiveSpin {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #turns_max: number;
  readonly #turns_min: number;
  #turns = 0;
  #calls = 0;

  constructor(words: Int32Array, index: number) {
    this.#words = words;
    this.#index = index;
    // On one processor whoever is waited for cannot run meanwhile.
    const single = navigator.hardwareConcurrency < 2;
    const perMicrosecond = single ? 0 : this.#calibrate();
    this.#turns_max = Math.round(perMicrosecond * SPIN_MAX_US);
    this.#turns_min = Math.round(perMicrosecond * SPIN_MIN_US);
    this.#turns = this.#turns_max;
  }

  /** Turns of the loop in a microsecond. */
  #calibrate(): number {
    const TURNS = 2000;
    const begin = performance.now();
    this.#look(Atomics.load(this.#words, this.#index), TURNS);
    return TURNS / Math.max((performance.now() - begin) * 1000, 1);
  }

  #look(known: number, turns: number): boolean {
    const words = this.#words;
    const index = this.#index;
    for (let turn = 0; turn < turns; turn++) {
      if (Atomics.load(words, index) !== known) return true;
      Atomics.pause();
    }
    return false;
  }

  /** Returns true where the word is no longer `known`. */
  wait(known: number): boolean {
    const probe = ++this.#calls % PROBE_EVERY === 0;
    const turns = probe && this.#turns < this.#turns_min ? this.#turns_max : this.#turns;
    if (turns === 0) return false;
    if (this.#look(known, turns)) {
      this.#turns = Math.min(Math.max(turns, this.#turns_min) * 2, this.#turns_max);
      return true;
    }
    this.#turns = turns >> 1;
    if (this.#turns < this.#turns_min) this.#turns = 0;
    return false;
  }
}
