/**
 * Everything that is not a plain read, write or flush of a ready unit: answers of the device server,
 * its procedures (generators over media operations), and task management.
 */
import {
  CDB_LENGTH_MAX,
  CLASS_OTHER,
  SLOT_BIDI_LENGTH_OFFSET,
  SLOT_BUFFER_LENGTH_OFFSET,
  SLOT_COMMAND_ID_OFFSET,
  SLOT_COUNT,
  SLOT_IOV_ADDRESS_OFFSET,
  SLOT_TMR_COMMAND_COUNT_OFFSET,
} from "../abi/engine.ts";
import { type Answer, Status } from "../scsi/answer.ts";
import { execute, refusal } from "../scsi/device_server.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type { Operation, OperationResult, Procedure } from "../scsi/procedure.ts";
import { senseForResult } from "../scsi/sense.ts";
import type { Device } from "./device.ts";
import { ANSWER_LENGTH_MAX } from "./engine.ts";
import { SlotCommand } from "./slot_command.ts";

/** COMPARE AND WRITE: the one command whose steps nothing else may come between (SBC-4 5.3). */
const COMPARE_AND_WRITE = 0x89;
/** UNMAP: its ranges stand in its parameter list, so it counts as overlapping whatever is locked. */
const UNMAP = 0x42;
const NOTHING = new Uint8Array(0);

/** A procedure between two of its steps. */
interface Running {
  readonly procedure: Procedure;
  /** Buffer of the present step in the scratch arena; 0 if none. */
  address: number;
  length: number;
  /** Whether the present step gives bytes back. */
  reads: boolean;
  /** A step that waits for room in the scratch arena. */
  stalled: Operation | undefined;
}

/** A command that has to be alone on its range, waiting or running. */
interface Exclusive {
  readonly slot: number;
  readonly offset_bytes: number;
  readonly length_bytes: number;
  running: boolean;
}

export class SlowPath {
  readonly #device: Device;
  readonly #commands: (SlotCommand | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
  readonly #running = new Map<number, Running>();
  readonly #stalled: number[] = [];
  readonly #held: number[] = [];
  #exclusive: Exclusive | undefined;
  #draining = false;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Whether a command wants to be alone: then all others come through here. */
  get exclusive(): boolean {
    return this.#exclusive !== undefined;
  }

  /** Commands that are held back or between two steps without an operation at the backend. */
  get pending(): number {
    return this.#held.length + this.#stalled.length;
  }

