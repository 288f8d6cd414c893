/** UNMAP (SBC-4 5.35). All descriptors are checked before the first is carried out. */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { UNMAP_BLOCK_COUNT_MAX, UNMAP_DESCRIPTOR_COUNT_MAX } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import {
  changesMedium,
  checkCondition,
  GOOD,
  invalidField,
  invalidParameter,
} from "../response.ts";
import { Sense } from "../sense.ts";
import { performed } from "./media_steps.ts";
import { checkRange, isAnswer, type Range } from "./range.ts";

const HEADER_LENGTH = 8;
const DESCRIPTOR_LENGTH = 16;

function unmap(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  // ANCHOR: ANC_SUP is 0.
  if ((cdb[1] & 0x01) !== 0) return invalidField(unit, 1, 0);
  const listLength = readUint16(cdb, 7);
  if (listLength === 0) return GOOD;
  if (listLength < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  return unmapList(unit, listLength);
}

function* unmapList(unit: LogicalUnit, listLength: number): Procedure {
  const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
  const ranges = checkList(unit, bytes.slice());
  if ("status" in ranges) return ranges;
  for (const range of ranges) {
    const failure = yield* performed(unit, { kind: "discard", ...range });
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

function checkList(unit: LogicalUnit, list: Uint8Array): readonly Range[] | Answer {
  if (list.length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const descriptorLength = readUint16(list, 2);
  if (descriptorLength > list.length - HEADER_LENGTH) {
    return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  }
  // A last descriptor that is not whole is ignored (SBC-4 5.35.2).
  const count = Math.floor(descriptorLength / DESCRIPTOR_LENGTH);
  if (count > UNMAP_DESCRIPTOR_COUNT_MAX) return invalidParameter(unit, 2);
  const ranges: Range[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const offset = HEADER_LENGTH + index * DESCRIPTOR_LENGTH;
    const blocks = readUint32(list, offset + 8);
    total += blocks;
    const range = checkRange(unit, readUint64(list, offset), blocks);
    if (isAnswer(range)) return range;
    if (total > UNMAP_BLOCK_COUNT_MAX) return invalidParameter(unit, offset + 8);
    if (blocks > 0) ranges.push(range);
  }
  return ranges;
}

export const unmapResponses = [changesMedium("UNMAP", unmap)];
