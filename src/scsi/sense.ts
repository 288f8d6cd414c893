/**
 * Sense data: names of the triples used here, and the two formats (SPC-4 4.5).
 *
 * @module
 */
import { writeUint16, writeUint32, writeUint64 } from "./big_endian.ts";
import { MediaOperation, MediaResult } from "./media.ts";

/** Sense key << 16 | ASC << 8 | ASCQ (SPC-4 tables 48 and 49). */
export const Sense = {
  NO_SENSE: 0x00_00_00,
  NOT_READY_CAUSE_NOT_REPORTABLE: 0x02_04_00,
  NOT_READY_BECOMING_READY: 0x02_04_01,
  FORMAT_IN_PROGRESS: 0x02_04_04,
  TARGET_PORT_IN_STANDBY_STATE: 0x02_04_0b,
  TARGET_PORT_IN_UNAVAILABLE_STATE: 0x02_04_0c,
  SANITIZE_IN_PROGRESS: 0x02_04_1b,
  MEDIUM_NOT_PRESENT: 0x02_3a_00,
  WRITE_ERROR: 0x03_0c_00,
  UNRECOVERED_READ_ERROR: 0x03_11_00,
  MEDIUM_FORMAT_CORRUPTED: 0x03_31_00,
  FORMAT_COMMAND_FAILED: 0x03_31_01,
  SANITIZE_COMMAND_FAILED: 0x03_31_03,
  LOGICAL_UNIT_COMMUNICATION_FAILURE: 0x04_08_00,
  LOGICAL_UNIT_FAILURE: 0x04_3e_01,
  INTERNAL_TARGET_FAILURE: 0x04_44_00,
  INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT: 0x05_0e_03,
  PARAMETER_LIST_LENGTH_ERROR: 0x05_1a_00,
  INVALID_OPERATION_CODE: 0x05_20_00,
  LBA_OUT_OF_RANGE: 0x05_21_00,
  UNSUPPORTED_TOKEN_TYPE: 0x05_23_01,
  TOKEN_UNKNOWN: 0x05_23_04,
  TOKEN_CORRUPT: 0x05_23_05,
  TOKEN_EXPIRED: 0x05_23_07,
  TOKEN_CANCELLED: 0x05_23_08,
  TOKEN_DELETED: 0x05_23_09,
  INVALID_TOKEN_LENGTH: 0x05_23_0a,
  INVALID_FIELD_IN_CDB: 0x05_24_00,
  INVALID_FIELD_IN_PARAMETER_LIST: 0x05_26_00,
  INVALID_RELEASE_OF_PERSISTENT_RESERVATION: 0x05_26_04,
  TOO_MANY_TARGET_DESCRIPTORS: 0x05_26_06,
  UNSUPPORTED_TARGET_DESCRIPTOR_TYPE: 0x05_26_07,
  TOO_MANY_SEGMENT_DESCRIPTORS: 0x05_26_08,
  UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE: 0x05_26_09,
  INLINE_DATA_LENGTH_EXCEEDED: 0x05_26_0b,
  INVALID_OPERATION_FOR_COPY: 0x05_26_0c,
  ORWRITE_GENERATION_DOES_NOT_MATCH: 0x05_2c_0c,
  SAVING_PARAMETERS_NOT_SUPPORTED: 0x05_39_00,
  MEDIUM_REMOVAL_PREVENTED: 0x05_53_02,
  INSUFFICIENT_REGISTRATION_RESOURCES: 0x05_55_04,
  MEDIUM_MAY_HAVE_CHANGED: 0x06_28_00,
  RESET_OCCURRED: 0x06_29_00,
  MODE_PARAMETERS_CHANGED: 0x06_2a_01,
  LOG_PARAMETERS_CHANGED: 0x06_2a_02,
  ASYMMETRIC_ACCESS_STATE_CHANGED: 0x06_2a_06,
  CAPACITY_DATA_CHANGED: 0x06_2a_09,
  INQUIRY_DATA_CHANGED: 0x06_3f_03,
  THIN_PROVISIONING_SOFT_THRESHOLD_REACHED: 0x06_38_07,
  WRITE_PROTECTED: 0x07_27_00,
  SOFTWARE_WRITE_PROTECTED: 0x07_27_02,
  SPACE_ALLOCATION_FAILED: 0x07_27_07,
  THIRD_PARTY_DEVICE_FAILURE: 0x0a_0d_01,
  LOGICAL_BLOCK_GUARD_CHECK_FAILED: 0x0b_10_01,
  LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED: 0x0b_10_02,
  LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED: 0x0b_10_03,
  MISCOMPARE_DURING_VERIFY: 0x0e_1d_00,
} as const;

