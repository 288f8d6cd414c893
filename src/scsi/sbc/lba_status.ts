/** GET LBA STATUS(16) (SBC-4 5.5). A volume's extents are not known here: all blocks are mapped. */
import type { Answer } from "../answer.ts";
import { readUint64, writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { dataIn, invalidField, needsMedium } from "../response.ts";
import { checkRange, isAnswer } from "./range.ts";

function getLbaStatus(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const lba = readUint64(cdb, 2);
  // REPORT TYPE: all logical blocks is the only one there is.
  if (cdb[14] !== 0x00) return invalidField(unit, 14);
  const range = checkRange(unit, lba, 1);
  if (isAnswer(range)) return range;
  const data = new Uint8Array(8 + 16);
  writeUint32(data, 0, data.length - 4);
  writeUint64(data, 8, lba);
  writeUint32(data, 16, Math.min(unit.block_count - lba, 0xffffffff));
  data[20] = 0x00; // PROVISIONING STATUS: mapped or unknown
  return dataIn(data);
}

export const lbaStatusResponses = [needsMedium("GET LBA STATUS(16)", getLbaStatus)];
