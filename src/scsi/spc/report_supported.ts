/** REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS. */
import type { Answer } from "../answer.ts";
import { readUint16, writeUint16, writeUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";
import { Support, type SupportedCommand, supportedCommands } from "./supported_commands.ts";
import type { CommandTimeouts } from "./timeouts.ts";

/** Command timeouts descriptor (SPC-4 6.35.4). */
const TIMEOUTS_LENGTH = 12;

/** SPC-4 6.35. */
function reportSupportedOperationCodes(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const withTimeouts = (cdb[2] & 0x80) !== 0; // RCTD
  const commands = supportedCommands(unit);
  const alike = commands.filter(({ code }) => code === cdb[3]);
  const hasServiceActions = alike.some(({ serviceAction }) => serviceAction !== undefined);
  const serviceAction = readUint16(cdb, 4);
  switch (cdb[2] & 0x07) {
    case 0:
      return dataIn(allCommands(commands, withTimeouts));
    case 1:
      if (hasServiceActions) return invalidField(unit, 2, 2);
      return dataIn(oneCommand(alike[0], withTimeouts));
    case 2:
      if (alike.length > 0 && !hasServiceActions) return invalidField(unit, 2, 2);
      break;
    case 3:
      // Service action 0 also stands for none.
      if (!hasServiceActions && serviceAction === 0) {
        return dataIn(oneCommand(alike[0], withTimeouts));
      }
      break;
    default:
      return invalidField(unit, 2, 2);
  }
  const found = alike.find((command) => command.serviceAction === serviceAction);
  return dataIn(oneCommand(found, withTimeouts));
}

/** All_commands parameter data (SPC-4 6.35.2). MLU and CDLP are 0. */
function allCommands(commands: readonly SupportedCommand[], withTimeouts: boolean): Uint8Array {
  const length = 8 + (withTimeouts ? TIMEOUTS_LENGTH : 0);
  const data = new Uint8Array(4 + commands.length * length);
  writeUint32(data, 0, data.length - 4);
  commands.forEach(({ code, serviceAction, cdbLength, timeouts }, index) => {
    const offset = 4 + index * length;
    data[offset] = code;
    writeUint16(data, offset + 2, serviceAction ?? 0);
    // CTDP, SERVACTV
    data[offset + 5] = (withTimeouts ? 0x02 : 0) | (serviceAction === undefined ? 0 : 0x01);
    writeUint16(data, offset + 6, cdbLength);
    if (withTimeouts) writeTimeouts(data, offset + 8, timeouts);
  });
  return data;
}

/** One_command parameter data (SPC-4 6.35.3). */
function oneCommand(command: SupportedCommand | undefined, withTimeouts: boolean): Uint8Array {
  if (command === undefined) return Uint8Array.of(0, Support.NO, 0, 0);
  const { cdbLength, support, usage, timeouts } = command;
  const data = new Uint8Array(4 + cdbLength + (withTimeouts ? TIMEOUTS_LENGTH : 0));
  data[1] = (withTimeouts ? 0x80 : 0) | support; // CTDP
  writeUint16(data, 2, cdbLength);
  data.set(usage, 4);
  if (withTimeouts) writeTimeouts(data, 4 + cdbLength, timeouts);
  return data;
}

function writeTimeouts(
  data: Uint8Array,
  offset: number,
  { nominal_s, recommended_s }: CommandTimeouts,
): void {
  writeUint16(data, offset, TIMEOUTS_LENGTH - 2);
  writeUint32(data, offset + 4, nominal_s);
  writeUint32(data, offset + 8, recommended_s);
}

const ATS = 0x80;
const ATSS = 0x40;
const CTSS = 0x10;
const LURS = 0x08;

/** SPC-4 6.36. LIO ends ABORT TASK SET and CLEAR TASK SET as not supported. */
function reportTaskManagementFunctions(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const extended = (cdb[2] & 0x80) !== 0; // REPD
  const data = new Uint8Array(extended ? 16 : 4);
  data[0] = ATS | LURS | (unit.targetCore === "kernel" ? 0 : ATSS | CTSS);
  if (extended) data[3] = data.length - 4;
  return dataIn(data);
}

export const reportSupportedResponses = [
  always("REPORT SUPPORTED OPERATION CODES", reportSupportedOperationCodes),
  always("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", reportTaskManagementFunctions),
];
