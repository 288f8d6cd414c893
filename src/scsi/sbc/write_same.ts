/** WRITE SAME (SBC-4 5.52 to 5.54): one block, or zeros, over a range. */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES, WRITE_SAME_BLOCK_COUNT_MAX } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, GOOD, invalidField } from "../response.ts";
import { findRow } from "../table.ts";
import { fetchPiece, hasFailed, performed, pieces } from "./media_steps.ts";
import { checkRange, isAnswer, type Range, wrongDataOut } from "./range.ts";
import { flush } from "./transfer.ts";

const ANCHOR = 0x10;
const UNMAP = 0x08;
const OBSOLETE = 0x06;
const NDOB = 0x01;

function writeSame(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const { operationCode, serviceAction, length_blocks, cdb } = command;
  const flagsByte = operationCode === 0x7f ? 10 : 1;
  const flags = cdb[flagsByte];
  const unmap = (flags & UNMAP) !== 0;
  // WRITE SAME(10) has no NDOB: bit 0 is reserved there.
  const ndob = operationCode !== 0x41 && (flags & NDOB) !== 0;
  // ANC_SUP is 0, and without UNMAP there is nothing to anchor.
  if ((flags & ANCHOR) !== 0) return invalidField(unit, flagsByte, 4);
  if (unmap && !unit.features.discard) return invalidField(unit, flagsByte, 3);
  // PBDATA and LBDATA, and RELADR in the 10-byte CDB.
  const obsolete = flags & (operationCode === 0x41 ? OBSOLETE | NDOB : OBSOLETE);
  if (obsolete !== 0) return invalidField(unit, flagsByte, 31 - Math.clz32(obsolete));
  const lengthByte = findRow(operationCode, serviceAction)?.length?.offset ?? 0;
  // WSNZ, and MAXIMUM WRITE SAME LENGTH (SBC-4 6.6.4).
  if (length_blocks === 0) return invalidField(unit, lengthByte);
  const range = checkRange(unit, command.lba, length_blocks);
  if (isAnswer(range)) return range;
  if (length_blocks > WRITE_SAME_BLOCK_COUNT_MAX) return invalidField(unit, lengthByte);
  if (ndob) return writeZeroes(unit, range, unmap);
  // One block is sent, neither more nor less.
  if (command.buffer_length !== unit.block_length) return wrongDataOut(unit);
  return writeBlock(unit, range, unmap);
}

function* writeBlock(unit: LogicalUnit, range: Range, unmap: boolean): Procedure {
  const block = yield* fetchPiece(unit, 0, unit.block_length);
  if (hasFailed(block)) return block;
  // LBPRZ is set: only zeros may be unmapped, other data must be read back (SBC-4 5.52).
  if (isZero(block)) return yield* writeZeroes(unit, range, unmap);
  return yield* writePattern(unit, range, block);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * One operation for the whole range: what a volume gives back reads as zeros, blocks at its ends that
 * are smaller than what storage is given back in included (`Volume.discard`).
 */
function* writeZeroes(unit: LogicalUnit, range: Range, unmap: boolean): Procedure {
  const { writeZeroes, discard } = unit.features;
  const fua = unit.forceUnitAccess;
  if (writeZeroes) {
    return (yield* performed(unit, { kind: "write-zeroes", ...range, unmap, fua })) ?? GOOD;
  }
  if (unmap && discard) {
    const failure = yield* performed(unit, { kind: "discard", ...range });
    // Zeros that are acknowledged must not become old data again.
    return failure ?? (fua ? yield* flush(unit) : GOOD);
  }
  return yield* writePattern(unit, range, new Uint8Array(unit.block_length));
}

/** A step for each piece: other commands come between them. */
function* writePattern(unit: LogicalUnit, range: Range, block: Uint8Array): Procedure {
  const pattern = new Uint8Array(Math.min(range.length_bytes, STEP_LENGTH_MAX_BYTES));
  for (let offset = 0; offset < pattern.length; offset += block.length) pattern.set(block, offset);
  for (const { offset_bytes, length_bytes } of pieces(range)) {
    const bytes = pattern.subarray(0, length_bytes);
    const fua = unit.forceUnitAccess;
    const failure = yield* performed(unit, { kind: "write", offset_bytes, bytes, fua });
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

export const writeSameResponses = [10, 16, 32].map((size) =>
  changesMedium(`WRITE SAME(${size})`, writeSame)
);
