/** SEND DIAGNOSTIC (SPC-4 6.42): the default self-test, which has nothing to test. */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField, invalidParameter } from "../response.ts";
import { Sense } from "../sense.ts";

const PAGE_FORMAT = 0x10;
const SELF_TEST = 0x04;

function sendDiagnostic(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const listLength = readUint16(cdb, 3);
  // SELF-TEST CODE: background and foreground self-tests are not there.
  if ((cdb[1] & 0xe0) !== 0) return invalidField(unit, 1, 7);
  if (listLength === 0) return GOOD;
  // A list comes in pages, and not together with a self-test.
  if ((cdb[1] & SELF_TEST) !== 0) return invalidField(unit, 3);
  return (cdb[1] & PAGE_FORMAT) === 0 ? invalidField(unit, 1, 4) : page(unit, listLength);
}

/** Supported Diagnostic Pages (SPC-4 7.2.3) is the one page that can be sent: it asks for itself. */
function* page(unit: LogicalUnit, listLength: number): Procedure {
  const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
  if (bytes.length < 4) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  if (bytes[0] !== 0x00) return invalidParameter(unit, 0);
  return readUint16(bytes, 2) === 0 ? GOOD : invalidParameter(unit, 2);
}

export const sendDiagnosticResponses = [always("SEND DIAGNOSTIC", sendDiagnostic)];
