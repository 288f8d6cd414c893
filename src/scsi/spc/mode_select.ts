/** MODE SELECT(6) and MODE SELECT(10) (SPC-4 6.9, 6.10). All is checked before anything changes. */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField, invalidParameter, step } from "../response.ts";
import { Sense } from "../sense.ts";
import { MODE_PAGES_PART, type ModeParameters, sameModeParameters } from "../mode_parameters.ts";
import { changeableMask, findPage, type ModePage } from "./mode_pages.ts";

const PAGE_FORMAT = 0x10;
const SAVE_PAGES = 0x01;
const SUBPAGE_FORMAT = 0x40;

function modeSelect6(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  return refuseFlags(unit, cdb) ?? modeSelect(unit, cdb, cdb[4], 4);
}

function modeSelect10(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  return refuseFlags(unit, cdb) ?? modeSelect(unit, cdb, readUint16(cdb, 7), 8);
}

function refuseFlags(unit: LogicalUnit, cdb: Uint8Array): Answer | undefined {
  return (cdb[1] & PAGE_FORMAT) === 0 ? invalidField(unit, 1, 4) : undefined;
}

function* modeSelect(
  unit: LogicalUnit,
  cdb: Uint8Array,
  listLength: number,
  headerLength: number,
): Procedure {
  const save = (cdb[1] & SAVE_PAGES) !== 0;
  let list = new Uint8Array(0);
  // Nothing to transfer is not an error (SPC-4 6.9): what is current may be saved.
  if (listLength > 0) {
    const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
    list = bytes.slice();
    if (list.length < headerLength) return listLengthError(unit);
  }
  const parameters = checkList(unit, list, headerLength);
  if ("status" in parameters) return parameters;
  if (unit.writeCacheEnabled && !parameters.writeCacheEnabled) {
    // What the cache holds must not be lost without it (SBC-4 6.5).
    const failure = yield* step(unit, { kind: "flush" }, MediaOperation.FLUSH);
    if (failure !== undefined) return failure;
  }
  if (save) {
    const { result } = yield { kind: "save", part: MODE_PAGES_PART, value: parameters };
    if (result !== MediaResult.OK) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
    unit.savedModeParameters = parameters;
  }
  return take(unit, list, headerLength);
}

/** Makes the list current: over what is current now, since another MODE SELECT may have ended. */
function take(unit: LogicalUnit, list: Uint8Array, headerLength: number): Answer {
  const parameters = checkList(unit, list, headerLength);
  if ("status" in parameters) return parameters;
  if (sameModeParameters(unit.modeParameters, parameters)) return GOOD;
  unit.modeParameters = parameters;
  unit.attend(Sense.MODE_PARAMETERS_CHANGED, "others");
  return GOOD;
}

/** The parameters that a mode parameter list makes of the current ones, or the failure. */
function checkList(
  unit: LogicalUnit,
  list: Uint8Array,
  headerLength: number,
): ModeParameters | Answer {
  if (list.length === 0) return unit.modeParameters;
  const descriptor = checkDescriptor(unit, list, headerLength);
  if (typeof descriptor !== "number") return descriptor;
  return checkPages(unit, list, headerLength + descriptor);
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
  let parameters = unit.modeParameters;
  let offset = start;
  while (offset < list.length) {
    const isSubpage = (list[offset] & SUBPAGE_FORMAT) !== 0;
    const headerLength = isSubpage ? 4 : 2;
    if (offset + headerLength > list.length) return listLengthError(unit);
    const page = findPage(unit, list[offset] & 0x3f, isSubpage ? list[offset + 1] : 0x00);
    if (page === undefined) return invalidParameter(unit, offset, 5);
    // SPF must be as MODE SENSE returns it: subpage 00h is in the other format.
    if (isSubpage !== (page.subpageCode !== 0)) return invalidParameter(unit, offset, 6);
    const expected = page.build(parameters, unit);
    const given = list.subarray(offset, offset + expected.length);
    const failure = checkLength(unit, expected, list, offset) ??
      checkUnchangeable(unit, page, expected, given, offset);
    if (failure !== undefined) return failure;
    parameters = page.take(given, parameters);
    offset += expected.length;
  }
  return parameters;
}

/** PAGE LENGTH must be the one that MODE SENSE returns (SPC-4 7.5), and all of the page be there. */
function checkLength(
  unit: LogicalUnit,
  expected: Uint8Array,
  list: Uint8Array,
  offset: number,
): Answer | undefined {
  const [first, end] = (expected[0] & SUBPAGE_FORMAT) === 0 ? [1, 2] : [2, 4];
  for (let index = first; index < end; index++) {
    if (list[offset + index] !== expected[index]) return invalidParameter(unit, offset + first);
  }
  return offset + expected.length > list.length ? listLengthError(unit) : undefined;
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
  const headerLength = page.subpageCode === 0 ? 2 : 4;
  for (let index = headerLength; index < expected.length; index++) {
    const wrong = (given[index] ^ expected[index]) & ~mask[index];
    if (wrong !== 0) return invalidParameter(unit, offset + index, 31 - Math.clz32(wrong));
  }
  return undefined;
}

export const modeSelectResponses = [
  always("MODE SELECT(6)", modeSelect6),
  always("MODE SELECT(10)", modeSelect10),
];
