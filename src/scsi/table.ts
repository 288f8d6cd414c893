/** Finds rows of the table of operation codes, and says which of them a unit has. */
import type { LogicalUnit } from "./logical_unit.ts";
import { type OperationCode, operationCodes } from "./opcodes.ts";
import { atomicLengthMax } from "./sbc/atomic_limit.ts";
import { reservationCommands } from "./spc/reservation_opcodes.ts";

/** `CommandView.serviceAction` of an operation code that has none. */
export const NO_SERVICE_ACTION = 0xffff;

const rowsByCode: readonly (readonly OperationCode[])[] = Array.from(
  { length: 256 },
  (_, code) => operationCodes.filter((row) => row.code === code),
);

/** All rows with one operation code; more than one only where it has service actions. */
export function rowsOf(code: number): readonly OperationCode[] {
  return rowsByCode[code & 0xff];
}

/** The row of an operation code and service action (ignored where the code has none). */
export function findRow(code: number, serviceAction: number): OperationCode | undefined {
  for (const row of rowsOf(code)) {
    if (row.serviceAction === undefined || row.serviceAction === serviceAction) return row;
  }
  return undefined;
}

/** Where the service action stands, for the field pointer. */
export function serviceActionField(code: number): { byte: number; bit?: number } {
  return code === 0x7f ? { byte: 8 } : { byte: 1, bit: 4 };
}

/** Whether this unit has the command: REPORT SUPPORTED OPERATION CODES and dispatch agree by it. */
export function supports(unit: LogicalUnit, row: OperationCode): boolean {
  // Reservations: LIO has them above a kernel's ring, the emulated target core otherwise.
  if (reservationCommands.includes(row)) return unit.targetCore !== "none";
  switch (row.name) {
    case "UNMAP":
    case "SANITIZE, BLOCK ERASE":
      return unit.features.discard;
    case "WRITE ATOMIC(16)":
      return atomicLengthMax(unit) > 0;
    case "REPORT TARGET PORT GROUPS":
      return unit.port !== undefined;
    case "SET TARGET PORT GROUPS":
      // Above a kernel's ring the state is LIO's, and its configfs changes it.
      return unit.port !== undefined && unit.targetCore !== "kernel";
    default:
      return true;
  }
}

/** The same by the row's name; false where there is no such row. */
export function isSupported(unit: LogicalUnit, name: string): boolean {
  return operationCodes.some((row) => row.name === name && supports(unit, row));
}
