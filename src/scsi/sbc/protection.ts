/**
 * Protection information, T10 DIF (SBC-4 4.21), in commands: 8 bytes behind each block, from and to
 * the initiator where RDPROTECT and WRPROTECT ask for them. What they are is the engine's to make and
 * to check, by the type of the unit.
 */
import { PROTECTION_CHECK_GUARD, PROTECTION_CHECK_REFERENCE_TAG } from "../../abi/engine.ts";
import type { Answer } from "../answer.ts";
import { STEP_LENGTH_MAX_BYTES, TRANSFER_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { CdbBits, OperationCode } from "../opcode.ts";
import type { Procedure, ProtectionChecks, ReadMedia, WriteMedia } from "../procedure.ts";
import { checkCondition, dataIn, GOOD, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, operationFailure, performed, pieces } from "./media_steps.ts";
import type { Range } from "./range.ts";

/** Bytes of protection information of one block. */
export const PROTECTION_LENGTH = 8;

/** The commands that can be asked for it. */
const TRANSFERS = /^(READ|WRITE|VERIFY)\((10|12|16)\)$/;
const FMTPINFO: CdbBits = { offset: 1, mask: 0xc0 };
const PROTECT: CdbBits = { offset: 1, mask: 0xe0 };

/**
 * Bits of the CDB that are refused but on a unit that keeps protection information, where the
 * command itself looks at them; undefined where they are refused here as well.
 */
export function protectionBits(unit: LogicalUnit, row: OperationCode): CdbBits | undefined {
  if (!unit.features.protection) return undefined;
  if (row.name === "FORMAT UNIT") return FMTPINFO;
  return TRANSFERS.test(row.name) ? PROTECT : undefined;
}

/** RDPROTECT, WRPROTECT or VRPROTECT. */
export function protectField(cdb: Uint8Array): number {
  return cdb[1] >>> 5;
}

const GUARD = PROTECTION_CHECK_GUARD;
/** The engine leaves it out where the unit's type does not have it. */
const TAG = PROTECTION_CHECK_REFERENCE_TAG;
/**
 * What is checked for each value (SBC-4 5.16, 5.40); 110b and 111b are reserved. The application tag
 * is the initiators' own (ATO), nobody here knows what it should be.
 */
const CHECKS: readonly number[] = [GUARD | TAG, GUARD | TAG, TAG, 0, GUARD, GUARD | TAG];

/** What to check, or the failure. */
export function protectionChecks(unit: LogicalUnit, cdb: Uint8Array): ProtectionChecks | Answer {
  const value = protectField(cdb);
  return value < CHECKS.length ? { checks: CHECKS[value] } : invalidField(unit, 1, 7);
}

/** Whole blocks with their protection information that a length has room for. */
function blocksIn(unit: LogicalUnit, length_bytes: number): number {
  return Math.floor(length_bytes / (unit.block_length + PROTECTION_LENGTH));
}

/** 5/24/00 where blocks with protection information are more than MAXIMUM TRANSFER LENGTH. */
function tooLong(unit: LogicalUnit, blocks: number): boolean {
  return blocks * (unit.block_length + PROTECTION_LENGTH) > TRANSFER_LENGTH_MAX_BYTES;
}

/** Bytes of the medium that go in one step, with their protection information beside them. */
function stepLength(unit: LogicalUnit): number {
  return blocksIn(unit, STEP_LENGTH_MAX_BYTES) * unit.block_length;
}

/** What a transfer with protection information is told. */
export interface ProtectedTransfer {
  readonly range: Range;
  readonly checks: ProtectionChecks;
  readonly buffer_length: number;
  /** Where the number of blocks stands in the CDB. */
  readonly lengthByte: number;
}

/** READ: blocks, each with its protection information behind it. */
export function readWithProtection(
  unit: LogicalUnit,
  transfer: ProtectedTransfer,
): Answer | Procedure {
  const blocks = transfer.range.length_bytes / unit.block_length;
  if (tooLong(unit, blocks)) return invalidField(unit, transfer.lengthByte);
  return readInterleaved(unit, transfer);
}

function* readInterleaved(
  unit: LogicalUnit,
  { range, checks, buffer_length }: ProtectedTransfer,
): Procedure {
  const { block_length } = unit;
  const unit_length = block_length + PROTECTION_LENGTH;
  const data = new Uint8Array(range.length_bytes / block_length * unit_length);
  let put = 0;
  for (const { offset_bytes, length_bytes } of pieces(range, stepLength(unit))) {
    if (put >= buffer_length) break;
    const operation: ReadMedia = { kind: "read", offset_bytes, length_bytes, protection: checks };
    const result = yield operation;
    if (result.result !== MediaResult.OK) return operationFailure(unit, operation, result);
    const { bytes, protection } = result;
    const blocks = length_bytes / block_length;
    if (protection?.length !== blocks * PROTECTION_LENGTH || bytes.length !== length_bytes) {
      return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
    }
    for (let block = 0; block < blocks; block++, put += unit_length) {
      data.set(bytes.subarray(block * block_length, (block + 1) * block_length), put);
      const from = block * PROTECTION_LENGTH;
      data.set(protection.subarray(from, from + PROTECTION_LENGTH), put + block_length);
    }
  }
  const valid = data.subarray(0, Math.min(put, buffer_length));
  return valid.length === 0 ? GOOD : dataIn(valid);
}

/** WRITE: blocks as they come, checked before any of a step's is written. */
export function writeWithProtection(
  unit: LogicalUnit,
  transfer: ProtectedTransfer,
  fua: boolean,
): Answer | Procedure {
  const blocks = transfer.range.length_bytes / unit.block_length;
  if (tooLong(unit, blocks)) return invalidField(unit, transfer.lengthByte);
  return writeInterleaved(unit, transfer, fua);
}

function* writeInterleaved(
  unit: LogicalUnit,
  { range, checks, buffer_length }: ProtectedTransfer,
  fua: boolean,
): Procedure {
  const { block_length } = unit;
  const unit_length = block_length + PROTECTION_LENGTH;
  // A block that came in part is not written (the residual tells the initiator).
  const sent = blocksIn(unit, buffer_length) * block_length;
  const length_bytes = Math.min(range.length_bytes, sent);
  for (const piece of pieces({ ...range, length_bytes }, stepLength(unit))) {
    const { offset_bytes } = piece;
    const blocks = piece.length_bytes / block_length;
    const first = (offset_bytes - range.offset_bytes) / block_length;
    const sentPiece = yield* fetchPiece(unit, first * unit_length, blocks * unit_length);
    if (hasFailed(sentPiece)) return sentPiece;
    const operation: WriteMedia = {
      kind: "write",
      offset_bytes,
      fua,
      ...separated(sentPiece, blocks, block_length, checks),
    };
    const failure = yield* performed(unit, operation);
    if (failure !== undefined) return failure;
  }
  return GOOD;
}

/** Takes what was sent apart: blocks, and their protection information. */
function separated(
  sent: Uint8Array,
  blocks: number,
  block_length: number,
  { checks }: ProtectionChecks,
): Pick<WriteMedia, "bytes" | "protection"> {
  const bytes = new Uint8Array(blocks * block_length);
  const information = new Uint8Array(blocks * PROTECTION_LENGTH);
  const unit_length = block_length + PROTECTION_LENGTH;
  for (let block = 0; block < blocks; block++) {
    const from = block * unit_length;
    bytes.set(sent.subarray(from, from + block_length), block * block_length);
    const behind = sent.subarray(from + block_length, from + unit_length);
    information.set(behind, block * PROTECTION_LENGTH);
  }
  return { bytes, protection: { checks, information } };
}
