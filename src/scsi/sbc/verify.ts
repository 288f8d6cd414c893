/** VERIFY (SBC-4 5.36 to 5.39) and WRITE AND VERIFY (SBC-4 5.44 to 5.47). */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure, ProtectionChecks } from "../procedure.ts";
import { changesMedium, checkCondition, GOOD, invalidField, needsMedium } from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, performed, pieces, readPiece, type Steps } from "./media_steps.ts";
import { protectField, protectionChecks } from "./protection.ts";
import { isAnswer, type Range, wholeBlocks, wrongDataOut } from "./range.ts";
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
  // Data-out with protection information in it is compared by nobody here.
  const compares = check !== ByteCheck.NOTHING && flagsByte(command) === 1;
  if (compares && protectField(command.cdb) !== 0) return invalidField(unit, 1, 7);
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  switch (check) {
    case ByteCheck.NOTHING:
      return verifyProtection(unit, command, range);
    case ByteCheck.DATA_OUT:
      return compare(unit, range, command.buffer_length);
    default:
      return compareOneBlock(unit, range, command.buffer_length);
  }
}

/** VRPROTECT says what is checked of the protection information on the medium, if there is any. */
function verifyProtection(
  unit: LogicalUnit,
  { cdb, operationCode }: CommandView,
  range: Range,
): Answer | Procedure {
  if (operationCode === 0x7f || protectField(cdb) === 0) return verifyMedium(unit, range);
  const checks = protectionChecks(unit, cdb);
  return "status" in checks ? checks : verifyMedium(unit, range, checks);
}

function* verifyMedium(
  unit: LogicalUnit,
  range: Range,
  checks?: ProtectionChecks,
): Procedure {
  for (const { offset_bytes, length_bytes } of pieces(range)) {
    const piece = yield* readPiece(unit, offset_bytes, length_bytes, checks);
    if (hasFailed(piece)) return piece;
  }
  return GOOD;
}

function* compare(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  if (bufferLength < range.length_bytes) return wrongDataOut(unit);
  for (const piece of pieces(range)) {
    const failure = yield* comparePiece(unit, piece, piece.offset_bytes - range.offset_bytes);
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

function* comparePiece(
  unit: LogicalUnit,
  { offset_bytes, length_bytes }: Range,
  dataOutOffset: number,
): Steps<Answer | undefined> {
  const expected = yield* fetchPiece(unit, dataOutOffset, length_bytes);
  if (hasFailed(expected)) return expected;
  const piece = yield* readPiece(unit, offset_bytes, length_bytes);
  if (hasFailed(piece)) return piece;
  const difference = firstDifference(piece, expected);
  return difference < 0 ? undefined : miscompare(unit, offset_bytes + difference);
}

/** BYTCHK 11b: each block is compared with the one block that was sent. */
function* compareOneBlock(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  const { block_length } = unit;
  if (range.length_bytes === 0) return GOOD;
  if (bufferLength < block_length) return wrongDataOut(unit);
  const block = yield* fetchPiece(unit, 0, block_length);
  if (hasFailed(block)) return block;
  for (const { offset_bytes, length_bytes } of pieces(range)) {
    const piece = yield* readPiece(unit, offset_bytes, length_bytes);
    if (hasFailed(piece)) return piece;
    for (let start = 0; start < length_bytes; start += block_length) {
      const difference = firstDifference(piece.subarray(start, start + block_length), block);
      if (difference >= 0) return miscompare(unit, offset_bytes + start);
    }
  }
  return GOOD;
}

/**
 * INFORMATION is the LBA of the first block that differs, as wherever a block is at fault; only
 * COMPARE AND WRITE gives an offset in the data-out (SBC-4 table 15).
 */
function miscompare(unit: LogicalUnit, offset_bytes: number): Answer {
  const information = Math.floor(offset_bytes / unit.block_length);
  return checkCondition(unit, Sense.MISCOMPARE_DURING_VERIFY, { information });
}

/** Offset of the first byte that differs, or -1. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  const length = Math.max(actual.length, expected.length);
  for (let index = 0; index < length; index++) {
    if (actual[index] !== expected[index]) return index;
  }
  return -1;
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
  const length_bytes = wholeBlocks(unit, Math.min(range.length_bytes, bufferLength));
  for (const piece of pieces({ ...range, length_bytes })) {
    const { offset_bytes } = piece;
    const done = offset_bytes - range.offset_bytes;
    const bytes = yield* fetchPiece(unit, done, piece.length_bytes);
    if (hasFailed(bytes)) return bytes;
    const failure = yield* performed(unit, { kind: "write", offset_bytes, bytes, fua: true });
    if (failure !== undefined) return failure;
    if (check === ByteCheck.DATA_OUT) {
      const difference = yield* comparePiece(unit, piece, done);
      if (difference !== undefined) return difference;
    } else {
      const written = yield* readPiece(unit, offset_bytes, piece.length_bytes);
      if (hasFailed(written)) return written;
    }
  }
  return GOOD;
}

export const verifyResponses = [10, 12, 16, 32].flatMap((size) => [
  needsMedium(`VERIFY(${size})`, verify),
  changesMedium(`WRITE AND VERIFY(${size})`, writeAndVerify),
]);
