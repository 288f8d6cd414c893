/**
 * REPORT LUNS (SPC-4 6.33). The target core knows the LUN map and answers; where a unit is reached
 * without one, there is LUN 0 and nothing else.
 */
import type { Answer } from "../answer.ts";
import { writeUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";

function reportLuns(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const selectReport = cdb[2];
  // 00h and 02h include logical unit 0; 01h are the well known logical units: none is here.
  if (selectReport > 0x02) return invalidField(unit, 2);
  const count = selectReport === 0x01 ? 0 : 1;
  const data = new Uint8Array(8 + 8 * count);
  writeUint32(data, 0, 8 * count);
  return dataIn(data);
}

export const reportLunsResponses = [always("REPORT LUNS", reportLuns)];
