/** Checks of a range of logical blocks, and walking it in pieces. */
import type { Answer } from "../answer.ts";
import { readField } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { TRANSFER_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { CdbField } from "../opcode.ts";
import { checkCondition, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";
import { findRow } from "../table.ts";

/** A range that was checked, in bytes. */
export interface Range {
  readonly offset_bytes: number;
  readonly length_bytes: number;
}

/**
 * The range in bytes, or LOGICAL BLOCK ADDRESS OUT OF RANGE. An empty range may begin at
 * the end of the medium. The decoder has checked this as well; the capacity may be smaller since.
 */
export function checkRange(unit: LogicalUnit, lba: number, blocks: number): Range | Answer {
  if (lba > unit.block_count || blocks > unit.block_count - lba) return outOfRange(unit, lba);
  return { offset_bytes: lba * unit.block_length, length_bytes: blocks * unit.block_length };
}

/** INFORMATION is the first LBA that is not there (SBC-4 4.18.1). */
export function outOfRange(unit: LogicalUnit, lba: number): Answer {
  const information = Math.max(lba, unit.block_count);
  return checkCondition(unit, Sense.LBA_OUT_OF_RANGE, { information });
}

/**
 * The range that the fields of a CDB name, checked against limit and capacity: for commands that the
 * decoder has no class for.
 */
export function cdbRange(unit: LogicalUnit, command: CommandView): Range | Answer {
  const row = findRow(command.operationCode, command.serviceAction);
  if (row?.lba === undefined || row.length === undefined) {
    throw new Error("assertion: the command has no range");
  }
  const blocks = readField(command.cdb, row.length);
  return checkTransferLength(unit, blocks, row.length) ??
    checkRange(unit, readField(command.cdb, row.lba), blocks);
}

/** Of so many bytes, those that are whole blocks. */
export function wholeBlocks(unit: LogicalUnit, length_bytes: number): number {
  return Math.floor(length_bytes / unit.block_length) * unit.block_length;
}

/** 5/24/00 for more than the MAXIMUM TRANSFER LENGTH (SBC-4 6.6.4). */
export function checkTransferLength(
  unit: LogicalUnit,
  blocks: number,
  field: CdbField,
): Answer | undefined {
  if (blocks * unit.block_length <= TRANSFER_LENGTH_MAX_BYTES) return undefined;
  return invalidField(unit, field.offset);
}

/**
 * The initiator has sent another amount of data than the command needs: which bytes are which is not
 * clear, or some are missing. One rule for all commands but WRITE, and WRITE AND VERIFY, which write
 * the whole blocks that came.
 */
export function wrongDataOut(unit: LogicalUnit): Answer {
  return checkCondition(unit, Sense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
}

export function isAnswer(value: Range | Answer): value is Answer {
  return "status" in value;
}
