/** An operator who has asked for a new process, and waits for it; several wait for the same one. */
import { GuestError } from "./guest_error.ts";

/** See the module. */
export class AskedRestart {
  #served: PromiseWithResolvers<void> | undefined;

  /** What is waited for; undefined where nobody waits. Another one each time. */
  get awaited(): Promise<void> | undefined {
    return this.#served?.promise;
  }

  /** Resolves when a process serves; rejects with GuestError where the next one does not. */
  ask(): Promise<void> {
    this.#served ??= Promise.withResolvers<void>();
    return this.#served.promise;
  }

  /** A process serves. */
  grant(): void {
    this.#served?.resolve();
    this.#served = undefined;
  }

  /** The process that is waited for does not serve. */
  refuse(reason: string): void {
    this.#served?.reject(new GuestError(reason));
    this.#served = undefined;
  }
}
