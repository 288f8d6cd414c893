/**
 * Answers for a LUN behind which there is no logical unit (SAM-6 5.11, incorrect logical unit
 * selection).
 */
import { type Answer, Status } from "../../scsi/answer.ts";
import { INQUIRY, REPORT_LUNS, REQUEST_SENSE } from "./operation_code.ts";
import { reportLuns } from "./report_luns.ts";
import { requestSense } from "./request_sense.ts";
import { fixedSense, Sense } from "./sense.ts";

/** Peripheral qualifier 011b and device type 1Fh: no device can be here (SPC-6 6.7.2). */
const NO_DEVICE = 0x7f;
const STANDARD_INQUIRY_LENGTH = 36;

function checkCondition(code: number): Answer {
  return { status: Status.CHECK_CONDITION, sense: fixedSense(code) };
}

function inquiry(cdb: Uint8Array): Answer {
  const [, flags, page] = cdb;
  const vital = (flags & 1) !== 0;
  if ((flags & ~1) !== 0 || page !== 0) {
    return checkCondition(Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB);
  }
  const data = new Uint8Array(vital ? 5 : STANDARD_INQUIRY_LENGTH);
  data[0] = NO_DEVICE;
  if (vital) {
    // Supported VPD pages: this one.
    data[3] = 1;
  } else {
    data[2] = 7;
    data[3] = 2;
    data[4] = STANDARD_INQUIRY_LENGTH - 5;
    data.fill(0x20, 8);
    data.set(new TextEncoder().encode("LUNETTE"), 8);
  }
  return { status: Status.GOOD, dataIn: data.subarray(0, (cdb[3] << 8) | cdb[4]) };
}

/** Answers a command to an incorrect LUN; `luns` are the ones there are. */
export function answerIncorrectLun(cdb: Uint8Array, luns: readonly number[]): Answer {
  switch (cdb[0]) {
    case INQUIRY:
      return inquiry(cdb);
    case REPORT_LUNS:
      return reportLuns(cdb, luns);
    case REQUEST_SENSE:
      return requestSense(cdb, Sense.ILLEGAL_REQUEST_LUN_NOT_SUPPORTED);
    default:
      return checkCondition(Sense.ILLEGAL_REQUEST_LUN_NOT_SUPPORTED);
  }
}
