/** REQUEST SENSE where the target core answers it (SPC-6 6.39). */
import { type Answer, Status } from "../../scsi/answer.ts";
import { descriptorSense, fixedSense, type SenseCode } from "./sense.ts";

/** Gives `code` as parameter data, in the format the CDB asks for. */
export function requestSense(cdb: Uint8Array, code: SenseCode): Answer {
  const descriptor = (cdb[1] & 1) !== 0;
  const sense = descriptor ? descriptorSense(code) : fixedSense(code);
  return { status: Status.GOOD, dataIn: sense.subarray(0, cdb[4]) };
}
