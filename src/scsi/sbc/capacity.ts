/**
 * READ CAPACITY(10) and READ CAPACITY(16) (SBC-4 5.20, 5.21). PMI and LOGICAL BLOCK ADDRESS are
 * obsolete; they are taken as SBC-2 has them, since there are initiators that ask so: without PMI the
 * address is 0, and with it there is no delay before the last block.
 */
import type { Answer } from "../answer.ts";
import { readField, writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { CdbField } from "../opcode.ts";
import { dataIn, invalidField, needsMedium } from "../response.ts";
import { outOfRange } from "./range.ts";

function lastBlock(unit: LogicalUnit): number {
  return Math.max(unit.block_count - 1, 0);
}

/** Refuses an address where PMI does not ask for one, and one that is not there. */
function checkAddress(
  unit: LogicalUnit,
  cdb: Uint8Array,
  address: CdbField,
  pmiByte: number,
): Answer | undefined {
  const lba = readField(cdb, address);
  if ((cdb[pmiByte] & 0x01) === 0) {
    return lba === 0 ? undefined : invalidField(unit, address.offset);
  }
  return lba <= lastBlock(unit) ? undefined : outOfRange(unit, lba);
}

function readCapacity10(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const refused = checkAddress(unit, cdb, { offset: 2, length: 4 }, 8);
  if (refused !== undefined) return refused;
  const data = new Uint8Array(8);
  // FFFFFFFFh: ask with READ CAPACITY(16).
  writeUint32(data, 0, Math.min(lastBlock(unit), 0xffffffff));
  writeUint32(data, 4, unit.block_length);
  return dataIn(data);
}

function readCapacity16(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const refused = checkAddress(unit, cdb, { offset: 2, length: 8 }, 14);
  if (refused !== undefined) return refused;
  const data = new Uint8Array(32);
  writeUint64(data, 0, lastBlock(unit));
  writeUint32(data, 8, unit.block_length);
  const { protection } = unit.features;
  // P_TYPE, PROT_EN; P_I_EXPONENT 0: it lies behind each block.
  if (protection) data[12] = (protection - 1) << 1 | 0x01;
  data[13] = unit.physical_block_exponent;
  // LBPME, LBPRZ; LOWEST ALIGNED LOGICAL BLOCK ADDRESS is 0.
  data[14] = unit.features.discard ? 0x80 | 0x40 : 0;
  return dataIn(data);
}

export const capacityResponses = [
  needsMedium("READ CAPACITY(10)", readCapacity10),
  needsMedium("READ CAPACITY(16)", readCapacity16),
];
