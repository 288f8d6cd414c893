/**
 * An initiator without a wire, for tests, fuzzers and benchmarks: it puts commands straight into a
 * target core. Nothing here waits; `pump` gives the device side its turns.
 */
import { Status } from "../../scsi/answer.ts";
import { type Nexus, type TargetPort, type Task, TaskAttribute } from "../target_port.ts";
import type { DataBuffer } from "./data_area.ts";
import { lunField } from "./lun.ts";

/** Turns without an answer after which a command counts as lost. */
const PUMPS_MAX = 1_000_000;
/** Unit attentions that `clearAttentions` expects at most. */
const ATTENTIONS_MAX = 16;

/** How a command ended. */
export interface InitiatorResult {
  readonly status: number;
  /** Sense data; empty if none. */
  readonly sense: Uint8Array;
  /** The data-in that is valid: a copy. */
  readonly dataIn: Uint8Array<ArrayBuffer>;
  /** Bytes of the data-in buffer that were not filled. */
  readonly residual: number;
}

/** A command on its way. */
export interface InitiatorCommand {
  readonly tag: number;
  /** There once it has ended; an aborted one never gets any. */
  result: InitiatorResult | undefined;
  aborted: boolean;
}

/** Sense key << 16 | ASC << 8 | ASCQ of sense data in either format; 0 for none. */
export function senseCode(sense: Uint8Array): number {
  if (sense.length === 0) return 0;
  const descriptor = (sense[0] & 0x7f) >= 0x72;
  const [key, asc, ascq] = descriptor ? [1, 2, 3] : [2, 12, 13];
  return ((sense[key] & 0xf) << 16) | (sense[asc] << 8) | sense[ascq];
}

export class Initiator {
  readonly nexus: Nexus;
  readonly #port: TargetPort;
  readonly #pump: () => void;
  #nextTag = 1;

  /** Opens a nexus; `pump` lets the device side take a turn. */
  constructor(port: TargetPort, pump: () => void, initiator_port = "initiator") {
    this.#port = port;
    this.#pump = pump;
    this.nexus = port.openNexus({ initiator_port, done: finish });
  }

  /** Runs a command to its end. Throws where it was aborted, or never ends. */
  execute(
    lun: number,
    cdb: Uint8Array,
    dataOut?: Uint8Array,
    data_in_length = 0,
  ): InitiatorResult {
    const command = this.start(lun, cdb, dataOut, data_in_length);
    for (let turn = 0; command.result === undefined; turn++) {
      if (command.aborted) throw new Error("the command was aborted");
      if (turn === PUMPS_MAX) throw new Error("the command got no answer");
      this.#pump();
    }
    return command.result;
  }

  /** Starts a command; `result` is there after enough turns. Without room: TASK SET FULL. */
  start(
    lun: number,
    cdb: Uint8Array,
    dataOut?: Uint8Array,
    data_in_length = 0,
    attribute: number = TaskAttribute.SIMPLE,
  ): InitiatorCommand {
    const tag = this.#nextTag++;
    const command: InitiatorCommand = { tag, result: undefined, aborted: false };
    const data_out_length = dataOut?.length ?? 0;
    const request = { lun: lunField(lun), cdb, attribute, tag, data_out_length, data_in_length };
    const task = this.nexus.prepare(request);
    if (task === undefined) {
      const nothing = new Uint8Array(0);
      const status = Status.TASK_SET_FULL;
      command.result = { status, sense: nothing, dataIn: nothing, residual: data_in_length };
      return command;
    }
    task.fabric = command;
    if (dataOut !== undefined) scatter(task, dataOut);
    task.execute();
    this.#port.kick();
    return command;
  }

  /** Performs a task management function; returns its response. Throws where there is none. */
  manage(taskFunction: number, lun: number, tag = 0): number {
    let answer: number | undefined;
    this.nexus.manage(taskFunction, lunField(lun), tag, (response) => answer = response);
    for (let turn = 0; answer === undefined; turn++) {
      if (turn === PUMPS_MAX) throw new Error("the task management function got no answer");
      this.#pump();
    }
    return answer;
  }

  /** Sends TEST UNIT READY until no unit attention is reported; returns the ones there were. */
  clearAttentions(lun: number): number[] {
    const codes: number[] = [];
    for (let count = 0; count < ATTENTIONS_MAX; count++) {
      const { status, sense } = this.execute(lun, new Uint8Array(6));
      if (status !== Status.CHECK_CONDITION || (senseCode(sense) >>> 16) !== 6) return codes;
      codes.push(senseCode(sense));
    }
    throw new Error("unit attentions without an end");
  }

  close(): void {
    this.nexus.close();
  }
}

function scatter(task: Task, bytes: Uint8Array): void {
  (task.dataOut as DataBuffer).write(bytes);
}

function finish(task: Task): void {
  const command = task.fabric as InitiatorCommand;
  if (task.aborted) command.aborted = true;
  else {
    const { status, sense, data_in_valid } = task;
    const dataIn = (task.dataIn as DataBuffer).read(data_in_valid);
    const residual = task.dataIn.length - data_in_valid;
    command.result = { status, sense, dataIn, residual };
  }
  task.release();
}
