/** RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.28): no pages but the list of pages. */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";

/** Supported Diagnostic Pages (SPC-4 7.2.3): itself. */
const SUPPORTED_PAGES = [0x00, 0x00, 0x00, 0x01, 0x00];

function receiveDiagnosticResults(unit: LogicalUnit, { cdb }: CommandView): Answer {
  // PCV: without it the results of the last SEND DIAGNOSTIC are meant, which can have asked for
  // that page only.
  const named = (cdb[1] & 0x01) !== 0;
  if (named && cdb[2] !== 0x00) return invalidField(unit, 2);
  return dataIn(Uint8Array.from(SUPPORTED_PAGES));
}

export const receiveDiagnosticResponses = [
  always("RECEIVE DIAGNOSTIC RESULTS", receiveDiagnosticResults),
];
