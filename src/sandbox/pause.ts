/** Waiting that others can see, and cut short. */
export class Pause {
  #hurry: (() => void) | undefined;
  #until: Date | undefined;

  /** When it ends by itself; undefined while nobody waits. */
  get until(): Date | undefined {
    return this.#until;
  }

  /** Waits for so long, until {@linkcode hurry}, or until an abort. */
  async wait(delay_ms: number, signal: AbortSignal): Promise<void> {
    if (delay_ms === 0 || signal.aborted) return;
    this.#until = new Date(Date.now() + delay_ms);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay_ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.#hurry, { once: true });
    });
    if (this.#hurry !== undefined) signal.removeEventListener("abort", this.#hurry);
    this.#hurry = undefined;
    this.#until = undefined;
  }

  /** Ends the waiting, if somebody waits. */
  hurry(): void {
    this.#hurry?.();
  }
}
