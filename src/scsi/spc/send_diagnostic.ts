/** SEND DIAGNOSTIC (SPC-4 6.42): the default self-test, which has nothing to test. */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, GOOD, invalidField } from "../response.ts";

function sendDiagnostic(unit: LogicalUnit, { cdb }: CommandView): Answer {
  // SELF-TEST CODE: background and foreground self-tests are not there.
  if ((cdb[1] & 0xe0) !== 0) return invalidField(unit, 1, 7);
  // No diagnostic pages are there either.
  if (readUint16(cdb, 3) !== 0) return invalidField(unit, 3);
  return GOOD;
}

export const sendDiagnosticResponses = [always("SEND DIAGNOSTIC", sendDiagnostic)];
