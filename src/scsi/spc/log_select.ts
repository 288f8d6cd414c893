/** LOG SELECT (SPC-4 6.7): counters can be reset; nothing can be set to another value, or saved. */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField, invalidParameter } from "../response.ts";
import { Sense } from "../sense.ts";
import { findLogPage } from "./log_pages.ts";

const PCR = 0x02;
const SP = 0x01;
/** PC: default cumulative values. */
const DEFAULT_CUMULATIVE = 0x3;

function logSelect(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const reset = (cdb[1] & PCR) !== 0;
  const pageControl = cdb[2] >>> 6;
  const listLength = readUint16(cdb, 7);
  if ((cdb[1] & SP) !== 0) return invalidField(unit, 1, 0);
  if (listLength > 0) {
    // The list names its pages itself.
    if (reset) return invalidField(unit, 1, 1);
    if ((cdb[2] & 0x3f) !== 0) return invalidField(unit, 2, 5);
    return cdb[3] === 0 ? refuseList(unit, listLength) : invalidField(unit, 3);
  }
  const resets = selected(unit, cdb);
  if (typeof resets !== "boolean") return resets;
  if (!resets || !reset && pageControl !== DEFAULT_CUMULATIVE) return GOOD;
  unit.resetStatistics();
  unit.attend(Sense.LOG_PARAMETERS_CHANGED, "others");
  return GOOD;
}

/** Whether the pages that the CDB names, all where it names none, have counters. */
function selected(unit: LogicalUnit, cdb: Uint8Array): boolean | Answer {
  const pageCode = cdb[2] & 0x3f;
  if (cdb[3] !== 0x00) return invalidField(unit, 3);
  if (pageCode === 0x00) return true;
  return findLogPage(unit, pageCode)?.counters ?? invalidField(unit, 2, 5);
}

/** No parameter can be changed: says which field is wrong. */
function* refuseList(unit: LogicalUnit, listLength: number): Procedure {
  const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
  if (bytes.length < 4) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const known = findLogPage(unit, bytes[0] & 0x3f) !== undefined;
  if (!known || bytes[1] !== 0x00) return invalidParameter(unit, known ? 1 : 0, known ? 7 : 5);
  // A page without parameters changes nothing.
  if (readUint16(bytes, 2) === 0) return GOOD;
  return bytes.length < 6
    ? checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR)
    : invalidParameter(unit, 4);
}

export const logSelectResponses = [always("LOG SELECT", logSelect)];
