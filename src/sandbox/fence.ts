/** The end of a handler's process, after which nothing of it lands any more. */
import type { Instance } from "./instance.ts";

/** A process that is killed and takes longer to go than this hangs in the kernel. */
const REAP_MS = 15_000;

/** What a fence needs of the supervisor. */
export interface FenceParts {
  readonly instance: Instance;
  /** `SupervisorOptions.settle`. */
  readonly settle?: () => Promise<void>;
  /** Default: REAP_MS. */
  readonly reap_ms?: number;
  /** The end takes so long that commands cannot wait for it; it is waited for all the same. */
  readonly late: (problem: string) => void;
}

/** See the module. */
export class Fence {
  readonly #parts: FenceParts;

  constructor(parts: FenceParts) {
    this.#parts = parts;
  }

  /** Kills the process, if one runs. */
  kill(): Promise<void> {
    return this.#pass(() => this.#parts.instance.kill());
  }

  /** Ends the process in order. */
  end(): Promise<void> {
    return this.#pass(() => this.#parts.instance.end());
  }

  async #pass(end: () => Promise<unknown>): Promise<void> {
    const { instance, settle, reap_ms = REAP_MS, late } = this.#parts;
    const { pid } = instance;
    const timer = setTimeout(() => {
      late(
        pid === undefined
          ? "what was done for the handler's process has not ended"
          : `process ${pid} was killed and has not ended: it hangs in the kernel, or is frozen`,
      );
    }, reap_ms);
    try {
      await end();
      await instance.program.broker?.settle();
      await settle?.();
    } finally {
      clearTimeout(timer);
    }
  }
}
