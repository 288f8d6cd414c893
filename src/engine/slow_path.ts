/**
 * Everything that is not a plain read, write or flush of a ready unit: answers of the device server,
 * its procedures, commands that must be alone on their range, and task management.
 *
 * @module
 */
import {
  SLOT_COMMAND_ID_OFFSET,
  SLOT_COUNT,
  SLOT_IOV_ADDRESS_OFFSET,
  SLOT_TMR_COMMAND_COUNT_OFFSET,
  SLOT_TMR_TYPE_OFFSET,
} from "../abi/engine.ts";
import { type Answer, Status } from "../scsi/answer.ts";
import { execute, refusal } from "../scsi/device_server.ts";
import { MediaResult } from "../scsi/media.ts";
import { type MediumRange, mediumRange, rowOf } from "../scsi/medium_range.ts";
import type { Operation, OperationResult, Procedure } from "../scsi/procedure.ts";
import { failedBlock } from "../scsi/sbc/media_steps.ts";
import { senseForResult, senseTriple } from "../scsi/sense.ts";
import type { Device } from "./device.ts";
import { ANSWER_LENGTH_MAX } from "./engine.ts";
import { InternalOperations } from "./internal_operations.ts";
import { InternalTags } from "./internal_tags.ts";
import { OperationRunner } from "./operation_runner.ts";
import type { StateStore } from "./ports.ts";
import { type ProcedureHost, ProcedureRunner } from "./procedure_runner.ts";
import { RangeLocks } from "./range_locks.ts";
import { SlotCommand } from "./slot_command.ts";

/** TCMU's TMR types from LUN RESET on bring the unit back to where it began (SAM-5 6.3.3). */
const TMR_LOGICAL_UNIT_RESET = 5;
const TMR_TARGET_COLD_RESET = 7;
/** FORMAT UNIT and SANITIZE, once begun, go on to their end (SBC-4 4.11.2, 4.33). */
const OUTLIVE_ABORT: ReadonlySet<number> = new Set([0x04, 0x48]);

export class SlowPath implements ProcedureHost {
  readonly store: StateStore | undefined;
  readonly #device: Device;
  readonly #commands: (SlotCommand | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
  readonly #locks = new RangeLocks();
  readonly #operations: OperationRunner;
  readonly #procedures: ProcedureRunner;
  readonly #internal: InternalOperations;
  /** Slots whose command waits for another to be alone, or to end; oldest first. */
  #held: number[] = [];
  #releasing = false;
  #releaseAgain = false;

  constructor(device: Device, store: StateStore | undefined) {
    this.#device = device;
    this.store = store;
    const tags = new InternalTags();
    this.#operations = new OperationRunner(device);
    this.#procedures = new ProcedureRunner(this, this.#operations, tags);
    this.#internal = new InternalOperations(device.unit, this.#operations, tags, this.#locks);
  }

  /** Whether a command wants to be alone: then all others come through here. */
  get exclusive(): boolean {
    return this.#locks.size > 0;
  }

  /** What is held back or between two steps without an operation at the backend. */
  get pending(): number {
    return this.#held.length + this.#operations.stalled + this.#procedures.waiting +
      this.#internal.waiting;
  }

  get stopped(): boolean {
    return this.#device.stopped;
  }

