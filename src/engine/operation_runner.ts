/**
 * Runs the operations of procedures one at a time for each tag: finds a buffer in the scratch
 * arena, describes the operation to the backend, and gives the result.
 *
 * @module
 */
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type {
  DiscardMedia,
  FlushMedia,
  Operation,
  OperationResult,
  ReadMedia,
  WriteMedia,
  WriteZeroesMedia,
} from "../scsi/procedure.ts";
import type { Device } from "./device.ts";
import { type Exchange, exchangeLength, exchangeOperation } from "./exchange.ts";
import { readExchange, writeExchange } from "./exchange.ts";
import { protectedLength, readProtected, writeProtected } from "./protected_exchange.ts";
import { SUBMIT_PENDING, TAG_COUNT } from "./ports.ts";

/** Operations that the backend performs. */
export type BackendOperation =
  | ReadMedia
  | WriteMedia
  | FlushMedia
  | DiscardMedia
  | WriteZeroesMedia
  | Exchange;

const NOTHING = new Uint8Array(0);
const OK: OperationResult = Object.freeze({ result: MediaResult.OK, bytes: NOTHING });

/** What a tag is at. */
interface Step {
  readonly operation: BackendOperation;
  readonly ended: (result: OperationResult) => void;
}

/** Whether the backend performs an operation; others are the device's own. */
export function isBackendOperation(operation: Operation): operation is BackendOperation {
  switch (operation.kind) {
    case "data-out":
    case "save":
    case "answer":
    case "peer":
      return false;
    default:
      return true;
  }
}

export class OperationRunner {
  readonly #device: Device;
  readonly #steps: (Step | undefined)[] = new Array(TAG_COUNT).fill(undefined);
  /** The buffer of each tag's last step: its bytes are valid until the next one begins. */
  readonly #addresses = new Uint32Array(TAG_COUNT);
  readonly #lengths = new Uint32Array(TAG_COUNT);
  /** The buffer of the step before, while a new one is filled. */
  #previous = { address: 0, length: 0 };
  /** Tags whose step waits for room in the scratch arena. */
  #stalled: number[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Steps that wait for room. */
  get stalled(): number {
    return this.#stalled.length;
  }

  /**
   * Begins an operation for a tag. Returns its result, or undefined where `ended` will be called
   * with it.
   */
  start(
    tag: number,
    operation: BackendOperation,
    ended: (result: OperationResult) => void,
  ): OperationResult | undefined {
    const length = this.#bufferLength(operation);
    const room = length === 0 || this.#provide(tag, length);
    if (!room) {
      // The bytes to write may lie in the step before: they are small beside the arena.
      this.#steps[tag] = { operation: detached(operation), ended };
      this.release(tag);
      this.#stalled.push(tag);
      return undefined;
    }
    if (length === 0) this.release(tag);
    else {
      const refused = this.#fill(tag, operation);
      if (refused !== undefined) return refused;
    }
    this.#describe(tag, operation);
    const result = this.#device.startForProcedure(tag);
    if (result !== SUBMIT_PENDING) return this.#result(tag, operation, result, -1);
    this.#steps[tag] = { operation, ended };
    return undefined;
  }

