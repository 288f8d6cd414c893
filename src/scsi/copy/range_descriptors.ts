/**
 * Block device range descriptor lists of POPULATE TOKEN and WRITE USING TOKEN (SBC-4 5.12.3).
 *
 * @module
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { checkCondition, invalidParameter } from "../response.ts";
import { checkRange, isAnswer, type Range } from "../sbc/range.ts";
import { Sense } from "../sense.ts";
import { RANGE_DESCRIPTOR_COUNT_MAX, TOKEN_LENGTH_MAX_BYTES } from "./limits.ts";

export const RANGE_DESCRIPTOR_LENGTH = 16;

/** Where a parameter list has its ranges. */
export interface RangeList {
  /** BLOCK DEVICE RANGE DESCRIPTOR LENGTH. */
  readonly lengthByte: number;
  /** The first descriptor. */
  readonly start: number;
}

/** The ranges in the order of the list, without those that are empty; or why they are refused. */
export function readRanges(
  unit: LogicalUnit,
  list: Uint8Array,
  { lengthByte, start }: RangeList,
): readonly Range[] | Answer {
  const length = readUint16(list, lengthByte);
  if (length < RANGE_DESCRIPTOR_LENGTH) return invalidParameter(unit, lengthByte);
  // A last descriptor that is not whole is ignored.
  const declared = Math.floor(length / RANGE_DESCRIPTOR_LENGTH);
  if (declared > RANGE_DESCRIPTOR_COUNT_MAX) {
    return checkCondition(unit, Sense.TOO_MANY_SEGMENT_DESCRIPTORS);
  }
  const sent = Math.floor((list.length - start) / RANGE_DESCRIPTOR_LENGTH);
  const count = Math.min(declared, sent);
  if (count === 0) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const ranges: Range[] = [];
  let total_bytes = 0;
  for (let index = 0; index < count; index++) {
    const offset = start + index * RANGE_DESCRIPTOR_LENGTH;
    const range = checkRange(unit, readUint64(list, offset), readUint32(list, offset + 8));
    if (isAnswer(range)) return range;
    total_bytes += range.length_bytes;
    if (total_bytes > TOKEN_LENGTH_MAX_BYTES) return invalidParameter(unit, offset + 8);
    if (ranges.some((other) => rangesOverlap(other, range))) return invalidParameter(unit, offset);
    if (range.length_bytes > 0) ranges.push(range);
  }
  return ranges;
}

export function rangesOverlap(left: Range, right: Range): boolean {
  return left.offset_bytes < right.offset_bytes + right.length_bytes &&
    right.offset_bytes < left.offset_bytes + left.length_bytes;
}

export function totalLength(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { length_bytes }) => sum + length_bytes, 0);
}
