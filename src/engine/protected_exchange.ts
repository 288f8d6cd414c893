/**
 * Reads and writes of a unit with protection information (SBC-4 4.21): exchanges that carry blocks
 * and, behind them, 8 bytes for each. It is made and checked in WASM.
 */
import {
  PROTECTION_CHECK_GUARD,
  PROTECTION_CHECK_REFERENCE_TAG,
  PROTECTION_TYPE_3,
} from "../abi/engine.ts";
import {
  PROTECTED_FUA_OFFSET,
  PROTECTED_LENGTH_BYTES_OFFSET,
  PROTECTED_OFFSET_BYTES_OFFSET,
  PROTECTED_SIZE,
  PROTECTION_LENGTH,
} from "../abi/media.ts";
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { MediaResult } from "../scsi/media.ts";
import type { OperationResult, ReadMedia, WriteMedia } from "../scsi/procedure.ts";
import type { Engine } from "./engine.ts";

/** What the WASM function names a wrong field by. */
const FIELDS = [
  MediaResult.REFERENCE_TAG_CHECK,
  MediaResult.GUARD_CHECK,
  MediaResult.APPLICATION_TAG_CHECK,
] as const;
/** Application tag of what is made here; there is no other owner of it (ATO = 0). */
const APPLICATION_TAG = 0;
const NOTHING = new Uint8Array(0);

function dataLength(operation: ReadMedia | WriteMedia): number {
  return operation.kind === "read" ? operation.length_bytes : operation.bytes.length;
}

/** Bytes of the buffer. */
export function protectedLength(unit: LogicalUnit, operation: ReadMedia | WriteMedia): number {
  const length = dataLength(operation);
  return PROTECTED_SIZE + length + length / unit.block_length * PROTECTION_LENGTH;
}

/** Bits for `protection_check`: all that the unit's type has, or what was asked for. */
function checksOf(unit: LogicalUnit, operation: ReadMedia | WriteMedia): number {
  const type3 = unit.features.protection === 3;
  const all = PROTECTION_CHECK_GUARD | (type3 ? 0 : PROTECTION_CHECK_REFERENCE_TAG);
  const { checks } = operation.protection ?? { checks: all };
  return (checks & (type3 ? ~PROTECTION_CHECK_REFERENCE_TAG : ~0)) |
    (type3 ? PROTECTION_TYPE_3 : 0);
}

function check(
  engine: Engine,
  unit: LogicalUnit,
  operation: ReadMedia | WriteMedia,
  address: number,
): OperationResult | undefined {
  const length = dataLength(operation);
  const data = address + PROTECTED_SIZE;
  const { block_length } = unit;
  const blocks = length / block_length;
  const lba = operation.offset_bytes / block_length;
  const wrong = engine.exports.protection_check(
    data,
    data + length,
    blocks,
    block_length,
    lba % 2 ** 32,
    APPLICATION_TAG,
    checksOf(unit, operation),
  );
  if (wrong === 0) return undefined;
  if (wrong < 0) return { result: MediaResult.INTERNAL, bytes: NOTHING };
  const failed_offset_bytes = operation.offset_bytes + (wrong >> 2) * block_length;
  return { result: FIELDS[(wrong & 3) % 3], bytes: NOTHING, failed_offset_bytes };
}

/**
 * Fills the buffer at `address` of the engine's memory. Returns the failure where what is to be
 * written is protected wrongly.
 */
export function writeProtected(
  engine: Engine,
  unit: LogicalUnit,
  operation: ReadMedia | WriteMedia,
  address: number,
): OperationResult | undefined {
  const length = dataLength(operation);
  const view = new DataView(engine.buffer, address, PROTECTED_SIZE);
  view.setFloat64(PROTECTED_OFFSET_BYTES_OFFSET, operation.offset_bytes, true);
  view.setFloat64(PROTECTED_LENGTH_BYTES_OFFSET, length, true);
  view.setUint32(PROTECTED_FUA_OFFSET, 0, true);
  if (operation.kind === "read") return undefined;
  view.setUint32(PROTECTED_FUA_OFFSET, operation.fua ? 1 : 0, true);
  const data = address + PROTECTED_SIZE;
  engine.bytes.set(operation.bytes, data);
  if (operation.protection !== undefined) {
    engine.bytes.set(operation.protection.information, data + length);
    return check(engine, unit, operation, address);
  }
  const { block_length } = unit;
  const made = engine.exports.protection_generate(
    data,
    data + length,
    length / block_length,
    block_length,
    operation.offset_bytes / block_length % 2 ** 32,
    unit.features.protection === 3 ? PROTECTION_TYPE_3 : 0,
  );
  if (made !== 0) throw new Error(`assertion: protection_generate gave ${made}`);
  return undefined;
}

/** What was read, checked; the buffer may be a hostile handler's. */
export function readProtected(
  engine: Engine,
  unit: LogicalUnit,
  operation: ReadMedia | WriteMedia,
  address: number,
): OperationResult {
  if (operation.kind === "write") return { result: MediaResult.OK, bytes: NOTHING };
  const failure = check(engine, unit, operation, address);
  if (failure !== undefined) return failure;
  const data = address + PROTECTED_SIZE;
  const end = data + operation.length_bytes;
  const bytes = engine.bytes.subarray(data, end);
  if (operation.protection === undefined) return { result: MediaResult.OK, bytes };
  const blocks = operation.length_bytes / unit.block_length;
  const protection = engine.bytes.subarray(end, end + blocks * PROTECTION_LENGTH);
  return { result: MediaResult.OK, bytes, protection };
}
