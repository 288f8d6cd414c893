/** The LUNs of a daemon by name, who is at which of them, and their numbers on the embedded target. */
import { OperatorError } from "./error.ts";
import type { Lun } from "./lun.ts";

export class LunSet {
  readonly #luns = new Map<string, Lun>();
  /** LUNs of the embedded target, by name. */
  readonly #numbers = new Map<string, number>();
  /** Names that an operation is under way for. */
  readonly #busy = new Set<string>();

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
    this.#busy.add(name);
    try {
      return await work();
    } finally {
      this.#busy.delete(name);
    }
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
