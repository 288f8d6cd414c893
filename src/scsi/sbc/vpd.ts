/** Vital product data pages of block devices (SBC-4 6.6); without the four bytes of header. */
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import {
  COMPARE_AND_WRITE_BLOCK_COUNT_MAX,
  OPTIMAL_TRANSFER_LENGTH_BYTES,
  TRANSFER_LENGTH_MAX_BYTES,
  UNMAP_BLOCK_COUNT_MAX,
  UNMAP_DESCRIPTOR_COUNT_MAX,
  UNMAP_GRANULARITY_BYTES,
  WRITE_SAME_BLOCK_COUNT_MAX,
} from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { hasThresholds } from "../mode_parameters.ts";
import { thresholdExponent } from "../provisioning_threshold.ts";
import type { VitalProductPage } from "../vpd_page.ts";
import { atomicLengthMax } from "./atomic_limit.ts";

/** Offsets in the tables of the standard count from the header. */
const HEADER = 4;

/** B0h, Block Limits (SBC-4 6.6.4). */
export function blockLimits(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(60);
  content[4 - HEADER] = 0x01; // WSNZ: WRITE SAME of 0 blocks is refused
  content[5 - HEADER] = COMPARE_AND_WRITE_BLOCK_COUNT_MAX;
  writeUint16(content, 6 - HEADER, 1 << unit.physical_block_exponent);
  writeUint32(content, 8 - HEADER, TRANSFER_LENGTH_MAX_BYTES / unit.block_length);
  writeUint32(content, 12 - HEADER, OPTIMAL_TRANSFER_LENGTH_BYTES / unit.block_length);
  // MAXIMUM PREFETCH LENGTH 0: no limit, since nothing is fetched.
  if (unit.features.discard) {
    writeUint32(content, 20 - HEADER, UNMAP_BLOCK_COUNT_MAX);
    writeUint32(content, 24 - HEADER, UNMAP_DESCRIPTOR_COUNT_MAX);
    writeUint32(content, 28 - HEADER, unmapGranularity(unit));
    content[32 - HEADER] = 0x80; // UGAVALID; UNMAP GRANULARITY ALIGNMENT 0
  }
  writeUint64(content, 36 - HEADER, WRITE_SAME_BLOCK_COUNT_MAX);
  // ATOMIC ALIGNMENT and ATOMIC TRANSFER LENGTH GRANULARITY 0: any. There are no boundaries.
  writeUint32(content, 44 - HEADER, atomicLengthMax(unit));
  return content;
}

/** OPTIMAL UNMAP GRANULARITY, in blocks: whole physical blocks. */
function unmapGranularity(unit: LogicalUnit): number {
  return Math.max(UNMAP_GRANULARITY_BYTES / unit.block_length, 1 << unit.physical_block_exponent);
}

/** B1h, Block Device Characteristics (SBC-4 6.6.2). */
export function blockDeviceCharacteristics(unit: LogicalUnit): Uint8Array {
  const { discard, writeCache } = unit.features;
  const content = new Uint8Array(60);
  writeUint16(content, 4 - HEADER, 0x0001); // MEDIUM ROTATION RATE: non-rotating
  // WABEREQ 01b: blocks can be read after SANITIZE, BLOCK ERASE. WACEREQ 00b: there is no
  // cryptographic erase. NOMINAL FORM FACTOR 0h: not reported.
  content[7 - HEADER] = discard ? 0x40 : 0x00;
  // FUAB: what is read by force of FUA is durable, where there is no cache that it could be in.
  // VBULS: VERIFY compares unmapped blocks like others.
  content[8 - HEADER] = (writeCache ? 0x00 : 0x02) | (discard ? 0x01 : 0x00);
  return content;
}

/** B2h, Logical Block Provisioning, in SBC-4 6.6. */
export function logicalBlockProvisioning(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(4);
  if (hasThresholds(unit.features)) content[4 - HEADER] = thresholdExponent(unit.block_length);
  if (unit.features.discard) {
    // LBPU, LBPWS, LBPWS10, LBPRZ 001b; ANC_SUP 0, DP 0.
    content[5 - HEADER] = 0x80 | 0x40 | 0x20 | 0x04;
    // MINIMUM PERCENTAGE 0; PROVISIONING TYPE: thin. THRESHOLD PERCENTAGE 0: not reported.
    content[6 - HEADER] = 0x02;
  }
  return content;
}

/** B7h, Block Limits Extension, in SBC-4 6.6: there are no streams and no scattered writes. */
export function blockLimitsExtension(): Uint8Array {
  return new Uint8Array(60);
}

/** In ascending order of page code. */
export const blockPages: readonly VitalProductPage[] = [
  { code: 0xb0, title: "Block Limits", build: blockLimits },
  { code: 0xb1, title: "Block Device Characteristics", build: blockDeviceCharacteristics },
  { code: 0xb2, title: "Logical Block Provisioning", build: logicalBlockProvisioning },
  { code: 0xb7, title: "Block Limits Extension", build: blockLimitsExtension },
];
