/** A rate that may be exceeded for a moment. */

/** Tokens come back at a steady rate, up to a number. */
export class TokenBucket {
  readonly #per_second: number;
  readonly #burst: number;
  readonly #now_ms: () => number;
  #tokens: number;
  #refilled_ms: number;

  constructor(per_second: number, burst: number, now_ms: () => number = () => performance.now()) {
    this.#per_second = per_second;
    this.#burst = burst;
    this.#now_ms = now_ms;
    this.#tokens = burst;
    this.#refilled_ms = now_ms();
  }

  #refill(): void {
    const now_ms = this.#now_ms();
    const gained = (now_ms - this.#refilled_ms) / 1000 * this.#per_second;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#refilled_ms = now_ms;
  }

  /** Takes a token where there is one. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /**
   * Takes a token that may only come later: returns after how many milliseconds it is there. Whoever
   * comes next waits longer.
   */
  reserve(): number {
    this.#refill();
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#per_second * 1000;
  }
}
