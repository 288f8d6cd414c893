/** A task of the emulated target core, and what waits for its end. */
import { type Answer, Status } from "../../scsi/answer.ts";
import { dataInLengthMax, requestedLength } from "../../scsi/transfer_length.ts";
import { type Task, TaskAttribute, type TaskRequest } from "../target_port.ts";
import type { DataBuffer } from "./data_area.ts";
import type { EmulatedNexus } from "./nexus.ts";
import type { RingCommand } from "./ring_command.ts";

const NO_SENSE = new Uint8Array(0);

/** Where a task is. */
export const TaskState = {
  /** In the pool. */
  FREE: 0,
  /** The fabric fills its data-out buffer. */
  PREPARED: 1,
  /** Executed, and waits for older tasks (SAM-6 8.8.2, dormant). */
  DORMANT: 2,
  /** The logical unit has it. */
  ACTIVE: 3,
  /** Ended; the fabric sends the response. */
  ENDED: 4,
  /** Its nexus is lost: nobody shall touch it again. */
  CLOSED: 5,
} as const;

/** Where tasks go back to: the logical unit they belong to. */
export interface TaskKeeper {
  /** Bytes in a logical block, for residuals. */
  readonly block_length: number;
  /** Whether a handler has claimed a command: nobody else knows how much data it is about. */
  isClaimed(cdb: Uint8Array): boolean;
  execute(task: EmulatedTask): void;
  release(task: EmulatedTask): void;
}

/** A task management function that waits for tasks to end. */
export class AbortWait {
  #remaining = 1;
  readonly #finished: () => void;

  /** Begins with one reason to wait; `ended` takes it away. */
  constructor(finished: () => void) {
    this.#finished = finished;
  }

  add(): void {
    this.#remaining++;
  }

  ended(): void {
    if (--this.#remaining === 0) this.#finished();
  }
}

export class EmulatedTask implements Task {
  readonly #keeper: TaskKeeper;
  tag = 0;
  dataOut: DataBuffer;
  dataIn: DataBuffer;
  status = 0;
  sense: Uint8Array = NO_SENSE;
  data_in_valid = 0;
  residual_length: number | undefined = undefined;
  aborted = false;
  fabric: unknown = undefined;

  /** The core's own; fabrics leave alone what follows. */
  nexus: EmulatedNexus;
  command: RingCommand;
  state: number = TaskState.PREPARED;
  attribute: number = TaskAttribute.SIMPLE;
  /** Nobody waits for `done`: the nexus is lost. */
  abandoned = false;
  /** Task management functions that wait for the end. */
  waits: AbortWait[] | null = null;
  /** Neighbours in the task set. */
  previous: EmulatedTask | null = null;
  next: EmulatedTask | null = null;

  constructor(keeper: TaskKeeper, nexus: EmulatedNexus, command: RingCommand) {
    this.#keeper = keeper;
    this.nexus = nexus;
    this.command = command;
    this.dataOut = command.dataOut;
    this.dataIn = command.dataIn;
  }

  /** Begins a new life with a prepared command. */
  begin(nexus: EmulatedNexus, request: TaskRequest, command: RingCommand): void {
    this.nexus = nexus;
    this.command = command;
    command.owner = this;
    this.dataOut = command.dataOut;
    this.dataIn = command.dataIn;
    this.tag = request.tag;
    const { attribute } = request;
    this.attribute = attribute >= 0 && attribute <= TaskAttribute.ACA
      ? attribute
      : TaskAttribute.SIMPLE;
    this.status = 0;
    this.sense = NO_SENSE;
    this.data_in_valid = 0;
    this.residual_length = undefined;
    this.aborted = false;
    this.abandoned = false;
    this.fabric = undefined;
    this.state = TaskState.PREPARED;
  }

  /** Whether it counts for the order of the task set. */
  get open(): boolean {
    return !this.aborted && this.state !== TaskState.ENDED;
  }

  /** Takes over how the ring ended the command. */
  takeEnd(): void {
    const { command } = this;
    this.status = command.status;
    this.data_in_valid = command.data_in_valid;
    if (command.sense_length > 0) this.sense = command.senseBytes.slice(0, command.sense_length);
    // A read that failed sent nothing, whatever its CDB asks for; a write has sent its buffer.
    if (command.status !== Status.GOOD && this.dataIn.length > 0) return;
    // A bidirectional command has two residuals; this would be that of the wrong direction.
    if (this.dataIn.length > 0 && this.dataOut.length > 0) return;
    if (this.#keeper.isClaimed(command.cdb)) return;
    const { block_length } = this.#keeper;
    const requested = requestedLength(command.cdb, block_length);
    if (requested >= 0) {
      this.residual_length = requested - (this.dataIn.length || this.dataOut.length);
    }
    // A ring has a word for every length but "no data-in at all": a read_len of 0 says nothing, and
    // the buffer is full of zeros. The CDB tells.
    const full = this.data_in_valid > 0 && this.data_in_valid === this.dataIn.length;
    if (full && dataInLengthMax(command.cdb, block_length) === 0) this.data_in_valid = 0;
  }

  /** Takes over an answer of the core. */
  takeAnswer(answer: Answer): void {
    this.status = answer.status;
    if (answer.sense !== undefined) this.sense = answer.sense;
    this.data_in_valid = answer.dataIn === undefined ? 0 : this.dataIn.write(answer.dataIn);
  }

  execute(): void {
    this.#keeper.execute(this);
  }

  release(): void {
    this.#keeper.release(this);
  }
}
