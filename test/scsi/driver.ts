/** Runs commands of the device server against a volume that is an array. */
import type { Answer } from "../../src/scsi/answer.ts";
import { execute, refusal } from "../../src/scsi/device_server.ts";
import { makeIdentity } from "../../src/scsi/identity.ts";
import { LogicalUnit, type LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import type { Operation, OperationResult, Procedure } from "../../src/scsi/procedure.ts";
import { findRow } from "../../src/scsi/table.ts";
import { decode } from "../decode.ts";

export const BLOCK_LENGTH = 512;
export const BLOCK_COUNT = 64;
const STEP_LENGTH_MAX = 1 << 20;
const NOTHING = new Uint8Array(0);

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
  /** What was done to it, as "read 512+1024", with "fua" and "unmap" after it. */
  readonly steps: string[] = [];
  /** Result of the operations of this kind, in place of doing them. */
  readonly failures = new Map<Operation["kind"], number>();

  constructor(unit: LogicalUnit) {
    this.bytes = new Uint8Array(unit.block_count * unit.block_length);
    for (let lba = 0; lba < unit.block_count; lba++) {
      this.bytes.fill(lba, lba * unit.block_length, (lba + 1) * unit.block_length);
    }
  }

  perform(operation: Operation, unit: LogicalUnit): OperationResult {
    this.#log(operation);
    const failure = this.failures.get(operation.kind);
    if (failure !== undefined) return { result: failure, bytes: NOTHING };
    if (operation.kind === "flush" || operation.kind === "data-out") {
      return { result: MediaResult.OK, bytes: NOTHING };
    }
    const start = operation.offset_bytes;
    const length = operation.kind === "write" ? operation.bytes.length : operation.length_bytes;
    assertWholeBlocks(start, length, unit, this.bytes.length);
    const range = this.bytes.subarray(start, start + length);
    if (operation.kind === "read") {
      if (length > STEP_LENGTH_MAX) throw new Error(`a read of ${length} bytes`);
      return { result: MediaResult.OK, bytes: range.slice() };
    }
    if (operation.kind === "write") {
      if (length > STEP_LENGTH_MAX) throw new Error(`a write of ${length} bytes`);
      range.set(operation.bytes);
    } else range.fill(0);
    return { result: MediaResult.OK, bytes: NOTHING };
  }

  #log(operation: Operation): void {
    const marks = ("fua" in operation && operation.fua ? " fua" : "") +
      ("unmap" in operation && operation.unmap ? " unmap" : "");
    switch (operation.kind) {
      case "data-out":
        return;
      case "flush":
        this.steps.push("flush");
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

/** One command, from CDB to answer, with data-in cut to the initiator's buffer. */
export function run(
  unit: LogicalUnit,
  volume: ArrayVolume,
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

/** Runs a procedure to its end. What a step gave is spoilt when the next step begins. */
export function drive(
  unit: LogicalUnit,
  volume: ArrayVolume,
  procedure: Procedure,
  dataOut: Uint8Array,
): Answer {
  let result: OperationResult = { result: MediaResult.OK, bytes: NOTHING };
  for (;;) {
    const next = procedure.next(result);
    if (next.done === true) {
      const answer = next.value;
      const dataIn = answer.dataIn?.slice();
      result.bytes.fill(0xee);
      if (dataIn !== undefined && toHex(dataIn) !== toHex(answer.dataIn as Uint8Array)) {
        throw new Error("the answer shares memory with a step");
      }
      return answer;
    }
    const previous = result.bytes;
    result = next.value.kind === "data-out"
      ? fetch(next.value.offset, next.value.length, dataOut)
      : volume.perform(next.value, unit);
    previous.fill(0xee);
  }
}

function fetch(offset: number, length: number, dataOut: Uint8Array): OperationResult {
  if (length > STEP_LENGTH_MAX) throw new Error(`data-out of ${length} bytes at once`);
  return { result: MediaResult.OK, bytes: dataOut.slice(offset, offset + length) };
}
