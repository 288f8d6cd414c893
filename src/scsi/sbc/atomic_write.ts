/**
 * WRITE ATOMIC(16) (SBC-4 5.48): one write operation, all or nothing at loss of power as the volume
 * has promised, and alone on its range so that nobody reads half of it.
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, GOOD, invalidField } from "../response.ts";
import { atomicLengthMax } from "./atomic_limit.ts";
import { fetchPiece, hasFailed, performed } from "./media_steps.ts";
import { checkRange, isAnswer, type Range, wrongDataOut } from "./range.ts";

function writeAtomic(unit: LogicalUnit, { cdb, buffer_length }: CommandView): Answer | Procedure {
  const blocks = readUint16(cdb, 12);
  const range = checkRange(unit, readUint64(cdb, 2), blocks);
  if (isAnswer(range)) return range;
  // ATOMIC BOUNDARY: MAXIMUM ATOMIC BOUNDARY SIZE is 0, a write is never split.
  if (readUint16(cdb, 10) !== 0) return invalidField(unit, 10);
  if (blocks > atomicLengthMax(unit)) return invalidField(unit, 12);
  // A part of it would not be what was asked for.
  if (buffer_length < range.length_bytes) return wrongDataOut(unit);
  if (blocks === 0) return GOOD;
  return writeWhole(unit, range, (cdb[1] & 0x08) !== 0 || unit.forceUnitAccess);
}

function* writeWhole(unit: LogicalUnit, range: Range, fua: boolean): Procedure {
  const { offset_bytes, length_bytes } = range;
  const bytes = yield* fetchPiece(unit, 0, length_bytes);
  if (hasFailed(bytes)) return bytes;
  return (yield* performed(unit, { kind: "write", offset_bytes, bytes, fua })) ?? GOOD;
}

export const atomicWriteResponses = [changesMedium("WRITE ATOMIC(16)", writeAtomic)];
