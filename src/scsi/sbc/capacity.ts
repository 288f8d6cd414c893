/** READ CAPACITY(10) and READ CAPACITY(16) (SBC-4 5.19, 5.20). */
import type { Answer } from "../answer.ts";
import { writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { dataIn, needsMedium } from "../response.ts";

function lastBlock(unit: LogicalUnit): number {
  return Math.max(unit.block_count - 1, 0);
}

function readCapacity10(unit: LogicalUnit, _command: CommandView): Answer {
  const data = new Uint8Array(8);
  // FFFFFFFFh: ask with READ CAPACITY(16).
  writeUint32(data, 0, Math.min(lastBlock(unit), 0xffffffff));
  writeUint32(data, 4, unit.block_length);
  return dataIn(data);
}

function readCapacity16(unit: LogicalUnit, _command: CommandView): Answer {
  const data = new Uint8Array(32);
  writeUint64(data, 0, lastBlock(unit));
  writeUint32(data, 8, unit.block_length);
  data[13] = unit.physical_block_exponent;
  data[14] = unit.features.discard ? 0x80 | 0x40 : 0; // LBPME, LBPRZ
  return dataIn(data);
}

export const capacityResponses = [
  needsMedium("READ CAPACITY(10)", readCapacity10),
  needsMedium("READ CAPACITY(16)", readCapacity16),
];
