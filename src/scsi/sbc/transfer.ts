/**
 * READ and WRITE (SBC-4 5.16 to 5.19, 5.40 to 5.43), SYNCHRONIZE CACHE and PRE-FETCH. The device
 * runs the first three itself where nothing is in the way; these procedures are for when something
 * is: an initiator's buffer that is too short, a command that must be alone, a cache switched off.
 *
 * @module
 */
import { FLAG_FUA, FLAG_IMMEDIATE } from "../../abi/engine.ts";
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, dataIn, GOOD, needsMedium } from "../response.ts";
import { findRow } from "../table.ts";
import { fetchPiece, hasFailed, performed, pieces, readPiece } from "./media_steps.ts";
import {
  type ProtectedTransfer,
  protectField,
  protectionChecks,
  readWithProtection,
  writeWithProtection,
} from "./protection.ts";
import { checkRange, checkTransferLength, isAnswer, type Range, wholeBlocks } from "./range.ts";

/** The range of a transfer or verification, checked against limit and capacity. */
export function transferRange(unit: LogicalUnit, command: CommandView): Range | Answer {
  const row = findRow(command.operationCode, command.serviceAction);
  if (row?.length !== undefined) {
    const refused = checkTransferLength(unit, command.length_blocks, row.length);
    if (refused !== undefined) return refused;
  }
  return checkRange(unit, command.lba, command.length_blocks);
}

/** Whether the initiator takes or sends protection information: the unit keeps it then. */
function transfersProtection({ cdb, cdbLength }: CommandView): boolean {
  return cdbLength > 6 && cdbLength < 32 && protectField(cdb) !== 0;
}

function protectedTransfer(
  unit: LogicalUnit,
  command: CommandView,
  range: Range,
): ProtectedTransfer | Answer {
  const checks = protectionChecks(unit, command.cdb);
  if ("status" in checks) return checks;
  const row = findRow(command.operationCode, command.serviceAction);
  const { buffer_length } = command;
  return { range, checks, buffer_length, lengthByte: row?.length?.offset ?? 0 };
}

function read(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  if (transfersProtection(command)) {
    const transfer = protectedTransfer(unit, command, range);
    return "status" in transfer ? transfer : readWithProtection(unit, transfer);
  }
  return readBlocks(unit, range, command.buffer_length);
}

function* readBlocks(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  const data = new Uint8Array(Math.min(range.length_bytes, bufferLength));
  for (let done = 0; done < data.length; done += STEP_LENGTH_MAX_BYTES) {
    const wanted = Math.min(data.length - done, STEP_LENGTH_MAX_BYTES);
    // Media operations are whole blocks, also where the buffer ends inside of one.
    const length_bytes = Math.ceil(wanted / unit.block_length) * unit.block_length;
    const piece = yield* readPiece(unit, range.offset_bytes + done, length_bytes);
    if (hasFailed(piece)) return piece;
    data.set(piece.subarray(0, wanted), done);
  }
  return data.length === 0 ? GOOD : dataIn(data);
}

function write(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  if (transfersProtection(command)) {
    const transfer = protectedTransfer(unit, command, range);
    // The decoder has stopped at WRPROTECT, before FUA.
    const fua = (command.cdb[1] & 0x08) !== 0 || unit.forceUnitAccess;
    return "status" in transfer ? transfer : writeWithProtection(unit, transfer, fua);
  }
  const fua = (command.flags & FLAG_FUA) !== 0 || unit.forceUnitAccess;
  return writeBlocks(unit, range, command.buffer_length, fua);
}

function* writeBlocks(
  unit: LogicalUnit,
  range: Range,
  bufferLength: number,
  fua: boolean,
): Procedure {
  // A block that came in part is not written (the residual tells the initiator).
  const length_bytes = wholeBlocks(unit, Math.min(range.length_bytes, bufferLength));
  for (const piece of pieces({ ...range, length_bytes })) {
    const { offset_bytes } = piece;
    const bytes = yield* fetchPiece(unit, offset_bytes - range.offset_bytes, piece.length_bytes);
    if (hasFailed(bytes)) return bytes;
    const failure = yield* performed(unit, { kind: "write", offset_bytes, bytes, fua });
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

/** The whole volume is flushed, whatever the range (SBC-4 5.33). */
function synchronizeCache(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = checkRange(unit, command.lba, command.length_blocks);
  if (isAnswer(range)) return range;
  return (command.flags & FLAG_IMMEDIATE) === 0 ? flush(unit) : flushLater(unit);
}

/** IMMED: a failure becomes a deferred error (SPC-4 4.5.5). */
export function* flushLater(unit: LogicalUnit): Procedure {
  yield { kind: "answer", answer: GOOD };
  return yield* flush(unit);
}

export function* flush(unit: LogicalUnit): Procedure {
  return (yield* performed(unit, { kind: "flush" })) ?? GOOD;
}

/**
 * There is no cache of our own to fetch into: GOOD, and not CONDITION MET, which would promise that
 * all of the blocks are there (SBC-4 5.13). IMMED changes nothing of it.
 */
function preFetch(unit: LogicalUnit, command: CommandView): Answer {
  const range = checkRange(unit, command.lba, command.length_blocks);
  return isAnswer(range) ? range : GOOD;
}

export const transferResponses = [
  ...[6, 10, 12, 16, 32].flatMap((size) => [
    needsMedium(`READ(${size})`, read),
    changesMedium(`WRITE(${size})`, write),
  ]),
  ...[10, 16].flatMap((size) => [
    needsMedium(`SYNCHRONIZE CACHE(${size})`, synchronizeCache),
    needsMedium(`PRE-FETCH(${size})`, preFetch),
  ]),
];
