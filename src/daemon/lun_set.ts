/** The LUNs of a daemon by name, who is at which of them, and their numbers on the embedded target. */
import { OperatorError } from "./error.ts";
import type { Lun } from "./lun.ts";

/** How long an operation that was interrupted may take to end: what a handler's process may at its end. */
const INTERRUPTED_MS = 15_000;
/** How often one is interrupted: a process may just not have been there yet. */
const INTERRUPT_GAP_MS = 50;
/** What is under way gets so long before an operator's other wish for the same LUN interrupts it. */
export const PATIENCE_MS = 2_000;

export class LunSet {
  readonly #luns = new Map<string, Lun>();
  /** LUNs of the embedded target, by name. */
  readonly #numbers = new Map<string, number>();
  /** Names that an operation is under way for, and when that is over. */
  readonly #busy = new Map<string, Promise<void>>();

  get all(): Lun[] {
    return [...this.#luns.values()];
  }

  get(name: string): Lun | undefined {
    return this.#luns.get(name);
  }

  /** Throws an {@linkcode OperatorError} where there is none of that name. */
  find(name: string): Lun {
    const lun = this.#luns.get(name);
    if (lun !== undefined) return lun;
    throw new OperatorError("not-found", `There is no LUN "${name}"`, 'See "lunette ls".');
  }

  /** Whether there is one of that name, or one is being made or removed. */
  isKnown(name: string): boolean {
    return this.#luns.has(name) || this.#busy.has(name);
  }

  isBusy(name: string): boolean {
    return this.#busy.has(name);
  }

  set(name: string, lun: Lun): void {
    this.#luns.set(name, lun);
  }

  /** Forgets a LUN; its number stays until {@linkcode giveNumber}. */
  delete(name: string): void {
    this.#luns.delete(name);
  }

  clear(): void {
    this.#luns.clear();
  }

  /** Keeps two operations on one name apart. */
  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(name)) {
      throw new OperatorError("busy", `LUN "${name}" is being changed`, "Try again in a moment.");
    }
    const over = Promise.withResolvers<void>();
    this.#busy.set(name, over.promise);
    try {
      return await work();
    } finally {
      this.#busy.delete(name);
      over.resolve();
    }
  }

  /**
   * The same for what must not wait for a handler's process that never opens: what is under way gets
   * `patience_ms` to end, then it is interrupted.
   */
  async takingOver<T>(name: string, patience_ms: number, work: () => Promise<T>): Promise<T> {
    const began_ms = performance.now();
    for (let gap_ms = patience_ms;; gap_ms = INTERRUPT_GAP_MS) {
      const over = this.#busy.get(name);
      const waited_ms = performance.now() - began_ms;
      if (over === undefined || waited_ms > patience_ms + INTERRUPTED_MS) break;
      if (waited_ms >= patience_ms) this.#luns.get(name)?.interrupt();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, gap_ms));
      await Promise.race([over, late]);
      clearTimeout(timer);
    }
    return await this.exclusively(name, work);
  }

  /** Keeps the number that a record names. */
  reserveNumber(name: string, lun: number): void {
    this.#numbers.set(name, lun);
  }

  /** Takes the lowest LUN of the embedded target that nobody has, also not one being made. */
  takeNumber(name: string): number {
    const taken = new Set(this.#numbers.values());
    let lun = 0;
    while (taken.has(lun)) lun++;
    this.#numbers.set(name, lun);
    return lun;
  }

  giveNumber(name: string): void {
    this.#numbers.delete(name);
  }
}
