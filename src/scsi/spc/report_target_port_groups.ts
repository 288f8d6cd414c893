/** REPORT TARGET PORT GROUPS (SPC-4 6.37): one group, one port. */
import type { Answer } from "../answer.ts";
import { writeUint16, writeUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";

/** U_SUP, S_SUP, AN_SUP, AO_SUP: every state but offline; changes take no time. */
const SUPPORTED_STATES = 0x0f;

function reportTargetPortGroups(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const format = cdb[1] >>> 5;
  if (format > 1) return invalidField(unit, 1, 7);
  // `supports` lets this in only where there is a port.
  const port = unit.port ?? { relative_target_port: 0, target_port_group: 0 };
  // The extended header has four more bytes: FORMAT TYPE and IMPLICIT TRANSITION TIME.
  const header = format === 1 ? 8 : 4;
  const data = new Uint8Array(header + 12);
  writeUint32(data, 0, data.length - 4);
  if (format === 1) data[4] = 0x10;
  data[header] = 0x80 | unit.accessState; // PREF: there is no other
  data[header + 1] = SUPPORTED_STATES;
  writeUint16(data, header + 2, port.target_port_group);
  data[header + 5] = unit.accessStatus; // STATUS CODE
  data[header + 7] = 1; // TARGET PORT COUNT
  writeUint16(data, header + 10, port.relative_target_port);
  return dataIn(data);
}

export const reportTargetPortGroupsResponses = [
  always("REPORT TARGET PORT GROUPS", reportTargetPortGroups),
];
