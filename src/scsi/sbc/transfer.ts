/**
 * READ and WRITE (SBC-4 5.15 to 5.18, 5.40 to 5.43), SYNCHRONIZE CACHE and PRE-FETCH. The device
 * runs the first three itself where nothing is in the way; these procedures are for when something
 * is: an initiator's buffer that is too short, a command that must be alone, a cache switched off.
 *
 * @module
 */
import { FLAG_FUA } from "../../abi/engine.ts";
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type { Procedure } from "../procedure.ts";
import {
  changesMedium,
  checkCondition,
  dataIn,
  GOOD,
  mediaFailure,
  needsMedium,
  step,
} from "../response.ts";
import { Sense } from "../sense.ts";
import { findRow } from "../table.ts";
import { checkRange, checkTransferLength, isAnswer, type Range } from "./range.ts";

/** The range of a transfer or verification, checked against limit and capacity. */
export function transferRange(unit: LogicalUnit, command: CommandView): Range | Answer {
  const row = findRow(command.operationCode, command.serviceAction);
  if (row?.length !== undefined) {
    const refused = checkTransferLength(unit, command.length_blocks, row.length);
    if (refused !== undefined) return refused;
  }
  return checkRange(unit, command.lba, command.length_blocks);
}

function read(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
  return readBlocks(unit, range, command.buffer_length);
}

function* readBlocks(unit: LogicalUnit, range: Range, bufferLength: number): Procedure {
  const data = new Uint8Array(Math.min(range.length_bytes, bufferLength));
  for (let done = 0; done < data.length; done += STEP_LENGTH_MAX_BYTES) {
    const wanted = Math.min(data.length - done, STEP_LENGTH_MAX_BYTES);
    // Media operations are whole blocks, also where the buffer ends inside of one.
    const length_bytes = Math.ceil(wanted / unit.block_length) * unit.block_length;
    const offset_bytes = range.offset_bytes + done;
    const { result, bytes } = yield { kind: "read", offset_bytes, length_bytes };
    if (result !== MediaResult.OK) {
      return mediaFailure(unit, MediaOperation.READ, result, offset_bytes / unit.block_length);
    }
    data.set(bytes.subarray(0, wanted), done);
  }
  return data.length === 0 ? GOOD : dataIn(data);
}

function write(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = transferRange(unit, command);
  if (isAnswer(range)) return range;
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
  const whole = Math.floor(Math.min(range.length_bytes, bufferLength) / unit.block_length) *
    unit.block_length;
  for (let done = 0; done < whole; done += STEP_LENGTH_MAX_BYTES) {
    const length = Math.min(whole - done, STEP_LENGTH_MAX_BYTES);
    const { bytes } = yield { kind: "data-out", offset: done, length };
    // The buffer was as long as that when the command began.
    if (bytes.length < length) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
    const offset_bytes = range.offset_bytes + done;
    const failure = yield* step(
      unit,
      { kind: "write", offset_bytes, bytes, fua },
      MediaOperation.WRITE,
      offset_bytes / unit.block_length,
    );
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

/** The whole volume is flushed, whatever the range; IMMED may be ignored (SBC-4 5.33). */
function synchronizeCache(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const range = checkRange(unit, command.lba, command.length_blocks);
  return isAnswer(range) ? range : flush(unit);
}

export function* flush(unit: LogicalUnit): Procedure {
  return (yield* step(unit, { kind: "flush" }, MediaOperation.FLUSH)) ?? GOOD;
}

/** There is no cache to fetch into: GOOD, and not CONDITION MET (SBC-4 5.12). */
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
