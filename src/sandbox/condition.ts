/** Whether a handler serves, and why not: as its supervisor knows it, and as it is shown. */
import type { Backoff } from "./backoff.ts";
import type { ServiceRecord } from "./ring_side.ts";

/** `failed`: commands end with errors. Processes are started again all the same. */
export type SupervisorState = "serving" | "restarting" | "failed" | "stopped";

/** See the module. A process that runs does not count as serving while it is to answer first. */
export class Condition {
  readonly #backoff: Backoff;
  #phase: SupervisorState = "serving";
  #problem: string | undefined;
  /** Why the last process ended that had commands and answered none, until one is answered. */
  #unproven: string | undefined;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** What is going on, whether or not the process that runs has answered anything. */
  get phase(): SupervisorState {
    return this.#phase;
  }

  /** Whether the process that runs, or the next one, is to answer before it counts as serving. */
  get isUnproven(): boolean {
    return this.#unproven !== undefined;
  }

  /** `Supervisor.state`. */
  get state(): SupervisorState {
    if (this.#phase !== "serving" || this.#unproven === undefined) return this.#phase;
    return this.#backoff.state === "closed" ? "restarting" : "failed";
  }

  /** `Supervisor.problem`. */
  get problem(): string | undefined {
    if (this.#phase !== "serving" || this.#unproven === undefined) return this.#problem;
    return `${this.#unproven}; the process that was started since has answered no command yet`;
  }

  /** Commands wait for the next process. */
  restarting(reason: string): void {
    this.#phase = "restarting";
    this.#problem = reason;
  }

  /** What stands in the way now. */
  hindered(problem: string): void {
    this.#problem = problem;
  }

  /** Commands end with errors. */
  failed(): void {
    this.#phase = "failed";
  }

  /** Commands reach a process. */
  serving(): void {
    this.#phase = "serving";
    this.#problem = undefined;
  }

  /** Nothing is started any more. */
  stopped(): void {
    this.#phase = "stopped";
  }

  /** The process has answered. */
  answered(): void {
    this.#unproven = undefined;
  }

  /** What the process has done that is about to go tells how soon there is another. */
  judge({ completed, unanswered }: ServiceRecord, reason: string): void {
    if (completed > 0) {
      this.#unproven = undefined;
      this.#backoff.progressed();
    } else if (unanswered > 0) this.#unproven = reason;
  }
}
