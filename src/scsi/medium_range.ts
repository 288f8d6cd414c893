/** Which bytes of the medium a command may touch: what keeps commands apart that must not overlap. */
import { readField } from "./big_endian.ts";
import type { CommandView } from "./command.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import type { OperationCode } from "./opcode.ts";
import { findRow } from "./table.ts";

/** Bytes of the medium; `length_bytes` is Infinity where it is all of it. */
export interface MediumRange {
  readonly offset_bytes: number;
  readonly length_bytes: number;
}

export const WHOLE_MEDIUM: MediumRange = Object.freeze({ offset_bytes: 0, length_bytes: Infinity });

/**
 * Commands whose ranges stand in their parameter list: FORMAT UNIT, UNMAP, SANITIZE, and what a
 * handler has claimed, count as touching everything. Third-party copies do not: each of their
 * operations is run as one of another unit is, and kept apart from commands that must be alone.
 */
const TOUCHES_ALL: ReadonlySet<number> = new Set([0x04, 0x42, 0x48]);

export function overlap(left: MediumRange, right: MediumRange): boolean {
  return left.offset_bytes < right.offset_bytes + right.length_bytes &&
    right.offset_bytes < left.offset_bytes + left.length_bytes;
}

/** The range of a command; undefined where it does not touch the medium. */
export function mediumRange(
  unit: LogicalUnit,
  command: CommandView,
  row: OperationCode | undefined,
): MediumRange | undefined {
  const { block_length } = unit;
  if (unit.features.claims?.some(({ code }) => code === command.operationCode)) return WHOLE_MEDIUM;
  if (row === undefined) return undefined;
  if (TOUCHES_ALL.has(row.code)) return WHOLE_MEDIUM;
  if (row.lba === undefined || row.length === undefined) {
    return row.exclusive === true ? WHOLE_MEDIUM : undefined;
  }
  // The decoder knows the short fields of READ(6) and WRITE(6).
  const decoded = row.commandClass !== "OTHER";
  const lba = decoded ? command.lba : readField(command.cdb, row.lba);
  const blocks = decoded ? command.length_blocks : readField(command.cdb, row.length);
  if (blocks === 0) return undefined;
  return { offset_bytes: lba * block_length, length_bytes: blocks * block_length };
}

/** The row of a command. */
export function rowOf(command: CommandView): OperationCode | undefined {
  return findRow(command.operationCode, command.serviceAction);
}
