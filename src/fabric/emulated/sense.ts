/** Sense data that the kernel's side makes by itself (SPC-6 4.4). */
import { buildSense, type SenseDetails } from "../../scsi/sense.ts";

/** A sense key with additional sense code and qualifier: key << 16 | ASC << 8 | ASCQ. */
export type SenseCode = number;

/** Sense codes of the target core (SPC-6 tables 49 and F.2). */
export const Sense = {
  NOT_READY_COMMUNICATION_FAILURE: 0x020800,
  NOT_READY_STANDBY: 0x02040b,
  NOT_READY_UNAVAILABLE: 0x02040c,
  HARDWARE_ERROR_INTERNAL_TARGET_FAILURE: 0x044400,
  ILLEGAL_REQUEST_INVALID_FIELD_IN_COMMAND_IU: 0x050e03,
  PARAMETER_LIST_LENGTH_ERROR: 0x051a00,
  ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB: 0x052400,
  ILLEGAL_REQUEST_LUN_NOT_SUPPORTED: 0x052500,
  INVALID_FIELD_IN_PARAMETER_LIST: 0x052600,
  INVALID_RELEASE_OF_PERSISTENT_RESERVATION: 0x052604,
  INSUFFICIENT_REGISTRATION_RESOURCES: 0x055504,
  ATTENTION_POWER_ON_OR_RESET: 0x062900,
  ATTENTION_SCSI_BUS_RESET: 0x062902,
  ATTENTION_BUS_DEVICE_RESET: 0x062903,
  ATTENTION_NEXUS_LOSS: 0x062907,
  ATTENTION_RESERVATIONS_PREEMPTED: 0x062a03,
  ATTENTION_RESERVATIONS_RELEASED: 0x062a04,
  ATTENTION_REGISTRATIONS_PREEMPTED: 0x062a05,
  ATTENTION_CAPACITY_CHANGED: 0x062a09,
  ATTENTION_COMMANDS_CLEARED: 0x062f00,
  ATTENTION_REPORTED_LUNS_CHANGED: 0x063f0e,
  ABORTED_COMMAND_INVALID_MESSAGE: 0x0b4900,
} as const;

/** Sense data in the format that a unit's D_SENSE bit asks for; fixed where there is no unit. */
export function unitSense(
  unit: { readonly descriptorSense: boolean } | undefined,
  code: SenseCode,
  details?: SenseDetails,
): Uint8Array {
  return buildSense(unit?.descriptorSense ?? false, code, details);
}

/** Fixed format sense data, current error (SPC-6 4.4.3), 18 bytes. */
export function fixedSense(code: SenseCode): Uint8Array<ArrayBuffer> {
  const sense = new Uint8Array(18);
  sense[0] = 0x70;
  sense[2] = code >>> 16;
  sense[7] = 10;
  sense[12] = code >>> 8;
  sense[13] = code;
  return sense;
}

/** Descriptor format sense data, current error (SPC-6 4.4.2), 8 bytes. */
export function descriptorSense(code: SenseCode): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0x72, code >>> 16, (code >>> 8) & 0xff, code & 0xff, 0, 0, 0, 0]);
}

/** Bytes of sense data that are valid in a buffer of 96; 0 where it holds none. */
export function senseLength(sense: Uint8Array): number {
  const code = sense[0] & 0x7f;
  if (code < 0x70 || code > 0x73) return 0;
  return Math.min(sense.length, 8 + sense[7]);
}
