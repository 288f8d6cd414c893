/** VERIFY (SBC-4 5.36 to 5.39) and WRITE AND VERIFY (SBC-4 5.44 to 5.47). */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type { Operation, OperationResult, Procedure } from "../procedure.ts";
import {
  changesMedium,
  checkCondition,
  GOOD,
  invalidField,
  mediaFailure,
  needsMedium,
  step,
} from "../response.ts";
import { Sense } from "../sense.ts";
import { isAnswer, type Range } from "./range.ts";
import { transferRange } from "./transfer.ts";

/** BYTCHK (SBC-4 table 121): what the medium is compared with. */
const ByteCheck = { NOTHING: 0, DATA_OUT: 1, ONE_BLOCK: 3 } as const;

/** BYTCHK stands in byte 1, in byte 10 of the 32-byte CDBs. */
function flagsByte(command: CommandView): number {
  return command.operationCode === 0x7f ? 10 : 1;
}

function byteCheck(command: CommandView): number {
  return command.cdb[flagsByte(command)] >>> 1 & 0x03;
}

function verify(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const check = byteCheck(command);
  if (check === 2) return invalidField(unit, flagsByte(command), 2);
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  switch (check) {
    case ByteCheck.NOTHING:
      return verifyMedium(unit, range);
    case ByteCheck.DATA_OUT:
      return compare(unit, range, command.buffer_length);
    default:
      return compareOneBlock(unit, range, command.buffer_length);
  }
}

type Steps<Result> = Generator<Operation, Result, OperationResult>;

/** Reads a piece. Returns what is there, valid until the next step, or the failure. */
function* readPiece(
  unit: LogicalUnit,
  offset_bytes: number,
  length_bytes: number,
): Steps<Uint8Array | Answer> {
  const { result, bytes } = yield { kind: "read", offset_bytes, length_bytes };
  if (result === MediaResult.OK) return bytes;
  return mediaFailure(unit, MediaOperation.READ, result, offset_bytes / unit.block_length);
}

function* verifyMedium(unit: LogicalUnit, range: Range): Procedure {
  for (let done = 0; done < range.length_bytes; done += STEP_LENGTH_MAX_BYTES) {
    const length = Math.min(range.length_bytes - done, STEP_LENGTH_MAX_BYTES);
    const piece = yield* readPiece(unit, range.offset_bytes + done, length);
    if ("status" in piece) return piece;
  }
  return GOOD;
}

/** Compares with as much of the range as the initiator sent. */
function* compare(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  const total = wholeBlocks(unit, Math.min(range.length_bytes, bufferLength));
  for (let done = 0; done < total; done += STEP_LENGTH_MAX_BYTES) {
    const length = Math.min(total - done, STEP_LENGTH_MAX_BYTES);
    const failure = yield* comparePiece(unit, range.offset_bytes + done, done, length);
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

function* comparePiece(
  unit: LogicalUnit,
  offset_bytes: number,
  dataOutOffset: number,
  length: number,
): Steps<Answer | undefined> {
  const fetched = yield { kind: "data-out", offset: dataOutOffset, length };
  const expected = fetched.bytes.slice();
  const piece = yield* readPiece(unit, offset_bytes, length);
  if ("status" in piece) return piece;
  return firstDifference(piece, expected) < 0 ? undefined : miscompare(unit);
}

/** BYTCHK 11b: each block is compared with the one block that was sent. */
function* compareOneBlock(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  const { block_length } = unit;
  if (range.length_bytes === 0) return GOOD;
  if (bufferLength < block_length) return checkCondition(unit, Sense.INVALID_FIELD_IN_CDB);
  const fetched = yield { kind: "data-out", offset: 0, length: block_length };
  const block = fetched.bytes.slice();
  for (let done = 0; done < range.length_bytes; done += STEP_LENGTH_MAX_BYTES) {
    const length = Math.min(range.length_bytes - done, STEP_LENGTH_MAX_BYTES);
    const piece = yield* readPiece(unit, range.offset_bytes + done, length);
    if ("status" in piece) return piece;
    for (let start = 0; start < length; start += block_length) {
      const part = piece.subarray(start, start + block_length);
      if (firstDifference(part, block) >= 0) return miscompare(unit);
    }
  }
  return GOOD;
}

function miscompare(unit: LogicalUnit): Answer {
  return checkCondition(unit, Sense.MISCOMPARE_DURING_VERIFY);
}

/** Offset of the first byte that differs, or -1. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  const length = Math.max(actual.length, expected.length);
  for (let index = 0; index < length; index++) {
    if (actual[index] !== expected[index]) return index;
  }
  return -1;
}

function wholeBlocks(unit: LogicalUnit, length_bytes: number): number {
  return Math.floor(length_bytes / unit.block_length) * unit.block_length;
}

function writeAndVerify(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const check = byteCheck(command);
  // 10b and 11b are reserved (SBC-4 5.44).
  if (check > ByteCheck.DATA_OUT) return invalidField(unit, flagsByte(command), 2);
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  return writeThenVerify(unit, range, command.buffer_length, check);
}

/** Piece by piece: write to the medium, read it back, compare where BYTCHK asks for it. */
function* writeThenVerify(
  unit: LogicalUnit,
  range: Range,
  bufferLength: number,
  check: number,
): Procedure {
  const total = wholeBlocks(unit, Math.min(range.length_bytes, bufferLength));
  for (let done = 0; done < total; done += STEP_LENGTH_MAX_BYTES) {
    const length = Math.min(total - done, STEP_LENGTH_MAX_BYTES);
    const offset_bytes = range.offset_bytes + done;
    const { bytes } = yield { kind: "data-out", offset: done, length };
    const failure = yield* step(
      unit,
      { kind: "write", offset_bytes, bytes, fua: true },
      MediaOperation.WRITE,
      offset_bytes / unit.block_length,
    );
    if (failure !== undefined) return failure;
    if (check === ByteCheck.DATA_OUT) {
      const difference = yield* comparePiece(unit, offset_bytes, done, length);
      if (difference !== undefined) return difference;
    } else {
      const piece = yield* readPiece(unit, offset_bytes, length);
      if ("status" in piece) return piece;
    }
  }
  return GOOD;
}

export const verifyResponses = [10, 12, 16, 32].flatMap((size) => [
  needsMedium(`VERIFY(${size})`, verify),
  changesMedium(`WRITE AND VERIFY(${size})`, writeAndVerify),
]);
