/**
 * What stands between a command that may run and the logical unit: the commands that the target
 * core answers itself, unit attentions, and in time reservations.
 */
import { type Answer, Status } from "../../scsi/answer.ts";
import { TaskAttribute } from "../target_port.ts";
import { INQUIRY, REPORT_LUNS, REQUEST_SENSE } from "./operation_code.ts";
import { reportLuns } from "./report_luns.ts";
import { requestSense } from "./request_sense.ts";
import { fixedSense, Sense } from "./sense.ts";
import type { UnitAttentions } from "./unit_attentions.ts";

/**
 * Returns the answer of a command that does not reach the logical unit, undefined for one that does.
 *
 * @param attentions Of the nexus.
 * @param unit Index of the logical unit in them.
 * @param luns What REPORT LUNS reports.
 */
export function admit(
  attentions: UnitAttentions,
  unit: number,
  cdb: Uint8Array,
  attribute: number,
  luns: readonly number[],
): Answer | undefined {
  // There is no ACA condition that such a command could belong to (SAM-6 8.9.4, NORMACA = 0).
  if (attribute === TaskAttribute.ACA) return invalidMessage();
  const operation = cdb[0];
  // SAM-6 5.14: these three do not report a unit attention condition as CHECK CONDITION.
  if (operation === INQUIRY) return undefined;
  if (operation === REPORT_LUNS) {
    // SPC-6 6.33: it clears what it tells about, on every logical unit of the nexus.
    attentions.clearEverywhere(Sense.ATTENTION_REPORTED_LUNS_CHANGED);
    return reportLuns(cdb, luns);
  }
  const code = attentions.take(unit);
  if (code !== 0) {
    return operation === REQUEST_SENSE
      ? requestSense(cdb, code)
      : { status: Status.CHECK_CONDITION, sense: fixedSense(code) };
  }
  // Persistent reservations (SPC-6 5.13): the conflict check belongs here, after unit attentions.
  return undefined;
}

function invalidMessage(): Answer {
  const sense = fixedSense(Sense.ABORTED_COMMAND_INVALID_MESSAGE);
  return { status: Status.CHECK_CONDITION, sense };
}
