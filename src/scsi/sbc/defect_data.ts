/**
 * READ DEFECT DATA (SBC-4 5.22, 5.23): both lists are empty, whatever format they are asked in. What
 * the storage below relocates it does not tell.
 */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { dataIn, invalidField, needsMedium } from "../response.ts";

/** DEFECT LIST FORMAT 110b is vendor specific, 111b reserved (SBC-4 6.2). */
const FORMAT_MAX = 0x05;

/** REQ_PLIST, REQ_GLIST and DEFECT LIST FORMAT come back as PLISTV, GLISTV and what was asked. */
function header(unit: LogicalUnit, flags: number, flagsByte: number, length: number): Answer {
  if ((flags & 0x07) > FORMAT_MAX) return invalidField(unit, flagsByte, 2);
  const data = new Uint8Array(length);
  data[1] = flags & 0x1f;
  return dataIn(data);
}

function readDefectData10(unit: LogicalUnit, { cdb }: CommandView): Answer {
  return header(unit, cdb[2], 2, 4);
}

/** ADDRESS DESCRIPTOR INDEX is beyond the end of a list without descriptors, or at it. */
function readDefectData12(unit: LogicalUnit, { cdb }: CommandView): Answer {
  return header(unit, cdb[1], 1, 8);
}

export const defectDataResponses = [
  needsMedium("READ DEFECT DATA(10)", readDefectData10),
  needsMedium("READ DEFECT DATA(12)", readDefectData12),
];
