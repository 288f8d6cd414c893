/**
 * Third-party Copy VPD page, 8Fh (SPC-4 7.8.17, SBC-4 6.6.9), without the four bytes of header: what
 * can be copied, by which commands and up to which limits.
 *
 * @module
 */
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { VitalProductPage } from "../vpd_page.ts";
import {
  COPY_COUNT_MAX,
  CSCD_DESCRIPTOR_COUNT_MAX,
  DESCRIPTOR_LIST_LENGTH_MAX,
  INACTIVITY_TIMEOUT_DEFAULT_S,
  INACTIVITY_TIMEOUT_MAX_S,
  RANGE_DESCRIPTOR_COUNT_MAX,
  SEGMENT_DESCRIPTOR_COUNT_MAX,
  SEGMENT_LENGTH_MAX_BYTES,
  TOKEN_LENGTH_MAX_BYTES,
  TOKEN_LENGTH_OPTIMAL_BYTES,
  TOKEN_LIFETIME_MAX_S,
} from "./limits.ts";
import { copyCommands } from "./opcodes.ts";
import {
  IDENTIFICATION_DESCRIPTOR,
  OWN_CSCD_ID,
  POINT_IN_TIME_TYPES,
  RodType,
  SegmentType,
} from "./types.ts";

/** Segment and CSCD descriptors, in ascending order. */
export const SUPPORTED_DESCRIPTORS: readonly number[] = [
  SegmentType.BLOCK_TO_BLOCK,
  SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET,
  IDENTIFICATION_DESCRIPTOR,
];

/** DATA SEGMENT GRANULARITY: a block. */
export function dataSegmentGranularity(unit: LogicalUnit): number {
  return Math.log2(unit.block_length);
}

export const copyPages: readonly VitalProductPage[] = [
  { code: 0x8f, title: "Third-party Copy", build: thirdPartyCopy },
];

function thirdPartyCopy(unit: LogicalUnit): Uint8Array {
  const descriptors = [
    blockDeviceRodLimits(unit),
    supportedCommands(),
    parameterData(),
    supportedDescriptors(),
    supportedCscdIds(),
    rodTokenFeatures(),
    supportedRodTypes(),
    generalCopyOperations(unit),
  ];
  const page = new Uint8Array(descriptors.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const descriptor of descriptors) {
    page.set(descriptor, offset);
    offset += descriptor.length;
  }
  return page;
}

/** A third-party copy descriptor with room for `length` bytes after its header, in whole words. */
function descriptorOf(type: number, length: number): Uint8Array {
  const padded = Math.ceil(length / 4) * 4;
  const descriptor = new Uint8Array(4 + padded);
  writeUint16(descriptor, 0, type);
  writeUint16(descriptor, 2, padded);
  return descriptor;
}

/** SBC-4 6.6.9.3. */
function blockDeviceRodLimits({ block_length }: LogicalUnit): Uint8Array {
  const descriptor = descriptorOf(0x0000, 0x20);
  writeUint16(descriptor, 10, RANGE_DESCRIPTOR_COUNT_MAX);
  writeUint32(descriptor, 12, INACTIVITY_TIMEOUT_MAX_S);
  writeUint32(descriptor, 16, INACTIVITY_TIMEOUT_DEFAULT_S);
  writeUint64(descriptor, 20, TOKEN_LENGTH_MAX_BYTES / block_length);
  writeUint64(descriptor, 28, TOKEN_LENGTH_OPTIMAL_BYTES / block_length);
  return descriptor;
}

/** SPC-4 7.8.17.4. */
function supportedCommands(): Uint8Array {
  const list: number[] = [];
  for (const code of [0x83, 0x84]) {
    const actions = copyCommands.filter((row) => row.code === code)
      .map(({ serviceAction }) => serviceAction ?? 0);
    list.push(code, actions.length, ...actions.sort((a, b) => a - b));
  }
  const descriptor = descriptorOf(0x0001, 1 + list.length);
  descriptor[4] = list.length;
  descriptor.set(list, 5);
  return descriptor;
}

/** SPC-4 7.8.17.5. */
function parameterData(): Uint8Array {
  const descriptor = descriptorOf(0x0004, 0x1c);
  writeUint16(descriptor, 8, CSCD_DESCRIPTOR_COUNT_MAX);
  writeUint16(descriptor, 10, SEGMENT_DESCRIPTOR_COUNT_MAX);
  writeUint32(descriptor, 12, DESCRIPTOR_LIST_LENGTH_MAX);
  return descriptor;
}

/** SPC-4 7.8.17.6. */
function supportedDescriptors(): Uint8Array {
  const descriptor = descriptorOf(0x0008, 1 + SUPPORTED_DESCRIPTORS.length);
  descriptor[4] = SUPPORTED_DESCRIPTORS.length;
  descriptor.set(SUPPORTED_DESCRIPTORS, 5);
  return descriptor;
}

/** SPC-4 7.8.17.7: those beyond 07FFh. */
function supportedCscdIds(): Uint8Array {
  const descriptor = descriptorOf(0x000c, 4);
  writeUint16(descriptor, 4, 2);
  writeUint16(descriptor, 6, OWN_CSCD_ID);
  return descriptor;
}

/** SPC-4 7.8.17.8. REMOTE TOKENS 0h: tokens are of use in this target only. */
function rodTokenFeatures(): Uint8Array {
  const descriptor = descriptorOf(0x0106, 44 + 48);
  writeUint32(descriptor, 16, 1);
  writeUint32(descriptor, 20, TOKEN_LIFETIME_MAX_S);
  writeUint32(descriptor, 24, INACTIVITY_TIMEOUT_MAX_S);
  writeUint16(descriptor, 46, 48);
  // Block ROD device type specific features descriptor.
  const features = descriptor.subarray(48);
  writeUint16(features, 2, 0x2c);
  writeUint64(features, 8, TOKEN_LENGTH_MAX_BYTES);
  writeUint64(features, 16, TOKEN_LENGTH_OPTIMAL_BYTES);
  writeUint64(features, 24, TOKEN_LENGTH_MAX_BYTES);
  writeUint64(features, 32, TOKEN_LENGTH_OPTIMAL_BYTES);
  return descriptor;
}

/** SPC-4 7.8.17.9. */
function supportedRodTypes(): Uint8Array {
  const TYPE_LENGTH = 64;
  const types = [...POINT_IN_TIME_TYPES, RodType.BLOCK_DEVICE_ZERO];
  const descriptor = descriptorOf(0x0108, 4 + types.length * TYPE_LENGTH);
  writeUint16(descriptor, 6, types.length * TYPE_LENGTH);
  types.forEach((type, index) => {
    const at = 8 + index * TYPE_LENGTH;
    writeUint32(descriptor, at, type);
    // TOKEN_IN, TOKEN_OUT: nobody makes a token of zeros.
    descriptor[at + 4] = type === RodType.BLOCK_DEVICE_ZERO ? 0x02 : 0x03;
  });
  return descriptor;
}

/** SPC-4 7.8.17.10. */
function generalCopyOperations(unit: LogicalUnit): Uint8Array {
  const descriptor = descriptorOf(0x8001, 0x20);
  writeUint32(descriptor, 4, COPY_COUNT_MAX);
  writeUint32(descriptor, 8, COPY_COUNT_MAX);
  writeUint32(descriptor, 12, SEGMENT_LENGTH_MAX_BYTES);
  descriptor[16] = dataSegmentGranularity(unit);
  return descriptor;
}