  #command(slot: number): SlotCommand {
    return this.#commands[slot] ??= new SlotCommand(this.#device.engine, slot);
  }

  /** Begins any command. */
  begin(slot: number): void {
    const device = this.#device;
    const command = this.#command(slot);
    if (this.#mustWait(slot, command)) {
      this.#held.push(slot);
      return;
    }
    const refused = refusal(device.unit, command);
    // A unit attention may just have been taken: the next command may be hot again.
    if (refused !== undefined) return this.#finish(slot, refused);
    const result = execute(device.unit, command);
    if (!isProcedure(result)) return this.#finish(slot, result);
    this.#running.set(slot, {
      procedure: result,
      address: 0,
      length: 0,
      reads: false,
      stalled: undefined,
    });
    this.#step(slot, { result: MediaResult.OK, bytes: NOTHING });
  }

  /** Keeps commands apart from one that has to be alone on its range. */
  #mustWait(slot: number, command: SlotCommand): boolean {
    const device = this.#device;
    const touchesMedium = command.commandClass !== CLASS_OTHER || command.length_blocks > 0 ||
      command.operationCode === COMPARE_AND_WRITE;
    const present = this.#exclusive;
    if (command.operationCode === COMPARE_AND_WRITE && present?.slot !== slot) {
      if (present !== undefined) return true;
      const range = compareAndWriteRange(command, device.unit.block_length);
      this.#exclusive = { slot, ...range, running: false };
    }
    const mine = this.#exclusive;
    if (mine === undefined) return false;
    if (mine.slot !== slot) {
      if (command.operationCode === UNMAP) return true;
      if (!touchesMedium) return false;
      // Until it has begun nothing new begins either: else it could wait for ever.
      if (!mine.running) return true;
      const offset = command.offset_bytes;
      return offset < mine.offset_bytes + mine.length_bytes &&
        mine.offset_bytes < offset + Math.max(command.length_bytes, 1);
    }
    // Other procedures have steps to come, whose ranges nobody knows yet.
    if (this.#running.size > 0) return true;
    if (device.overlaps(mine.offset_bytes, mine.length_bytes, slot)) return true;
    mine.running = true;
    return false;
  }

  /** An operation on the medium has ended: who was held back may go on. */
  mediaEnded(): void {
    // First what runs: whoever wants to be alone waits until nothing does.
    if (this.#stalled.length > 0) this.#retryStalled();
    if (this.#held.length > 0 && !this.#draining) this.#release();
  }

  #release(): void {
    this.#draining = true;
    for (const slot of this.#held.splice(0)) this.begin(slot);
    this.#draining = false;
  }

  #retryStalled(): void {
    for (const slot of this.#stalled.splice(0)) {
      const running = this.#running.get(slot);
      if (running?.stalled === undefined) continue;
      const operation = running.stalled;
      running.stalled = undefined;
      this.#perform(slot, running, operation);
    }
  }

  /** The backend has ended an operation of a procedure. */
  resume(slot: number, result: number): void {
    const running = this.#running.get(slot);
    if (running === undefined) throw new Error(`assertion: no procedure in slot ${slot}`);
    const bytes = running.reads && result === MediaResult.OK
      ? this.#device.engine.bytes.subarray(running.address, running.address + running.length)
      : NOTHING;
    this.#step(slot, { result, bytes });
    this.mediaEnded();
  }

  #step(slot: number, result: OperationResult): void {
    const running = this.#running.get(slot) as Running;
    const previous = { address: running.address, length: running.length };
    running.address = 0;
    running.length = 0;
    running.reads = false;
    let next: IteratorResult<Operation, Answer>;
    try {
      next = running.procedure.next(result);
    } catch (error) {
      this.#running.delete(slot);
      return this.#device.fail(`assertion: a procedure threw: ${error}`);
    }
    if (next.done === true) {
      this.#running.delete(slot);
      this.#freeBuffer(previous.address, previous.length);
      return this.#finish(slot, next.value);
    }
    this.#perform(slot, running, next.value, previous);
  }

  #freeBuffer(address: number, length: number): void {
    if (address !== 0) this.#device.engine.free(address, length);
  }

  /** Runs one operation. What `previous` holds is freed once the operation's bytes were taken. */
  #perform(
    slot: number,
    running: Running,
    operation: Operation,
    previous = { address: 0, length: 0 },
  ): void {
    const { engine } = this.#device;
    const length = bufferLength(operation);
    const address = length === 0 ? 0 : engine.allocate(length);
    if (length > 0 && address === 0) {
      // The bytes to write lie in the step before: keep them, they are small beside the arena.
      running.stalled = operation.kind === "write"
        ? { ...operation, bytes: operation.bytes.slice() }
        : operation;
      this.#freeBuffer(previous.address, previous.length);
      this.#stalled.push(slot);
      // Only this step's own buffer may have been in the way.
      if (this.#running.size === 1) this.#retryStalled();
      return;
    }
    running.address = address;
    running.length = length;
    if (operation.kind === "write") engine.bytes.set(operation.bytes, address);
    this.#freeBuffer(previous.address, previous.length);
    if (operation.kind === "data-out") return this.#fetch(slot, running, operation.offset);
    running.reads = operation.kind === "read";
    this.#describe(slot, operation, address);
    this.#device.startForProcedure(slot);
  }

  #fetch(slot: number, running: Running, offset: number): void {
    const { exports, plan, bytes } = this.#device.engine;
    const { address, length } = running;
    const copied = length === 0
      ? 0
      : exports.engine_gather(plan.state, slot, offset, address, length);
    this.#step(slot, {
      result: MediaResult.OK,
      bytes: bytes.subarray(address, address + Math.max(copied, 0)),
    });
  }

  #describe(slot: number, operation: Operation, address: number): void {
    const transfer = this.#device.transfer(slot);
    transfer.fua = false;
    transfer.unmap = false;
    transfer.offset_bytes = 0;
    transfer.length_bytes = 0;
    transfer.iov_count = 0;
    switch (operation.kind) {
      case "flush":
        transfer.operation = MediaOperation.FLUSH;
        return;
      case "discard":
        transfer.operation = MediaOperation.DISCARD;
        break;
      case "write-zeroes":
        transfer.operation = MediaOperation.WRITE_ZEROES;
        transfer.unmap = operation.unmap;
        transfer.fua = operation.fua;
        break;
      case "read":
        transfer.operation = MediaOperation.READ;
        this.#onePair(slot, address, operation.length_bytes);
        break;
      case "write":
        transfer.operation = MediaOperation.WRITE;
        transfer.fua = operation.fua;
        this.#onePair(slot, address, operation.bytes.length);
        transfer.offset_bytes = operation.offset_bytes;
        transfer.length_bytes = operation.bytes.length;
        return;
      default:
        return;
    }
    transfer.offset_bytes = operation.offset_bytes;
    transfer.length_bytes = operation.length_bytes;
  }

  #onePair(slot: number, address: number, length: number): void {
    const { engine } = this.#device;
    const transfer = this.#device.transfer(slot);
    transfer.iov_address = engine.pairAddress(slot);
    transfer.iov_count = 1;
    engine.words[transfer.iov_address >>> 2] = address;
    engine.words[(transfer.iov_address >>> 2) + 1] = length;
  }

  /** Ends a command whose media operation failed. */
  completeResult(slot: number, operation: number, result: number): void {
    const sense = senseForResult(this.#device.unit, operation, result);
    this.#device.completeSense(slot, Status.CHECK_CONDITION, sense);
  }

  #finish(slot: number, answer: Answer): void {
    const device = this.#device;
    const wasExclusive = this.#exclusive?.slot === slot;
    if (answer.sense !== undefined) device.completeSense(slot, answer.status, answer.sense);
    else if (answer.dataIn !== undefined) this.#finishDataIn(slot, answer.dataIn);
    else if (answer.status === Status.GOOD) this.#finishEmpty(slot);
    else device.complete(slot, answer.status);
    // MODE SELECT, START STOP UNIT and unit attentions change what the hot path may assume.
    device.refresh();
    if (!wasExclusive) return;
    this.#exclusive = undefined;
    this.mediaEnded();
  }

  /** GOOD without data: a data-in buffer, if there is one, must not show what it held before. */
  #finishEmpty(slot: number): void {
    const { engine } = this.#device;
    const word = engine.slotAddress(slot) >>> 2;
    const room = engine.words[word + (SLOT_BIDI_LENGTH_OFFSET >>> 2)] ||
      engine.words[word + (SLOT_BUFFER_LENGTH_OFFSET >>> 2)];
    if (room > 0) engine.exports.engine_fill_zero(engine.plan.state, slot, 0, room);
    this.#device.complete(slot, Status.GOOD);
  }

  #finishDataIn(slot: number, dataIn: Uint8Array): void {
    const { engine } = this.#device;
    const { exports, plan, bytes } = engine;
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
    this.#device.completeDataIn(slot, put);
  }

  /**
   * A task management request. What has not been given to the backend ends at once; what is in
   * flight ends by itself: the kernel waits for it (TCMU, tmr_notification).
   */
  manageTasks(slot: number): void {
    const { engine } = this.#device;
    const word = engine.slotAddress(slot) >>> 2;
    const count = engine.words[word + (SLOT_TMR_COMMAND_COUNT_OFFSET >>> 2)];
    const first = engine.words[word + (SLOT_IOV_ADDRESS_OFFSET >>> 2)] >>> 1;
    const ids = new Set<number>(engine.halves.subarray(first, first + count));
    engine.exports.engine_release(engine.plan.state, slot);
    for (let other = 0; other < SLOT_COUNT; other++) {
      const id = engine.halves[(engine.slotAddress(other) + SLOT_COMMAND_ID_OFFSET) >>> 1];
      if (ids.has(id) && !this.#running.has(other) && this.#device.withdraw(other)) {
        this.#device.complete(other, Status.TASK_ABORTED);
      }
    }
    this.mediaEnded();
  }
}

function isProcedure(result: Answer | Procedure): result is Procedure {
  return "next" in result;
}

function bufferLength(operation: Operation): number {
  switch (operation.kind) {
    case "data-out":
      return operation.length;
    case "read":
      return operation.length_bytes;
    case "write":
      return operation.bytes.length;
    default:
      return 0;
  }
}

/** COMPARE AND WRITE: LOGICAL BLOCK ADDRESS and NUMBER OF LOGICAL BLOCKS (SBC-4 5.3). */
function compareAndWriteRange(
  command: SlotCommand,
  block_length: number,
): { offset_bytes: number; length_bytes: number } {
  const view = new DataView(command.cdb.buffer, command.cdb.byteOffset, CDB_LENGTH_MAX);
  const lba = view.getUint32(2) * 2 ** 32 + view.getUint32(6);
  return { offset_bytes: lba * block_length, length_bytes: command.cdb[13] * block_length };
}