/** Where an invalid field is (SPC-4 4.5.2.4.2). */
export interface FieldPointer {
  /** Whether it is in the CDB; else in the parameter list. */
  readonly inCdb: boolean;
  readonly byte: number;
  /** The field's most significant bit in that byte, 7 to 0, where it does not begin at bit 7. */
  readonly bit?: number;
}

/** Where in an EXTENDED COPY parameter list the fault is (SPC-4 4.5.2.4.5). */
export interface SegmentPointer {
  /** Whether `byte` counts from the segment descriptor; else from the parameter list. */
  readonly inSegment: boolean;
  readonly byte: number;
  readonly bit?: number;
}

/** What goes into sense data beside the triple. At most one of `field`, `progress`, `segment`. */
export interface SenseDetails {
  /** INFORMATION: an LBA or an offset, as the command defines it. */
  readonly information?: number;
  /** COMMAND-SPECIFIC INFORMATION. */
  readonly commandSpecific?: number;
  readonly field?: FieldPointer;
  /** PROGRESS INDICATION, 0 to 1; sense key NOT READY or NO SENSE (SPC-4 4.5.2.4.4). */
  readonly progress?: number;
  readonly segment?: SegmentPointer;
  /** It is about an earlier command than the one it comes with (SPC-4 4.5.5). */
  readonly deferred?: boolean;
}

const NO_DETAILS: SenseDetails = {};
const UINT32_COUNT = 2 ** 32;

/** Sense data in descriptor or fixed format. */
export function buildSense(
  descriptorFormat: boolean,
  sense: number,
  details: SenseDetails = NO_DETAILS,
): Uint8Array {
  return descriptorFormat ? buildDescriptorSense(sense, details) : buildFixedSense(sense, details);
}

/** Fixed format, response code 70h, deferred 71h (SPC-4 4.5.3), 18 bytes. */
export function buildFixedSense(sense: number, details: SenseDetails = NO_DETAILS): Uint8Array {
  const data = new Uint8Array(18);
  data[0] = details.deferred === true ? 0x71 : 0x70;
  data[2] = sense >>> 16 & 0x0f;
  data[7] = data.length - 8;
  data[12] = sense >>> 8;
  data[13] = sense;
  const { information, commandSpecific } = details;
  // VALID is not set where the value does not fit into four bytes (SPC-4 4.5.3).
  if (information !== undefined && information < UINT32_COUNT) {
    data[0] |= 0x80;
    writeUint32(data, 3, information);
  }
  // Nor is there a part of a number that does not fit.
  if (commandSpecific !== undefined && commandSpecific < UINT32_COUNT) {
    writeUint32(data, 8, commandSpecific);
  }
  writeKeySpecific(data, 15, details);
  return data;
}

/** Descriptor format, response code 72h, deferred 73h (SPC-4 4.5.2). */
export function buildDescriptorSense(
  sense: number,
  details: SenseDetails = NO_DETAILS,
): Uint8Array {
  const { information, commandSpecific } = details;
  const descriptors: Uint8Array[] = [];
  // Information descriptor, command specific information descriptor (SPC-4 4.5.2.2, 4.5.2.3).
  if (information !== undefined) descriptors.push(numberDescriptor(0x00, 0x80, information));
  if (commandSpecific !== undefined) descriptors.push(numberDescriptor(0x01, 0, commandSpecific));
  // Sense key specific descriptor (SPC-4 4.5.2.4).
  const keySpecific = Uint8Array.of(0x02, 0x06, 0, 0, 0, 0, 0, 0);
  if (writeKeySpecific(keySpecific, 4, details)) descriptors.push(keySpecific);
  const length = descriptors.reduce((sum, descriptor) => sum + descriptor.length, 8);
  const data = new Uint8Array(length);
  data[0] = details.deferred === true ? 0x73 : 0x72;
  data[1] = sense >>> 16 & 0x0f;
  data[2] = sense >>> 8;
  data[3] = sense;
  data[7] = length - 8;
  let offset = 8;
  for (const descriptor of descriptors) {
    data.set(descriptor, offset);
    offset += descriptor.length;
  }
  return data;
}

