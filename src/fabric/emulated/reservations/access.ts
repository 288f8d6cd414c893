/**
 * Which commands conflict with reservations: SPC-4 table 65 and SBC-4 table 13, by the names of the
 * table of operation codes.
 */
import type { ClaimedCommand } from "../../../scsi/logical_unit.ts";
import { type OperationCode, operationCodes } from "../../../scsi/opcodes.ts";
import { NO_SERVICE_ACTION } from "../../../scsi/table.ts";
import { rowOf, serviceActionOf } from "../opcode_row.ts";
import type { Access } from "./state.ts";

/** How a command is looked at: some by their CDB, and reservations look after themselves. */
type AccessRule = Access | "prevention" | "start-stop" | "reservation";

/** By name, without the length of the CDB or what follows a comma. */
const RULES: Readonly<Record<string, AccessRule>> = {
  "PERSISTENT RESERVE IN": "reservation",
  "PERSISTENT RESERVE OUT": "reservation",
  "RESERVE": "reservation",
  "RELEASE": "reservation",

  "INQUIRY": "always",
  "LOG SENSE": "always",
  "READ CAPACITY": "always",
  "RECEIVE COPY DATA": "always",
  "RECEIVE COPY FAILURE DETAILS": "always",
  "RECEIVE COPY OPERATING PARAMETERS": "always",
  "RECEIVE COPY RESULTS": "always",
  "RECEIVE COPY STATUS": "always",
  "RECEIVE ROD TOKEN INFORMATION": "always",
  "REPORT ALL ROD TOKENS": "always",
  "REPORT IDENTIFYING INFORMATION": "always",
  "REPORT LUNS": "always",
  "REPORT PRIORITY": "always",
  "REPORT REFERRALS": "always",
  "REPORT TARGET PORT GROUPS": "always",
  "REPORT TIMESTAMP": "always",
  "REQUEST SENSE": "always",
  "TEST UNIT READY": "always",

  "PREVENT ALLOW MEDIUM REMOVAL": "prevention",
  "START STOP UNIT": "start-stop",

  "GET LBA STATUS": "read",
  "MODE SENSE": "read",
  "POPULATE TOKEN": "read",
  "PRE-FETCH": "read",
  "READ": "read",
  "READ BUFFER": "read",
  "READ DEFECT DATA": "read",
  "RECEIVE DIAGNOSTIC RESULTS": "read",
  "REPORT SUPPORTED OPERATION CODES": "read",
  "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS": "read",
  "VERIFY": "read",

  "COMPARE AND WRITE": "write",
  "COPY OPERATION ABORT": "write",
  "EXTENDED COPY": "write",
  "FORMAT UNIT": "write",
  "LOG SELECT": "write",
  "MODE SELECT": "write",
  "ORWRITE": "write",
  "REASSIGN BLOCKS": "write",
  "SANITIZE": "write",
  "SEND DIAGNOSTIC": "write",
  "SET IDENTIFYING INFORMATION": "write",
  "SET TARGET PORT GROUPS": "write",
  "SET TIMESTAMP": "write",
  "SYNCHRONIZE CACHE": "write",
  "UNMAP": "write",
  "WRITE": "write",
  "WRITE AND VERIFY": "write",
  "WRITE ATOMIC": "write",
  "WRITE BUFFER": "write",
  "WRITE SAME": "write",
  "WRITE USING TOKEN": "write",
};

/** What SPC-2 (table 10) lets through a RESERVE of another initiator. */
const PASSES_RESERVE: readonly string[] = ["INQUIRY", "LOG SENSE", "REPORT LUNS", "REQUEST SENSE"];

/** The name by which {@linkcode RULES} know a row. */
function baseName(row: OperationCode): string {
  return row.name.replace(/[,(].*$/, "").trim();
}

/** Rows that no rule names; they are treated as writes. */
export function rowsWithoutRule(): string[] {
  return operationCodes.filter((row) => RULES[baseName(row)] === undefined).map(({ name }) => name);
}

const rules: ReadonlyMap<OperationCode, AccessRule> = new Map(
  operationCodes.map((row) => [row, RULES[baseName(row)] ?? "write"]),
);
const passing: ReadonlySet<OperationCode> = new Set(
  operationCodes.filter((row) => PASSES_RESERVE.includes(baseName(row))),
);

/** Whether a handler has claimed a command. */
export function isClaimed(cdb: Uint8Array, claims: readonly ClaimedCommand[]): boolean {
  return claims.some(({ code, serviceAction }) =>
    code === cdb[0] &&
    (serviceAction === undefined || serviceAction === NO_SERVICE_ACTION ||
      serviceAction === serviceActionOf(cdb))
  );
}

/**
 * What a command does to a reserved unit. A command that a handler has claimed and no standard knows
 * may do anything; one that nobody knows is the device server's to refuse.
 */
export function accessOf(cdb: Uint8Array, claims: readonly ClaimedCommand[]): Access {
  const row = rowOf(cdb);
  if (row === undefined) return isClaimed(cdb, claims) ? "write" : "always";
  const rule = rules.get(row) ?? "write";
  switch (rule) {
    case "reservation":
      return "always";
    case "prevention":
      return (cdb[4] & 0x03) === 0 ? "always" : "write";
    case "start-stop":
      // START = 1 and POWER CONDITION = 0.
      return (cdb[4] & 0x01) !== 0 && (cdb[4] & 0xf0) === 0 ? "always" : "write";
    default:
      return rule;
  }
}

/** Whether a command passes an SPC-2 reservation of another initiator. */
export function passesReserve(cdb: Uint8Array, claims: readonly ClaimedCommand[]): boolean {
  const row = rowOf(cdb);
  if (row === undefined) return !isClaimed(cdb, claims);
  const rule = rules.get(row);
  if (rule === "reservation") return true;
  return passing.has(row) || (rule === "prevention" && (cdb[4] & 0x03) === 0);
}
