/**
 * COMPARE AND WRITE (SBC-4 5.3). The device keeps all other commands off the range from the first
 * step to the last: there is no other way to make it one operation out of reads and writes.
 */
import type { Answer } from "../answer.ts";
import { readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { COMPARE_AND_WRITE_BLOCK_COUNT_MAX } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type { Procedure } from "../procedure.ts";
import {
  changesMedium,
  checkCondition,
  GOOD,
  invalidField,
  mediaFailure,
  step,
} from "../response.ts";
import { Sense } from "../sense.ts";
import { checkRange, isAnswer, type Range } from "./range.ts";
import { firstDifference } from "./verify.ts";

function compareAndWrite(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const { cdb } = command;
  const blocks = cdb[13];
  if (blocks > COMPARE_AND_WRITE_BLOCK_COUNT_MAX) return invalidField(unit, 13);
  const range = checkRange(unit, readUint64(cdb, 2), blocks);
  if (isAnswer(range)) return range;
  // Blocks to compare, then as many to write; another length leaves unclear which is which, and may
  // be a number of blocks that did not fit into its byte.
  if (command.buffer_length !== 2 * range.length_bytes) return invalidField(unit, 13);
  if (blocks === 0) return GOOD;
  return compareThenWrite(unit, range, (cdb[1] & 0x08) !== 0 || unit.forceUnitAccess);
}

function* compareThenWrite(unit: LogicalUnit, range: Range, fua: boolean): Procedure {
  const { offset_bytes, length_bytes } = range;
  const lba = offset_bytes / unit.block_length;
  const fetched = yield { kind: "data-out", offset: 0, length: length_bytes };
  const expected = fetched.bytes.slice();
  const { result, bytes } = yield { kind: "read", offset_bytes, length_bytes };
  if (result !== MediaResult.OK) return mediaFailure(unit, MediaOperation.READ, result, lba);
  const difference = firstDifference(bytes, expected);
  if (difference >= 0) {
    // INFORMATION: offset of the first byte that differs.
    return checkCondition(unit, Sense.MISCOMPARE_DURING_VERIFY, { information: difference });
  }
  const data = yield { kind: "data-out", offset: length_bytes, length: length_bytes };
  const failure = yield* step(
    unit,
    { kind: "write", offset_bytes, bytes: data.bytes, fua },
    MediaOperation.WRITE,
    lba,
  );
  return failure ?? GOOD;
}

export const compareAndWriteResponses = [changesMedium("COMPARE AND WRITE", compareAndWrite)];
