/** Undoing what was done before a step failed. */
import { messageOf } from "./error.ts";

interface UndoStep {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

/** A stack of undo steps. */
export class Rollback {
  readonly #steps: UndoStep[] = [];

  /** Remembers how to undo the step that has just succeeded; `what` reads like "remove X". */
  add(what: string, undo: () => Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /**
   * Undoes everything, last step first. One that fails does not keep the others from running.
   * Returns what could not be undone.
   */
  async run(): Promise<string[]> {
    const failures: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        failures.push(`cannot ${step.what}: ${messageOf(error)}`);
      }
    }
    return failures;
  }
}

/**
 * Runs several steps; when one throws, those before it are undone and the error is thrown on. What
 * could not be undone is appended to its message.
 */
export async function withRollback<T>(work: (rollback: Rollback) => Promise<T>): Promise<T> {
  const rollback = new Rollback();
  try {
    return await work(rollback);
  } catch (error) {
    const failures = await rollback.run();
    if (error instanceof Error && failures.length > 0) {
      error.message += ` (left behind: ${failures.join("; ")})`;
    }
    throw error;
  }
}
