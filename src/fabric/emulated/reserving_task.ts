/** A command of reservations, on its way between its logical unit and the reservations. */
import type { Answer } from "../../scsi/answer.ts";
import type { EmulatedNexus } from "./nexus.ts";
import type { ReservationCommand } from "./reservations/server.ts";
import type { EmulatedTask } from "./task.ts";

/** A task as the reservations see it. */
export class ReservingTask implements ReservationCommand {
  readonly #task: EmulatedTask;
  readonly answer: (answer: Answer) => void;

  constructor(task: EmulatedTask, answer: (answer: Answer) => void) {
    this.#task = task;
    this.answer = answer;
  }

  get nexus(): EmulatedNexus {
    return this.#task.nexus;
  }

  get cdb(): Uint8Array {
    return this.#task.command.cdb;
  }

  get cancelled(): boolean {
    return this.#task.waits !== null || this.#task.abandoned;
  }

  dataOut(length: number): Uint8Array {
    return this.#task.dataOut.read(length);
  }

  isOf(task: EmulatedTask): boolean {
    return this.#task === task;
  }
}
