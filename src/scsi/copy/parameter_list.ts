/**
 * Takes an EXTENDED COPY(LID1) parameter list apart (SPC-4 6.5, descriptors 6.4.5 and 6.4.6). What
 * is found wrong here is found before the first segment is processed: ILLEGAL REQUEST (SPC-4
 * 5.17.7.3).
 *
 * @module
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { checkCondition, invalidParameter } from "../response.ts";
import { Sense } from "../sense.ts";
import { DESIGNATOR_LENGTH_MAX, readDesignator } from "./designator.ts";
import {
  CSCD_DESCRIPTOR_COUNT_MAX,
  DESCRIPTOR_LIST_LENGTH_MAX,
  SEGMENT_DESCRIPTOR_COUNT_MAX,
} from "./limits.ts";
import { IDENTIFICATION_DESCRIPTOR, SegmentType } from "./types.ts";

export const HEADER_LENGTH = 16;
export const CSCD_DESCRIPTOR_LENGTH = 32;

/** DESCRIPTOR LENGTH by type: what follows that field (SPC-4 6.4.6.4, 6.4.6.12). */
const SEGMENT_LENGTH: ReadonlyMap<number, number> = new Map([
  [SegmentType.BLOCK_TO_BLOCK, 0x18],
  [SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET, 0x1c],
]);
/** Type and length come first. */
const SEGMENT_HEADER_LENGTH = 4;

export interface CopyHeader {
  readonly list_identifier: number;
  /** LIST ID USAGE (SPC-4 table 129): 11b says that there is no list identifier. */
  readonly identified: boolean;
  /** 00b: results are kept. */
  readonly keep: boolean;
  readonly cscd_length: number;
  readonly segment_length: number;
}

/** A copy source or destination as the list describes it. */
export interface CscdDescriptor {
  /** First byte of the descriptor in the parameter list. */
  readonly byte: number;
  /** A null device, of SPC-3: nothing can be copied from or to it. */
  readonly isNull: boolean;
  readonly peripheralDeviceType: number;
  /** Undefined where it can name no unit. */
  readonly designator: Uint8Array | undefined;
  /** DISK BLOCK LENGTH; 0 leaves it to the unit. */
  readonly block_length: number;
}

export interface SegmentDescriptor {
  readonly type: number;
  readonly source: number;
  readonly destination: number;
  /** DC: `count` is in blocks of the destination. */
  readonly destinationCount: boolean;
  /** Blocks or, with offset, bytes. */
  readonly count: number;
  readonly source_lba: number;
  readonly destination_lba: number;
  readonly source_offset_bytes: number;
  readonly destination_offset_bytes: number;
}

/** The first HEADER_LENGTH bytes; `list_length` is the CDB's PARAMETER LIST LENGTH. */
export function readHeader(
  unit: LogicalUnit,
  header: Uint8Array,
  list_length: number,
): CopyHeader | Answer {
  const usage = header[1] >> 3 & 0x03;
  const list_identifier = header[0];
  const cscd_length = readUint16(header, 2);
  const segment_length = readUint32(header, 8);
  const inline_length = readUint32(header, 12);
  const descriptors_length = cscd_length + segment_length;
  // More than the list has, or than there may be (SPC-4 6.4.1, 6.4.3.5).
  if (
    HEADER_LENGTH + descriptors_length + inline_length > list_length ||
    descriptors_length > DESCRIPTOR_LIST_LENGTH_MAX || cscd_length % CSCD_DESCRIPTOR_LENGTH !== 0
  ) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  if (usage === 0b01) return invalidParameter(unit, 1, 4);
  if (usage === 0b11 && list_identifier !== 0) return invalidParameter(unit, 0);
  if (inline_length > 0) return checkCondition(unit, Sense.INLINE_DATA_LENGTH_EXCEEDED);
  if (cscd_length / CSCD_DESCRIPTOR_LENGTH > CSCD_DESCRIPTOR_COUNT_MAX) {
    return checkCondition(unit, Sense.TOO_MANY_TARGET_DESCRIPTORS);
  }
  return {
    list_identifier,
    identified: usage !== 0b11,
    keep: usage === 0b00,
    cscd_length,
    segment_length,
  };
}

/** All CSCD descriptors of the list. */
export function readCscdDescriptors(
  unit: LogicalUnit,
  list: Uint8Array,
  { cscd_length }: CopyHeader,
): readonly CscdDescriptor[] | Answer {
  const descriptors: CscdDescriptor[] = [];
  const end = HEADER_LENGTH + cscd_length;
  for (let byte = HEADER_LENGTH; byte < end; byte += CSCD_DESCRIPTOR_LENGTH) {
    if (list[byte] !== IDENTIFICATION_DESCRIPTOR) {
      return checkCondition(unit, Sense.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE);
    }
    if (list[byte + 7] > DESIGNATOR_LENGTH_MAX) return invalidParameter(unit, byte + 7);
    descriptors.push(readCscdDescriptor(list, byte));
  }
  return descriptors;
}

/** LU ID TYPE and RELATIVE INITIATOR PORT IDENTIFIER say nothing here (SPC-4 6.4.5.1, 6.4.5.6). */
function readCscdDescriptor(list: Uint8Array, byte: number): CscdDescriptor {
  const descriptor = list.subarray(byte, byte + CSCD_DESCRIPTOR_LENGTH);
  return {
    byte,
    isNull: (descriptor[1] & 0x20) !== 0,
    peripheralDeviceType: descriptor[1] & 0x1f,
    designator: readDesignator(descriptor, 4),
    block_length: readUint32(descriptor, 28) & 0xffffff,
  };
}

/** All segment descriptors of the list. */
export function readSegmentDescriptors(
  unit: LogicalUnit,
  list: Uint8Array,
  { cscd_length, segment_length }: CopyHeader,
): readonly SegmentDescriptor[] | Answer {
  const segments: SegmentDescriptor[] = [];
  const end = HEADER_LENGTH + cscd_length + segment_length;
  for (let byte = HEADER_LENGTH + cscd_length; byte < end;) {
    if (segments.length >= SEGMENT_DESCRIPTOR_COUNT_MAX) {
      return checkCondition(unit, Sense.TOO_MANY_SEGMENT_DESCRIPTORS);
    }
    const length = SEGMENT_LENGTH.get(list[byte]);
    if (length === undefined) {
      return checkCondition(unit, Sense.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE);
    }
    const next = byte + SEGMENT_HEADER_LENGTH + length;
    if (next > end) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
    if (readUint16(list, byte + 2) !== length) return invalidParameter(unit, byte + 2);
    segments.push(readSegmentDescriptor(list.subarray(byte, next)));
    byte = next;
  }
  return segments;
}

function readSegmentDescriptor(descriptor: Uint8Array): SegmentDescriptor {
  const withOffset = descriptor[0] === SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET;
  return {
    type: descriptor[0],
    source: readUint16(descriptor, 4),
    destination: readUint16(descriptor, 6),
    destinationCount: (descriptor[1] & 0x02) !== 0,
    count: withOffset ? readUint32(descriptor, 8) : readUint16(descriptor, 10),
    source_lba: readUint64(descriptor, 12),
    destination_lba: readUint64(descriptor, 20),
    source_offset_bytes: withOffset ? readUint16(descriptor, 28) : 0,
    destination_offset_bytes: withOffset ? readUint16(descriptor, 30) : 0,
  };
}