  /** Copies a part of the data-out of a slot's command into a buffer. */
  fetch(slot: number, offset: number, length: number): OperationResult {
    this.release(slot);
    if (length === 0) return OK;
    const { engine } = this.#device;
    const address = engine.allocate(length);
    if (address === 0) {
      // Only for as long as the arena is full: a copy through the small scratch, piece by piece.
      return { result: MediaResult.OK, bytes: this.#fetchInParts(slot, offset, length) };
    }
    this.#addresses[slot] = address;
    this.#lengths[slot] = length;
    const { exports, plan, bytes } = engine;
    const copied = exports.engine_gather(plan.state, slot, offset, address, length);
    const end = address + Math.max(copied, 0);
    return { result: MediaResult.OK, bytes: bytes.subarray(address, end) };
  }

  #fetchInParts(slot: number, offset: number, length: number): Uint8Array {
    const { exports, plan, bytes } = this.#device.engine;
    const result = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const part = Math.min(length - done, PART_LENGTH);
      const copied = exports.engine_gather(plan.state, slot, offset + done, plan.scratch, part);
      if (copied <= 0) break;
      result.set(bytes.subarray(plan.scratch, plan.scratch + copied), done);
      done += copied;
    }
    return result.subarray(0, done);
  }

  /** The read or write that goes with protection information, if it is one. */
  #protected(operation: BackendOperation): ReadMedia | WriteMedia | undefined {
    if (!this.#device.unit.features.protection) return undefined;
    return operation.kind === "read" || operation.kind === "write" ? operation : undefined;
  }

  #bufferLength(operation: BackendOperation): number {
    const protectedOne = this.#protected(operation);
    if (protectedOne === undefined) return bufferLength(operation);
    return protectedLength(this.#device.unit, protectedOne);
  }

  /**
   * Finds a buffer; false where the arena has no room. The one before is kept until the new one is
   * filled: the operation's bytes may lie in it.
   */
  #provide(tag: number, length: number): boolean {
    const address = this.#device.engine.allocate(length);
    if (address === 0) return false;
    this.#previous = { address: this.#addresses[tag], length: this.#lengths[tag] };
    this.#addresses[tag] = address;
    this.#lengths[tag] = length;
    return true;
  }

  /** Puts the operation's own bytes into its buffer; returns the failure where they are wrong. */
  #fill(tag: number, operation: BackendOperation): OperationResult | undefined {
    const { engine, unit } = this.#device;
    const address = this.#addresses[tag];
    let refused: OperationResult | undefined;
    const protectedOne = this.#protected(operation);
    if (protectedOne !== undefined) refused = writeProtected(engine, unit, protectedOne, address);
    else if (operation.kind === "write") engine.bytes.set(operation.bytes, address);
    else if (operation.kind !== "read") {
      const buffer = engine.bytes.subarray(address, address + this.#lengths[tag]);
      writeExchange(operation as Exchange, buffer);
    }
    if (this.#previous.length > 0) engine.free(this.#previous.address, this.#previous.length);
    return refused;
  }

  #describe(tag: number, operation: BackendOperation): void {
    const transfer = this.#device.transfer(tag);
    transfer.fua = false;
    transfer.unmap = false;
    transfer.replay = true;
    transfer.iov_count = 0;
    transfer.offset_bytes = 0;
    transfer.length_bytes = 0;
    if (this.#lengths[tag] > 0) this.#onePair(tag);
    const protectedOne = this.#protected(operation);
    if (protectedOne !== undefined) {
      if (protectedOne.kind === "read") {
        transfer.operation = MediaOperation.READ_PROTECTED;
        return;
      }
      transfer.operation = MediaOperation.WRITE_PROTECTED;
      return this.#device.changes(protectedOne.offset_bytes, protectedOne.bytes.length);
    }
    switch (operation.kind) {
      case "read":
        transfer.operation = MediaOperation.READ;
        transfer.offset_bytes = operation.offset_bytes;
        return;
      case "write":
        transfer.operation = MediaOperation.WRITE;
        transfer.fua = operation.fua;
        transfer.offset_bytes = operation.offset_bytes;
        return this.#device.changes(transfer.offset_bytes, transfer.length_bytes);
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
      default:
        transfer.operation = exchangeOperation(operation);
        if (operation.kind !== "command") return;
        transfer.replay = operation.replay;
        // Nobody knows what it does.
        return this.#device.changes(0, Infinity);
    }
    transfer.offset_bytes = operation.offset_bytes;
    transfer.length_bytes = operation.length_bytes;
    this.#device.changes(transfer.offset_bytes, transfer.length_bytes);
  }

  /** Describes the tag's buffer as the one iovec of its transfer. */
  #onePair(tag: number): void {
    const { engine } = this.#device;
    const transfer = this.#device.transfer(tag);
    transfer.iov_address = engine.pairAddress(tag);
    transfer.iov_count = 1;
    transfer.length_bytes = this.#lengths[tag];
    engine.words[transfer.iov_address >>> 2] = this.#addresses[tag];
    engine.words[(transfer.iov_address >>> 2) + 1] = this.#lengths[tag];
  }

  /** The backend has ended the operation of a tag. */
  done(tag: number, result: number, failed_offset_bytes: number): void {
    const step = this.#steps[tag];
    if (step === undefined) throw new Error(`assertion: no operation of tag ${tag}`);
    this.#steps[tag] = undefined;
    step.ended(this.#result(tag, step.operation, result, failed_offset_bytes));
  }

  #result(
    tag: number,
    operation: BackendOperation,
    result: number,
    failed_offset_bytes: number,
  ): OperationResult {
    if (result !== MediaResult.OK) {
      return failed_offset_bytes < 0
        ? { result, bytes: NOTHING }
        : { result, bytes: NOTHING, failed_offset_bytes };
    }
    const { engine, unit } = this.#device;
    const address = this.#addresses[tag];
    const protectedOne = this.#protected(operation);
    if (protectedOne !== undefined) return readProtected(engine, unit, protectedOne, address);
    const buffer = engine.bytes.subarray(address, address + this.#lengths[tag]);
    switch (operation.kind) {
      case "read":
        return { result, bytes: buffer };
      case "extents":
      case "space":
      case "resize":
      case "command":
        return readExchange(operation, buffer);
      default:
        return OK;
    }
  }

  /** Gives the buffer of a tag's last step back. */
  release(tag: number): void {
    const length = this.#lengths[tag];
    if (length === 0) return;
    this.#lengths[tag] = 0;
    this.#device.engine.free(this.#addresses[tag], length);
  }

  /** Takes a step back that has not been given to the backend. Returns whether there was one. */
  withdraw(tag: number): boolean {
    const index = this.#stalled.indexOf(tag);
    if (index >= 0) this.#stalled.splice(index, 1);
    else if (this.#steps[tag] === undefined || !this.#device.withdraw(tag)) return false;
    this.#steps[tag] = undefined;
    return true;
  }

  /** Room may have come: tries again what waits for it. */
  retry(): void {
    const stalled = this.#stalled;
    if (stalled.length === 0) return;
    this.#stalled = [];
    for (const tag of stalled) {
      const step = this.#steps[tag] as Step;
      this.#steps[tag] = undefined;
      const result = this.start(tag, step.operation, step.ended);
      if (result !== undefined) step.ended(result);
    }
  }
}

/** Bytes that go through the small scratch at once. */
const PART_LENGTH = 1 << 16;

function bufferLength(operation: BackendOperation): number {
  switch (operation.kind) {
    case "read":
      return operation.length_bytes;
    case "write":
      return operation.bytes.length;
    case "flush":
    case "discard":
    case "write-zeroes":
      return 0;
    default:
      return exchangeLength(operation);
  }
}

/** The operation with bytes of its own. */
export function detached<T extends Operation>(operation: T): T {
  if (operation.kind === "write") {
    const { protection } = operation;
    return {
      ...operation,
      bytes: operation.bytes.slice(),
      ...(protection === undefined
        ? {}
        : { protection: { ...protection, information: protection.information.slice() } }),
    };
  }
  if (operation.kind === "peer") return { ...operation, operation: detached(operation.operation) };
  if (operation.kind === "command") return { ...operation, dataOut: operation.dataOut.slice() };
  return operation;
}
