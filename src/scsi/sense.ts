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
  MEDIUM_NOT_PRESENT: 0x02_3a_00,
  WRITE_ERROR: 0x03_0c_00,
  UNRECOVERED_READ_ERROR: 0x03_11_00,
  INTERNAL_TARGET_FAILURE: 0x04_44_00,
  PARAMETER_LIST_LENGTH_ERROR: 0x05_1a_00,
  INVALID_OPERATION_CODE: 0x05_20_00,
  LBA_OUT_OF_RANGE: 0x05_21_00,
  INVALID_FIELD_IN_CDB: 0x05_24_00,
  INVALID_FIELD_IN_PARAMETER_LIST: 0x05_26_00,
  SAVING_PARAMETERS_NOT_SUPPORTED: 0x05_39_00,
  RESET_OCCURRED: 0x06_29_00,
  MEDIUM_MAY_HAVE_CHANGED: 0x06_28_00,
  MODE_PARAMETERS_CHANGED: 0x06_2a_01,
  CAPACITY_DATA_CHANGED: 0x06_2a_09,
  INQUIRY_DATA_CHANGED: 0x06_3f_03,
  WRITE_PROTECTED: 0x07_27_00,
  SOFTWARE_WRITE_PROTECTED: 0x07_27_02,
  SPACE_ALLOCATION_FAILED: 0x07_27_07,
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

/** What goes into sense data beside the triple. */
export interface SenseDetails {
  /** INFORMATION: an LBA or an offset, as the command defines it. */
  readonly information?: number;
  readonly field?: FieldPointer;
}

const NO_DETAILS: SenseDetails = {};

/** Sense data of a current error, in descriptor or fixed format. */
export function buildSense(
  descriptorFormat: boolean,
  sense: number,
  details: SenseDetails = NO_DETAILS,
): Uint8Array {
  return descriptorFormat ? buildDescriptorSense(sense, details) : buildFixedSense(sense, details);
}

/** Fixed format, response code 70h (SPC-4 4.5.3), 18 bytes. */
export function buildFixedSense(sense: number, details: SenseDetails = NO_DETAILS): Uint8Array {
  const data = new Uint8Array(18);
  data[0] = 0x70;
  data[2] = sense >>> 16 & 0x0f;
  data[7] = data.length - 8;
  data[12] = sense >>> 8;
  data[13] = sense;
  const { information, field } = details;
  // VALID is not set where the value does not fit into four bytes (SPC-4 4.5.3).
  if (information !== undefined && information < 2 ** 32) {
    data[0] |= 0x80;
    writeUint32(data, 3, information);
  }
  if (field !== undefined) writeFieldPointer(data, 15, field);
  return data;
}

/** Descriptor format, response code 72h (SPC-4 4.5.2). */
export function buildDescriptorSense(
  sense: number,
  details: SenseDetails = NO_DETAILS,
): Uint8Array {
  const { information, field } = details;
  const informationLength = information === undefined ? 0 : 12;
  const data = new Uint8Array(8 + informationLength + (field === undefined ? 0 : 8));
  data[0] = 0x72;
  data[1] = sense >>> 16 & 0x0f;
  data[2] = sense >>> 8;
  data[3] = sense;
  data[7] = data.length - 8;
  if (information !== undefined) {
    // Information descriptor (SPC-4 4.5.2.2).
    data[8] = 0x00;
    data[9] = 0x0a;
    data[10] = 0x80;
    writeUint64(data, 12, information);
  }
  if (field !== undefined) {
    // Sense key specific descriptor (SPC-4 4.5.2.4).
    const start = 8 + informationLength;
    data[start] = 0x02;
    data[start + 1] = 0x06;
    writeFieldPointer(data, start + 4, field);
  }
  return data;
}

/** Field pointer sense key specific data: SKSV, C/D, BPV, BIT POINTER, FIELD POINTER. */
function writeFieldPointer(data: Uint8Array, offset: number, field: FieldPointer): void {
  data[offset] = 0x80 | (field.inCdb ? 0x40 : 0) |
    (field.bit === undefined ? 0 : 0x08 | field.bit);
  writeUint16(data, offset + 1, field.byte);
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
