/**
 * Tasks that no logical unit gets: their LUN is incorrect, or their data would never fit the ring.
 * Their buffers lie in a small memory of the core's own.
 */
import { type Answer, Status } from "../../scsi/answer.ts";
import type { TaskRequest } from "../target_port.ts";
import { BLOCK_LENGTH, DataArea, type DataBuffer } from "./data_area.ts";
import { answerIncorrectLun } from "./incorrect_lun.ts";
import { LUN_COUNT } from "./lun.ts";
import type { EmulatedNexus } from "./nexus.ts";
import { RingCommand } from "./ring_command.ts";
import { fixedSense, Sense } from "./sense.ts";
import { EmulatedTask, type TaskKeeper, TaskState } from "./task.ts";

/** Longest answer: REPORT LUNS with all logical units. */
const ANSWER_LENGTH_MAX = 8 * (LUN_COUNT + 1);
/** Where data-out goes that nobody wants; used over and over. */
const DISCARD_LENGTH = 16 * BLOCK_LENGTH;
const ANSWERS_LENGTH = 128 * BLOCK_LENGTH;

export class TaskRouter implements TaskKeeper {
  /** What the core answers by itself has no blocks. */
  readonly block_length = 512;
  readonly isClaimed = (): boolean => false;
  readonly #memory = new ArrayBuffer(DISCARD_LENGTH + ANSWERS_LENGTH);
  readonly #address: bigint;
  readonly #answers = new DataArea(DISCARD_LENGTH, ANSWERS_LENGTH, 0);
  readonly #tasks = new Set<EmulatedTask>();
  /** Tasks whose LUN is right, but whose data is more than the logical unit takes. */
  readonly #tooLong = new WeakSet<EmulatedTask>();
  readonly #luns: () => readonly number[];

  constructor(addressOf: (memory: ArrayBuffer) => bigint, luns: () => readonly number[]) {
    this.#address = addressOf(this.#memory);
    this.#luns = luns;
  }

  /** A task for an incorrect LUN; undefined without room. */
  prepare(nexus: EmulatedNexus, request: TaskRequest): EmulatedTask | undefined {
    const command = new RingCommand(this.#memory, this.#address);
    command.setCdb(request.cdb);
    const { data_out_length, data_in_length } = request;
    const length = Math.min(data_in_length, ANSWER_LENGTH_MAX);
    if (length > 0 && !this.#answers.allocate(command.dataIn, length)) return undefined;
    discard(command.dataOut, data_out_length);
    const task = new EmulatedTask(this, nexus, command);
    task.begin(nexus, request, command);
    this.#tasks.add(task);
    return task;
  }

  /** A task that ends in INVALID FIELD IN CDB, as with a kernel whose data area is too small. */
  prepareTooLong(nexus: EmulatedNexus, request: TaskRequest): EmulatedTask | undefined {
    const task = this.prepare(nexus, { ...request, data_in_length: 0 });
    if (task !== undefined) this.#tooLong.add(task);
    return task;
  }

  execute(task: EmulatedTask): void {
    if (task.state === TaskState.CLOSED) return;
    if (task.state !== TaskState.PREPARED) throw new Error("assertion: task executed twice");
    task.state = TaskState.ENDED;
    if (!task.aborted) task.takeAnswer(this.#answer(task));
    task.nexus.report(task);
  }

  #answer(task: EmulatedTask): Answer {
    if (!this.#tooLong.has(task)) return answerIncorrectLun(task.command.cdb, this.#luns());
    const sense = fixedSense(Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB);
    return { status: Status.CHECK_CONDITION, sense };
  }

  release(task: EmulatedTask): void {
    if (task.state === TaskState.CLOSED) return;
    task.state = TaskState.CLOSED;
    this.#tasks.delete(task);
    this.#answers.release(task.dataIn);
  }

  /** Aborts a task that has not been executed. Returns whether there was one of that tag. */
  abort(nexus: EmulatedNexus, tag: number): boolean {
    for (const task of this.#tasks) {
      if (task.nexus !== nexus || task.tag !== tag || !task.open) continue;
      task.aborted = true;
      return true;
    }
    return false;
  }

  closeNexus(nexus: EmulatedNexus): void {
    for (const task of this.#tasks) if (task.nexus === nexus) this.release(task);
  }
}

/** Gives a buffer `length` bytes, all in the same place. */
function discard(buffer: DataBuffer, length: number): void {
  for (let rest = length; rest > 0; rest -= DISCARD_LENGTH) {
    buffer.push(0, Math.min(rest, DISCARD_LENGTH));
  }
}
