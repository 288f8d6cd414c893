/** Vital product data pages of block devices (SBC-4 6.6); without the four bytes of header. */
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import {
  COMPARE_AND_WRITE_BLOCK_COUNT_MAX,
  TRANSFER_LENGTH_MAX_BYTES,
  UNMAP_BLOCK_COUNT_MAX,
  UNMAP_DESCRIPTOR_COUNT_MAX,
  UNMAP_GRANULARITY_BYTES,
  WRITE_SAME_BLOCK_COUNT_MAX,
} from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";

/** Offsets in the tables of the standard count from the header. */
const HEADER = 4;

/** B0h, Block Limits (SBC-4 6.6.4). */
export function blockLimits(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(60);
  content[4 - HEADER] = 0x01; // WSNZ: WRITE SAME of 0 blocks is refused
  content[5 - HEADER] = COMPARE_AND_WRITE_BLOCK_COUNT_MAX;
  writeUint16(content, 6 - HEADER, 1 << unit.physical_block_exponent);
  writeUint32(content, 8 - HEADER, TRANSFER_LENGTH_MAX_BYTES / unit.block_length);
  if (unit.features.discard) {
    writeUint32(content, 20 - HEADER, UNMAP_BLOCK_COUNT_MAX);
    writeUint32(content, 24 - HEADER, UNMAP_DESCRIPTOR_COUNT_MAX);
    writeUint32(content, 28 - HEADER, Math.max(1, UNMAP_GRANULARITY_BYTES / unit.block_length));
  }
  writeUint64(content, 36 - HEADER, WRITE_SAME_BLOCK_COUNT_MAX);
  return content;
}

/** B1h, Block Device Characteristics (SBC-4 6.6.2). */
export function blockDeviceCharacteristics(): Uint8Array {
  const content = new Uint8Array(60);
  writeUint16(content, 4 - HEADER, 0x0001); // MEDIUM ROTATION RATE: non-rotating
  return content;
}

/** B2h, Logical Block Provisioning, in SBC-4 6.6. */
export function logicalBlockProvisioning(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(4);
  if (unit.features.discard) {
    // LBPU, LBPWS, LBPWS10, LBPRZ 001b; ANC_SUP 0, DP 0.
    content[5 - HEADER] = 0x80 | 0x40 | 0x20 | 0x04;
    content[6 - HEADER] = 0x02; // PROVISIONING TYPE: thin
  }
  return content;
}
