/** LOG SENSE (SPC-4 6.8): no more than the list of supported pages, which holds itself. */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, checkCondition, dataIn, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";

function logSense(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const pageCode = cdb[2] & 0x3f;
  const subpageCode = cdb[3];
  if ((cdb[1] & 0x01) !== 0) return checkCondition(unit, Sense.SAVING_PARAMETERS_NOT_SUPPORTED);
  if (pageCode !== 0x00) return invalidField(unit, 2, 5);
  if (readUint16(cdb, 5) !== 0) return invalidField(unit, 5);
  switch (subpageCode) {
    case 0x00: // Supported Log Pages (SPC-4 7.3)
      return dataIn(Uint8Array.of(0x00, 0x00, 0x00, 0x01, 0x00));
    case 0xff: // Supported Log Pages and Subpages (SPC-4 7.3): SPF is set
      return dataIn(Uint8Array.of(0x40, 0xff, 0x00, 0x04, 0x00, 0x00, 0x00, 0xff));
    default:
      return invalidField(unit, 3);
  }
}

export const logSenseResponses = [always("LOG SENSE", logSense)];
