/**
 * What stands between a command that may run and the logical unit: unit attentions, reservations, and
 * the commands that the target core answers itself.
 */
import { type Answer, Status } from "../../scsi/answer.ts";
import type { LogicalUnit as ScsiUnit } from "../../scsi/logical_unit.ts";
import { TaskAttribute } from "../target_port.ts";
import type { EmulatedNexus } from "./nexus.ts";
import { INQUIRY, REPORT_LUNS, REQUEST_SENSE } from "./operation_code.ts";
import { reportLuns } from "./report_luns.ts";
import { requestSense } from "./request_sense.ts";
import type { ReservationServer } from "./reservations/server.ts";
import { Sense, type SenseCode, unitSense } from "./sense.ts";

/** What admission looks at of a logical unit. */
export interface AdmittingUnit {
  /** Names it in the unit attentions of a nexus. */
  readonly index: number;
  readonly scsi: ScsiUnit | undefined;
  readonly reservations: ReservationServer;
}

/**
 * Returns the answer of a command that goes no further, undefined for one that does.
 *
 * @param luns What REPORT LUNS reports.
 */
export function admit(
  unit: AdmittingUnit,
  nexus: EmulatedNexus,
  cdb: Uint8Array,
  attribute: number,
  luns: readonly number[],
): Answer | undefined {
  // There is no ACA condition that such a command could belong to (SAM-6 8.9.4, NORMACA = 0).
  if (attribute === TaskAttribute.ACA) return check(unit, Sense.ABORTED_COMMAND_INVALID_MESSAGE);
  const operation = cdb[0];
  // SAM-6 5.14: these three do not report a unit attention condition as CHECK CONDITION.
  if (operation === INQUIRY) return undefined;
  if (operation === REPORT_LUNS) {
    // SPC-6 6.33: it clears what it tells about, on every logical unit of the nexus.
    nexus.attentions.clearEverywhere(Sense.ATTENTION_REPORTED_LUNS_CHANGED);
    return reportLuns(cdb, luns, unit.scsi);
  }
  const code = nexus.attentions.take(unit.index);
  // Told by one logical unit it is told for all (SPC-4 7.8.7, LUICLR).
  if (code === Sense.ATTENTION_REPORTED_LUNS_CHANGED) nexus.attentions.clearEverywhere(code);
  if (code !== 0) return operation === REQUEST_SENSE ? requestSense(cdb, code) : check(unit, code);
  return unit.reservations.conflicts(nexus, cdb)
    ? { status: Status.RESERVATION_CONFLICT }
    : undefined;
}

function check(unit: AdmittingUnit, code: SenseCode): Answer {
  return { status: Status.CHECK_CONDITION, sense: unitSense(unit.scsi, code) };
}
