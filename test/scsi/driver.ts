/** Runs commands of the device server against a volume that is an array. */
import type { Answer } from "../../src/scsi/answer.ts";
import { execute, refusal } from "../../src/scsi/device_server.ts";
import { makeIdentity } from "../../src/scsi/identity.ts";
import { LogicalUnit, type LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import type {
  CommandOutcome,
  DiscardMedia,
  ListExtents,
  MediaExtent,
  MediaSpace,
  OnPeer,
  Operation,
  OperationResult,
  PeerUnit,
  Procedure,
  ReadMedia,
  RunCommand,
  WriteMedia,
  WriteZeroesMedia,
} from "../../src/scsi/procedure.ts";
import { findRow } from "../../src/scsi/table.ts";
import { decode } from "../decode.ts";

export const BLOCK_LENGTH = 512;
export const BLOCK_COUNT = 64;
const STEP_LENGTH_MAX = 1 << 20;
const NOTHING = new Uint8Array(0);
const DONE: OperationResult = { result: MediaResult.OK, bytes: NOTHING };

/** Bytes from hexadecimal digits. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function makeUnit(description: Partial<LogicalUnitDescription> = {}): LogicalUnit {
  return new LogicalUnit({
    name: "disk0",
    identity: makeIdentity("disk0", "0123456789abcdef"),
    block_length: BLOCK_LENGTH,
    block_count: BLOCK_COUNT,
    features: { writable: true, discard: true, writeZeroes: true, writeCache: true },
    ...description,
  });
}

/** A volume; block n is filled with the byte n at first. */
export class ArrayVolume {
  readonly bytes: Uint8Array;
  /** 1 for each block that storage is assigned to; discarding takes it away. */
  readonly mapped: Uint8Array;
  /** Parts of the unit's state that procedures have saved. */
  readonly saved = new Map<string, unknown>();
  /** Answers the commands that are claimed. */
  command: ((operation: RunCommand) => CommandOutcome) | undefined;
  /** What was done to it, as "read 512+1024", with "fua" and "unmap" after it. */
  readonly steps: string[] = [];
  /** Result of the operations of this kind, in place of doing them. */
  readonly failures = new Map<Operation["kind"], number>();
  /** READ, WRITE that fail: the first byte that failed. */
  failed_offset_bytes: number | undefined;
  readonly #block_length: number;

  constructor(unit: LogicalUnit) {
    this.#block_length = unit.block_length;
    this.bytes = new Uint8Array(unit.block_count * unit.block_length);
    this.mapped = new Uint8Array(unit.block_count).fill(1);
    for (let lba = 0; lba < unit.block_count; lba++) {
      this.bytes.fill(lba, lba * unit.block_length, (lba + 1) * unit.block_length);
    }
  }

  perform(operation: Operation, unit: LogicalUnit): OperationResult {
    this.#log(operation);
    const failure = this.failures.get(operation.kind);
    if (failure !== undefined) {
      const { failed_offset_bytes } = this;
      return { result: failure, bytes: NOTHING, failed_offset_bytes };
    }
    switch (operation.kind) {
      case "save":
        this.saved.set(operation.part, operation.value);
        return DONE;
      case "space":
        return { ...DONE, space: this.#space() };
      case "command":
        if (this.command === undefined) throw new Error("no command is claimed");
        return { ...DONE, command: this.command(operation) };
      case "read":
      case "write":
      case "discard":
      case "write-zeroes":
      case "extents":
        return this.#onRange(operation, unit);
      default:
        return DONE;
    }
  }

  #onRange(
    operation: ReadMedia | WriteMedia | DiscardMedia | WriteZeroesMedia | ListExtents,
    unit: LogicalUnit,
  ): OperationResult {
    const start = operation.offset_bytes;
    const length = operation.kind === "write" ? operation.bytes.length : operation.length_bytes;
    assertWholeBlocks(start, length, unit, this.bytes.length);
    const range = this.bytes.subarray(start, start + length);
    const [first, end] = [start, start + length].map((offset) => offset / this.#block_length);
    switch (operation.kind) {
      case "extents":
        return { ...DONE, extents: this.#extents(first, end) };
      case "read":
        if (length > STEP_LENGTH_MAX) throw new Error(`a read of ${length} bytes`);
        return { ...DONE, bytes: range.slice() };
      case "write":
        if (length > STEP_LENGTH_MAX) throw new Error(`a write of ${length} bytes`);
        range.set(operation.bytes);
        this.mapped.fill(1, first, end);
        return DONE;
      default:
        range.fill(0);
        if (operation.kind === "discard" || operation.unmap) this.mapped.fill(0, first, end);
        return DONE;
    }
  }

  #space(): MediaSpace {
    const used = this.mapped.reduce((sum, bit) => sum + bit, 0) * this.#block_length;
    return { used_bytes: used, available_bytes: this.bytes.length - used };
  }

  #extents(first: number, end: number): MediaExtent[] {
    const extents: MediaExtent[] = [];
    for (let block = first, next = first; block < end; block = next) {
      while (next < end && this.mapped[next] === this.mapped[block]) next++;
      extents.push({
        offset_bytes: block * this.#block_length,
        length_bytes: (next - block) * this.#block_length,
        mapped: this.mapped[block] === 1,
      });
    }
    return extents;
  }

  #log(operation: Operation): void {
    const marks = ("fua" in operation && operation.fua ? " fua" : "") +
      ("unmap" in operation && operation.unmap ? " unmap" : "");
    switch (operation.kind) {
      case "data-out":
      case "answer":
      case "peer":
        return;
      case "flush":
      case "space":
      case "command":
        this.steps.push(operation.kind);
        return;
      case "save":
        this.steps.push(`save ${operation.part}`);
        return;
      case "resize":
        this.steps.push(`resize ${operation.size_bytes}`);
        return;
      case "write":
        this.steps.push(`write ${operation.offset_bytes}+${operation.bytes.length}${marks}`);
        return;
      default:
        this.steps.push(
          `${operation.kind} ${operation.offset_bytes}+${operation.length_bytes}${marks}`,
        );
    }
  }
}