  #command(slot: number): SlotCommand {
    return this.#commands[slot] ??= new SlotCommand(this.#device.engine, slot);
  }

  /** Begins any command. */
  begin(slot: number): void {
    const { unit } = this.#device;
    const command = this.#command(slot);
    const row = rowOf(command);
    const range = this.#refusesMedium ? undefined : mediumRange(unit, command, row);
    if (range !== undefined && this.#mustWait(slot, range, row?.exclusive === true)) {
      this.#held.push(slot);
      return;
    }
    const refused = refusal(unit, command);
    // A unit attention may just have been taken: the next command may be hot again.
    if (refused !== undefined) return this.finish(slot, refused);
    const result = execute(unit, command);
    if (!isProcedure(result)) return this.finish(slot, result);
    const outlivesAbort = OUTLIVE_ABORT.has(command.operationCode);
    this.#procedures.begin(slot, result, range, outlivesAbort);
  }

  /** Nothing that touches the medium passes, and nobody waits for a SANITIZE to hear of that. */
  get #refusesMedium(): boolean {
    const { state } = this.#device.unit;
    return state !== "ready" && state !== "sanitize-failed" && state !== "format-failed";
  }

  /** Keeps commands apart from those that have to be alone on their range. */
  #mustWait(slot: number, range: MediumRange, exclusive: boolean): boolean {
    if (this.#locks.blocks(range, slot)) return true;
    if (!exclusive) return false;
    this.#locks.take(slot, range);
    return this.#procedures.overlaps(range, slot) || this.#internal.overlaps(range) ||
      this.#device.overlaps(range.offset_bytes, range.length_bytes, slot);
  }

  /** See `ProcedureRunner.underWay`. */
  underWay(): () => boolean {
    return this.#procedures.underWay();
  }

  /** Goes on with what had paused, at the end of a turn. Returns whether there was anything. */
  continue(): boolean {
    return this.#procedures.continue();
  }

  /** The backend has ended an operation of a procedure. */
  resume(tag: number, result: number, failed_offset_bytes: number): void {
    this.#operations.done(tag, result, failed_offset_bytes);
    this.progressed();
  }

  /** An operation has ended: what was held back may go on. */
  progressed(): void {
    // Called for every command: nothing waits, mostly.
    if (this.#held.length + this.#operations.stalled + this.#internal.waiting === 0) return;
    this.#operations.retry();
    this.#internal.retry();
    if (this.#held.length > 0) this.#release();
  }

  /** Tries again what was held, in order. What ends meanwhile makes it begin anew. */
  #release(): void {
    this.#releaseAgain = true;
    if (this.#releasing) return;
    this.#releasing = true;
    while (this.#releaseAgain && this.#held.length > 0) {
      this.#releaseAgain = false;
      const held = this.#held;
      this.#held = [];
      for (const slot of held) this.begin(slot);
    }
    this.#releasing = false;
  }

  /** Runs one operation for another unit, or for the control path. */
  perform(operation: Operation, ended: (result: OperationResult) => void): void {
    this.#internal.perform(operation, ended);
  }

  /** Ends a command of the hot path whose media operation failed. */
  completeResult(slot: number, result: number, failed_offset_bytes: number): void {
    const { unit } = this.#device;
    const transfer = this.#device.transfer(slot);
    // Only a fault of the medium is that of a block.
    const information = result === MediaResult.MEDIUM_ERROR && transfer.length_bytes > 0
      ? failedBlock(unit, transfer, failed_offset_bytes < 0 ? undefined : failed_offset_bytes)
      : undefined;
    const sense = senseForResult(unit, transfer.operation, result, information);
    this.#device.completeSense(slot, Status.CHECK_CONDITION, sense);
  }

  finish(slot: number, answer: Answer): void {
    const device = this.#device;
    const { dataIn, sense, status } = answer;
    if (sense !== undefined) this.#finishSense(slot, answer);
    else if (dataIn !== undefined) device.completeDataIn(slot, this.#scatter(slot, dataIn), status);
    else device.completeEmpty(slot, status);
    if (status === Status.GOOD) device.count(slot);
    // MODE SELECT, START STOP UNIT and unit attentions change what the hot path may assume.
    device.refresh();
    if (this.#locks.release(slot)) this.progressed();
  }

  /** CHECK CONDITION; a handler may send data with it. */
  #finishSense(slot: number, { status, sense, dataIn }: Answer): void {
    const valid = dataIn === undefined ? 0 : this.#scatter(slot, dataIn);
    this.#device.completeSense(slot, status, sense as Uint8Array, valid);
  }

  /** Puts data-in into the initiator's buffer; returns how much it took. */
  #scatter(slot: number, dataIn: Uint8Array): number {
    const { exports, plan, bytes } = this.#device.engine;
    // Long answers go in parts through the scratch page.
    let put = 0;
    while (put < dataIn.length) {
      const part = dataIn.subarray(put, put + ANSWER_LENGTH_MAX);
      bytes.set(part, plan.scratch);
      const copied = exports.engine_scatter(plan.state, slot, put, plan.scratch, part.length);
      if (copied <= 0) break;
      put += copied;
      if (copied < part.length) break;
    }
    return put;
  }

  finishBackground(answer: Answer): void {
    const { unit } = this.#device;
    if (answer.sense !== undefined) unit.defer(senseTriple(answer.sense));
    this.#device.refresh();
  }

  wake(): void {
    this.#device.wake();
  }

  fail(reason: string): void {
    this.#device.fail(reason);
  }

  close(): void {
    this.#internal.close();
  }

  /**
   * A task management request. What has not been given to the backend ends at once, what is in
   * flight ends with its operation; the kernel waits for both (TCMU, tmr_notification).
   */
  manageTasks(slot: number): void {
    const { engine, unit } = this.#device;
    const address = engine.slotAddress(slot);
    const type = engine.bytes[address + SLOT_TMR_TYPE_OFFSET];
    const count = engine.words[(address + SLOT_TMR_COMMAND_COUNT_OFFSET) >>> 2];
    const first = engine.words[(address + SLOT_IOV_ADDRESS_OFFSET) >>> 2] >>> 1;
    const ids = new Set<number>(engine.halves.subarray(first, first + count));
    engine.exports.engine_release(engine.plan.state, slot);
    for (let other = 0; other < SLOT_COUNT; other++) {
      const id = engine.halves[(engine.slotAddress(other) + SLOT_COMMAND_ID_OFFSET) >>> 1];
      if (ids.has(id)) this.#abort(other);
    }
    // The emulated core resets the unit itself, at the right time.
    const reset = type >= TMR_LOGICAL_UNIT_RESET && type <= TMR_TARGET_COLD_RESET;
    if (reset && unit.targetCore === "kernel") unit.reset();
    this.progressed();
  }

  #abort(slot: number): void {
    const index = this.#held.indexOf(slot);
    if (index >= 0) this.#held.splice(index, 1);
    else if (this.#procedures.has(slot)) return this.#procedures.abort(slot);
    else if (!this.#device.withdraw(slot)) return;
    this.finish(slot, { status: Status.TASK_ABORTED });
  }
}

function isProcedure(result: Answer | Procedure): result is Procedure {
  return "next" in result;
}