function numberDescriptor(type: number, flags: number, value: number): Uint8Array {
  const descriptor = Uint8Array.of(type, 0x0a, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  writeUint64(descriptor, 4, value);
  return descriptor;
}

/** SENSE KEY SPECIFIC (SPC-4 4.5.2.4), three bytes; returns whether there is anything to say. */
function writeKeySpecific(data: Uint8Array, offset: number, details: SenseDetails): boolean {
  const { field, segment, progress } = details;
  // SKSV, C/D or SD, BPV, BIT POINTER, FIELD POINTER.
  if (field !== undefined) writePointer(data, offset, field.inCdb ? 0x40 : 0, field);
  else if (segment !== undefined) writePointer(data, offset, segment.inSegment ? 0x20 : 0, segment);
  else if (progress !== undefined) {
    data[offset] = 0x80;
    // The numerator of a fraction with 65 536 as its denominator.
    writeUint16(data, offset + 1, Math.min(Math.max(Math.floor(progress * 65536), 0), 65535));
  } else return false;
  return true;
}

function writePointer(
  data: Uint8Array,
  offset: number,
  where: number,
  { byte, bit }: { readonly byte: number; readonly bit?: number },
): void {
  data[offset] = 0x80 | where | (bit === undefined ? 0 : 0x08 | bit);
  writeUint16(data, offset + 1, byte);
}

/** The triple for a media operation that ended with `result`, a value of `MediaResult` but OK. */
export function mediaSense(operation: number, result: number): number {
  switch (result) {
    case MediaResult.MEDIUM_ERROR:
      return operation === MediaOperation.READ ? Sense.UNRECOVERED_READ_ERROR : Sense.WRITE_ERROR;
    case MediaResult.NO_SPACE:
      return Sense.SPACE_ALLOCATION_FAILED;
    case MediaResult.WRITE_PROTECTED:
      return Sense.WRITE_PROTECTED;
    case MediaResult.NOT_READY:
      return Sense.NOT_READY_CAUSE_NOT_REPORTABLE;
    case MediaResult.NO_MEDIUM:
      return Sense.MEDIUM_NOT_PRESENT;
    case MediaResult.GUARD_CHECK:
      return Sense.LOGICAL_BLOCK_GUARD_CHECK_FAILED;
    case MediaResult.APPLICATION_TAG_CHECK:
      return Sense.LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED;
    case MediaResult.REFERENCE_TAG_CHECK:
      return Sense.LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED;
    // "In process of becoming ready": Linux repeats the command for some time, and fails it at once
    // where it hears any other reason (scsi_io_completion_action in scsi_lib.c).
    case MediaResult.HANDLER_AWAY:
      return Sense.NOT_READY_BECOMING_READY;
    case MediaResult.HANDLER_BROKEN:
      return Sense.LOGICAL_UNIT_FAILURE;
    case MediaResult.LOST:
      return Sense.LOGICAL_UNIT_COMMUNICATION_FAILURE;
    default:
      return Sense.INTERNAL_TARGET_FAILURE;
  }
}

/** Sense data of a failed media operation, in the format the unit's D_SENSE bit asks for. */
export function senseForResult(
  unit: { readonly descriptorSense: boolean },
  operation: number,
  result: number,
  information?: number,
): Uint8Array {
  return buildSense(unit.descriptorSense, mediaSense(operation, result), { information });
}

/** The triple of sense data in either format (SPC-4 4.5); 0 where it is none. */
export function senseTriple(sense: Uint8Array): number {
  switch (sense[0] & 0x7f) {
    case 0x70:
    case 0x71:
      return (sense[2] & 0x0f) << 16 | sense[12] << 8 | sense[13];
    case 0x72:
    case 0x73:
      return (sense[1] & 0x0f) << 16 | sense[2] << 8 | sense[3];
    default:
      return 0;
  }
}
