/** REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS. */
import type { Answer } from "../answer.ts";
import { readUint16, writeUint16, writeUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { type OperationCode, operationCodes } from "../opcodes.ts";
import { always, dataIn, invalidField } from "../response.ts";
import { findRow, rowsOf, supports } from "../table.ts";

/** Command timeouts descriptor (SPC-4 6.35.4); times of 0 are "not indicated". */
const TIMEOUTS_LENGTH = 12;
const SUPPORT_NO = 0x01;
const SUPPORT_STANDARD = 0x03;

/** SPC-4 6.35. */
function reportSupportedOperationCodes(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const timeouts = (cdb[2] & 0x80) !== 0;
  const code = cdb[3];
  const serviceAction = readUint16(cdb, 4);
  const rows = rowsOf(code);
  const hasServiceActions = rows.some((row) => row.serviceAction !== undefined);
  switch (cdb[2] & 0x07) {
    case 0:
      return dataIn(allCommands(unit, timeouts));
    case 1:
      if (hasServiceActions) return invalidField(unit, 2, 2);
      break;
    case 2:
      if (rows.length > 0 && !hasServiceActions) return invalidField(unit, 2, 2);
      break;
    case 3:
      if (!hasServiceActions && serviceAction !== 0) return dataIn(oneCommand(undefined, timeouts));
      break;
    default:
      return invalidField(unit, 2, 2);
  }
  const row = findRow(code, serviceAction);
  const supported = row !== undefined && supports(unit, row) ? row : undefined;
  return dataIn(oneCommand(supported, timeouts));
}

/** All_commands parameter data (SPC-4 6.35.2). */
function allCommands(unit: LogicalUnit, timeouts: boolean): Uint8Array {
  const rows = operationCodes.filter((row) => supports(unit, row));
  const length = 8 + (timeouts ? TIMEOUTS_LENGTH : 0);
  const data = new Uint8Array(4 + rows.length * length);
  writeUint32(data, 0, data.length - 4);
  rows.forEach((row, index) => {
    const offset = 4 + index * length;
    data[offset] = row.code;
    writeUint16(data, offset + 2, row.serviceAction ?? 0);
    data[offset + 5] = (timeouts ? 0x02 : 0) | (row.serviceAction === undefined ? 0 : 0x01);
    writeUint16(data, offset + 6, row.cdbLength);
    if (timeouts) writeUint16(data, offset + 8, TIMEOUTS_LENGTH - 2);
  });
  return data;
}

/** One_command parameter data (SPC-4 6.35.3). */
function oneCommand(row: OperationCode | undefined, timeouts: boolean): Uint8Array {
  if (row === undefined) return Uint8Array.of(0, SUPPORT_NO, 0, 0);
  const data = new Uint8Array(4 + row.cdbLength + (timeouts ? TIMEOUTS_LENGTH : 0));
  data[1] = (timeouts ? 0x80 : 0) | SUPPORT_STANDARD;
  writeUint16(data, 2, row.cdbLength);
  data.set(row.usage, 4);
  if (timeouts) writeUint16(data, 4 + row.cdbLength, TIMEOUTS_LENGTH - 2);
  return data;
}

/** SPC-4 6.36: ABORT TASK, ABORT TASK SET, CLEAR TASK SET and LOGICAL UNIT RESET. */
function reportTaskManagementFunctions(_unit: LogicalUnit, { cdb }: CommandView): Answer {
  const extended = (cdb[2] & 0x80) !== 0;
  const data = new Uint8Array(extended ? 16 : 4);
  data[0] = 0x80 | 0x40 | 0x10 | 0x08;
  if (extended) data[3] = data.length - 4;
  return dataIn(data);
}

export const reportSupportedResponses = [
  always("REPORT SUPPORTED OPERATION CODES", reportSupportedOperationCodes),
  always("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", reportTaskManagementFunctions),
];