function assertWholeBlocks(
  start: number,
  length: number,
  unit: LogicalUnit,
  size: number,
): void {
  const whole = start % unit.block_length === 0 && length % unit.block_length === 0;
  if (!whole || length <= 0 || start < 0 || start + length > size) {
    throw new Error(`an operation on ${length} bytes at ${start} of ${size}`);
  }
}

export interface RunOptions {
  readonly dataOut?: Uint8Array;
  /** Bytes of the initiator's data-in buffer. Default 65536. */
  readonly room?: number;
}

function isDataOut(cdb: Uint8Array): boolean {
  const serviceAction = cdb[0] === 0x7f ? cdb[8] << 8 | cdb[9] : cdb[1] & 0x1f;
  return findRow(cdb[0], serviceAction)?.direction === "out";
}

/** What does the operations of procedures: a volume of some kind. */
export interface Performer {
  perform(operation: Operation, unit: LogicalUnit): OperationResult;
}

/** One command, from CDB to answer, with data-in cut to the initiator's buffer. */
export function run(
  unit: LogicalUnit,
  volume: Performer,
  cdb: Uint8Array,
  options: RunOptions = {},
): Answer {
  const dataOut = options.dataOut ?? NOTHING;
  const room = options.room ?? 65536;
  const command = decode(cdb, {
    block_length: unit.block_length,
    block_count: unit.block_count,
    writeProtected: unit.writeProtected,
    ready: unit.state === "ready",
    // A buffer that goes the other way is as if there were none.
    buffer_length: isDataOut(cdb) ? dataOut.length : room,
  });
  const result = refusal(unit, command) ?? execute(unit, command);
  const answer = "next" in result ? drive(unit, volume, result, dataOut) : result;
  return answer.dataIn === undefined
    ? answer
    : { ...answer, dataIn: answer.dataIn.subarray(0, room) };
}

/**
 * Runs a procedure to its end, also what it does in the background, whose failure becomes a deferred
 * error. What a step gave is spoilt when the next step begins.
 */
export function drive(
  unit: LogicalUnit,
  volume: Performer,
  procedure: Procedure,
  dataOut: Uint8Array,
): Answer {
  let early: Answer | undefined;
  let result: OperationResult = DONE;
  for (;;) {
    const next = procedure.next(result);
    if (next.done === true) {
      const answer = ownAnswer(next.value, result.bytes);
      if (early === undefined) return answer;
      if (answer.sense !== undefined) unit.defer(senseTriple(answer.sense));
      return early;
    }
    const operation = next.value;
    const previous = result.bytes;
    if (operation.kind === "answer") {
      if (early !== undefined) throw new Error("a second answer");
      early = ownAnswer(operation.answer, previous);
      result = DONE;
    } else if (operation.kind === "data-out") {
      if (early !== undefined) throw new Error("data-out after the answer");
      result = fetch(operation.offset, operation.length, dataOut);
    } else if (operation.kind === "peer") result = onPeer(operation);
    else result = volume.perform(operation, unit);
    previous.fill(0xee);
  }
}

/** The answer with data-in of its own; spoils the bytes of the last step. */
function ownAnswer(answer: Answer, bytes: Uint8Array): Answer {
  const dataIn = answer.dataIn?.slice();
  bytes.fill(0xee);
  if (dataIn === undefined) return answer;
  if (toHex(dataIn) !== toHex(answer.dataIn as Uint8Array)) {
    throw new Error("the answer shares memory with a step");
  }
  return { ...answer, dataIn };
}

/** Sense key << 16 | ASC << 8 | ASCQ of sense data in either format. */
export function senseTriple(sense: Uint8Array): number {
  const [key, asc, ascq] = (sense[0] & 0x7f) >= 0x72 ? [1, 2, 3] : [2, 12, 13];
  return (sense[key] & 0x0f) << 16 | sense[asc] << 8 | sense[ascq];
}

function onPeer({ peer, operation }: OnPeer): OperationResult {
  let result: OperationResult | undefined;
  peer.perform(operation, (ended) => result = { ...ended, bytes: ended.bytes.slice() });
  if (result === undefined) throw new Error("the peer did not end at once");
  return result;
}

/** A volume as copies of other units see it. */
export function makePeer(unit: LogicalUnit, volume: Performer): PeerUnit {
  return { unit, perform: (operation, ended) => ended(volume.perform(operation, unit)) };
}

function fetch(offset: number, length: number, dataOut: Uint8Array): OperationResult {
  if (length > STEP_LENGTH_MAX) throw new Error(`data-out of ${length} bytes at once`);
  return { result: MediaResult.OK, bytes: dataOut.slice(offset, offset + length) };
}
