/** Every command that a unit has: rows of the table, and what its handler has claimed. */
import type { ClaimedCommand, LogicalUnit } from "../logical_unit.ts";
import type { OperationCode } from "../opcode.ts";
import { operationCodes } from "../opcodes.ts";
import { supports } from "../table.ts";
import { CLAIMED, type CommandTimeouts, commandTimeouts } from "./timeouts.ts";

/** SUPPORT (SPC-4 6.35.3). */
export const Support = { NO: 0x1, STANDARD: 0x3, VENDOR_SPECIFIC: 0x5 } as const;

export interface SupportedCommand {
  readonly name: string;
  readonly code: number;
  readonly serviceAction?: number;
  readonly cdbLength: number;
  readonly support: number;
  /** CDB USAGE DATA. */
  readonly usage: readonly number[];
  readonly timeouts: CommandTimeouts;
}

/** Operation codes that are the vendor's to define (SPC-4 table D.2). */
const VENDOR_SPECIFIC_FIRST = 0xc0;

/** In ascending order of operation code and service action. */
export function supportedCommands(unit: LogicalUnit): readonly SupportedCommand[] {
  const claims = unit.features.claims ?? [];
  const rows = operationCodes.filter((row) => supports(unit, row) && !isClaimed(claims, row));
  return [...rows.map(ofRow), ...claims.map(ofClaim)].sort(
    (a, b) => a.code - b.code || (a.serviceAction ?? 0) - (b.serviceAction ?? 0),
  );
}

function isClaimed(claims: readonly ClaimedCommand[], row: OperationCode): boolean {
  return claims.some(({ code, serviceAction }) =>
    code === row.code && (serviceAction === undefined || serviceAction === row.serviceAction)
  );
}

function ofRow(row: OperationCode): SupportedCommand {
  const { name, code, serviceAction, cdbLength, usage } = row;
  const timeouts = commandTimeouts(row);
  return { name, code, serviceAction, cdbLength, support: Support.STANDARD, usage, timeouts };
}

/** All of the CDB goes to the handler: every bit is evaluated. */
function ofClaim({ name, code, serviceAction, cdb_length }: ClaimedCommand): SupportedCommand {
  const usage = new Array<number>(cdb_length).fill(0xff);
  usage[0] = code;
  if (code === 0x7f) {
    usage[7] = cdb_length - 8;
    usage[8] = (serviceAction ?? 0xffff) >>> 8;
    usage[9] = (serviceAction ?? 0xffff) & 0xff;
  } else if (serviceAction !== undefined) usage[1] = 0xe0 | serviceAction;
  const support = code >= VENDOR_SPECIFIC_FIRST ? Support.VENDOR_SPECIFIC : Support.STANDARD;
  return { name, code, serviceAction, cdbLength: cdb_length, support, usage, timeouts: CLAIMED };
}
