/**
 * COMPARE AND WRITE (SBC-4 5.3). The device keeps all other commands off the range from the first
 * step to the last: there is no other way to make it one operation out of reads and writes.
 */
import type { Answer } from "../answer.ts";
import { readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { COMPARE_AND_WRITE_BLOCK_COUNT_MAX } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, checkCondition, GOOD, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, performed, readPiece } from "./media_steps.ts";
import { checkRange, isAnswer, type Range, wrongDataOut } from "./range.ts";
import { firstDifference } from "./verify.ts";

function compareAndWrite(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const { cdb } = command;
  const blocks = cdb[13];
  if (blocks > COMPARE_AND_WRITE_BLOCK_COUNT_MAX) return invalidField(unit, 13);
  const range = checkRange(unit, readUint64(cdb, 2), blocks);
  if (isAnswer(range)) return range;
  // Blocks to compare, then as many to write; another length leaves unclear which is which, and may
  // be a number of blocks that did not fit into its byte.
  // Data to no blocks: more than the one byte can say were meant.
  if (blocks === 0) return command.buffer_length === 0 ? GOOD : invalidField(unit, 13);
  if (command.buffer_length !== 2 * range.length_bytes) return wrongDataOut(unit);
  return compareThenWrite(unit, range, (cdb[1] & 0x08) !== 0 || unit.forceUnitAccess);
}

/** 255 blocks of 4096 bytes are less than one step may have. */
function* compareThenWrite(unit: LogicalUnit, range: Range, fua: boolean): Procedure {
  const { offset_bytes, length_bytes } = range;
  const expected = yield* fetchPiece(unit, 0, length_bytes);
  if (hasFailed(expected)) return expected;
  const present = yield* readPiece(unit, offset_bytes, length_bytes);
  if (hasFailed(present)) return present;
  const difference = firstDifference(present, expected);
  if (difference >= 0) {
    // INFORMATION: offset in the data-out of the first byte that differs.
    return checkCondition(unit, Sense.MISCOMPARE_DURING_VERIFY, { information: difference });
  }
  const bytes = yield* fetchPiece(unit, length_bytes, length_bytes);
  if (hasFailed(bytes)) return bytes;
  return (yield* performed(unit, { kind: "write", offset_bytes, bytes, fua })) ?? GOOD;
}

export const compareAndWriteResponses = [changesMedium("COMPARE AND WRITE", compareAndWrite)];
