/** MODE SELECT(6) and MODE SELECT(10) (SPC-4 6.9, 6.10). All is checked before anything changes. */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation } from "../media.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField, invalidParameter, step } from "../response.ts";
import { Sense } from "../sense.ts";
import {
  changeableMask,
  currentParameters,
  type ModePage,
  modePages,
  type ModeParameters,
} from "./mode_pages.ts";

const PAGE_FORMAT = 0x10;
const SAVE_PAGES = 0x01;

function modeSelect6(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  return refuseFlags(unit, cdb) ?? modeSelect(unit, cdb[4], 4);
}

function modeSelect10(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  return refuseFlags(unit, cdb) ?? modeSelect(unit, readUint16(cdb, 7), 8);
}

function refuseFlags(unit: LogicalUnit, cdb: Uint8Array): Answer | undefined {
  if ((cdb[1] & PAGE_FORMAT) === 0) return invalidField(unit, 1, 4);
  if ((cdb[1] & SAVE_PAGES) !== 0) return invalidField(unit, 1, 0);
  return undefined;
}

function* modeSelect(unit: LogicalUnit, listLength: number, headerLength: number): Procedure {
  // Nothing to transfer is not an error (SPC-4 6.9).
  if (listLength === 0) return GOOD;
  const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
  const list = bytes.slice();
  if (list.length < headerLength) return listLengthError(unit);
  const descriptor = checkDescriptor(unit, list, headerLength);
  if (typeof descriptor !== "number") return descriptor;
  const parameters = checkPages(unit, list, headerLength + descriptor);
  if ("status" in parameters) return parameters;
  if (unit.writeCacheEnabled && !parameters.writeCacheEnabled) {
    // What the cache holds must not be lost without it (SBC-4 6.5).
    const failure = yield* step(unit, { kind: "flush" }, MediaOperation.FLUSH);
    if (failure !== undefined) return failure;
  }
  unit.writeCacheEnabled = parameters.writeCacheEnabled;
  unit.softwareWriteProtect = parameters.softwareWriteProtect;
  unit.descriptorSense = parameters.descriptorSense;
  return GOOD;
}

function listLengthError(unit: LogicalUnit): Answer {
  return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
}

/** Returns the block descriptor's length; it may say what is so already, and nothing else. */
function checkDescriptor(
  unit: LogicalUnit,
  list: Uint8Array,
  headerLength: number,
): number | Answer {
  const lengthByte = headerLength === 4 ? 3 : 6;
  const length = headerLength === 4 ? list[3] : readUint16(list, 6);
  if (length === 0) return 0;
  const long = headerLength === 8 && (list[4] & 0x01) !== 0;
  if (length !== (long ? 16 : 8)) return invalidParameter(unit, lengthByte);
  if (list.length < headerLength + length) return listLengthError(unit);
  const count = long ? readUint64(list, headerLength) : readUint32(list, headerLength);
  const countMax = long ? 2 ** 64 : 0xffffffff;
  // 0 and the greatest number ask for no change of capacity (SBC-4 6.5).
  if (count !== 0 && count < countMax && count !== Math.min(unit.block_count, countMax)) {
    return invalidParameter(unit, headerLength);
  }
  const lengthOffset = headerLength + (long ? 12 : 4);
  const blockLength = readUint32(list, lengthOffset) & (long ? 0xffffffff : 0x00ffffff);
  if (blockLength !== 0 && blockLength !== unit.block_length) {
    return invalidParameter(unit, lengthOffset);
  }
  return length;
}

/** Goes through the pages; returns the parameters they make, or the failure. */
function checkPages(unit: LogicalUnit, list: Uint8Array, start: number): ModeParameters | Answer {
  let parameters = currentParameters(unit);
  let offset = start;
  while (offset < list.length) {
    const header = list[offset];
    // SPF: there are no subpages here.
    if ((header & 0x40) !== 0) return invalidParameter(unit, offset, 6);
    const page = modePages.find((candidate) => candidate.pageCode === (header & 0x3f));
    if (page === undefined) return invalidParameter(unit, offset, 5);
    if (offset + 2 > list.length) return listLengthError(unit);
    const expected = page.build(parameters);
    if (list[offset + 1] !== expected[1]) return invalidParameter(unit, offset + 1);
    if (offset + expected.length > list.length) return listLengthError(unit);
    const given = list.subarray(offset, offset + expected.length);
    const failure = checkUnchangeable(unit, page, expected, given, offset);
    if (failure !== undefined) return failure;
    parameters = page.take(given, parameters);
    offset += expected.length;
  }
  return parameters;
}

/** Bits that may not be changed must be as they are (SPC-4 6.9). */
function checkUnchangeable(
  unit: LogicalUnit,
  page: ModePage,
  expected: Uint8Array,
  given: Uint8Array,
  offset: number,
): Answer | undefined {
  const mask = changeableMask(unit, page);
  for (let index = 2; index < expected.length; index++) {
    const wrong = (given[index] ^ expected[index]) & ~mask[index];
    if (wrong !== 0) return invalidParameter(unit, offset + index, 31 - Math.clz32(wrong));
  }
  return undefined;
}

export const modeSelectResponses = [
  always("MODE SELECT(6)", modeSelect6),
  always("MODE SELECT(10)", modeSelect10),
];
