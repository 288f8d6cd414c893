/**
 * ORWRITE (SBC-4 5.10, 5.11): the disjunction of what is on the medium and what is sent. The device
 * keeps all other commands off the range meanwhile.
 */
import type { Answer } from "../answer.ts";
import { readUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, checkCondition, GOOD, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, performed, pieces, readPiece } from "./media_steps.ts";
import { cdbRange, isAnswer, type Range, wrongDataOut } from "./range.ts";

/** ORWRITE set operation; CHANGE GENERATION AND CLEAR (001b) is not there. */
const BMOP_SET = 0;
/**
 * ORWgeneration after power on, which nothing here changes; the policy is 7h then: any other is refused
 * (SBC-4 4.27.3, 4.27.4).
 */
const GENERATION = 0;

function orWrite(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const { cdb, operationCode } = command;
  const long = operationCode === 0x7f;
  if (long && (cdb[2] & 0x07) !== BMOP_SET) return invalidField(unit, 2, 2);
  const range = cdbRange(unit, command);
  if (isAnswer(range)) return range;
  if (long && readUint32(cdb, 20) !== GENERATION) {
    return checkCondition(unit, Sense.ORWRITE_GENERATION_DOES_NOT_MATCH);
  }
  const fua = (cdb[long ? 10 : 1] & 0x08) !== 0 || unit.forceUnitAccess;
  if (command.buffer_length < range.length_bytes) return wrongDataOut(unit);
  return orWriteBlocks(unit, range, fua);
}

function* orWriteBlocks(unit: LogicalUnit, range: Range, fua: boolean): Procedure {
  for (const { offset_bytes, length_bytes } of pieces(range)) {
    const bytes = yield* fetchPiece(unit, offset_bytes - range.offset_bytes, length_bytes);
    if (hasFailed(bytes)) return bytes;
    const present = yield* readPiece(unit, offset_bytes, length_bytes);
    if (hasFailed(present)) return present;
    for (let index = 0; index < length_bytes; index++) bytes[index] |= present[index];
    const failure = yield* performed(unit, { kind: "write", offset_bytes, bytes, fua });
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

export const orWriteResponses = [
  changesMedium("ORWRITE(16)", orWrite),
  changesMedium("ORWRITE(32)", orWrite),
];
