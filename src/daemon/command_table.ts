/** Who answers which command of a unit: what `lunette show --commands` prints. */
import type { ClaimedCommand, LogicalUnit } from "../scsi/logical_unit.ts";
import { type OperationCode, operationCodes } from "../scsi/opcodes.ts";
import { supports } from "../scsi/table.ts";
import type { CommandDescription } from "./api.ts";

/** Every command that a unit has, in ascending order of operation code and service action. */
export function describeCommands(unit: LogicalUnit): CommandDescription[] {
  const claims = unit.features.claims ?? [];
  const rows = operationCodes
    .filter((row) => supports(unit, row) && !isClaimed(claims, unit, row))
    .map((row) => describeRow(unit, row));
  const claimed = claims.map(describeClaim);
  return [...rows, ...claimed].sort((left, right) =>
    left.code - right.code || (left.service_action ?? -1) - (right.service_action ?? -1)
  );
}

/** A claim takes precedence over emulation, but not over what never reaches the unit. */
function isClaimed(
  claims: readonly ClaimedCommand[],
  unit: LogicalUnit,
  row: OperationCode,
): boolean {
  if (row.answeredBy === "target core" && unit.targetCore !== "none") return false;
  return claims.some(({ code, serviceAction }) =>
    code === row.code && (serviceAction === undefined || serviceAction === row.serviceAction)
  );
}

function describeRow(unit: LogicalUnit, row: OperationCode): CommandDescription {
  const { code, serviceAction, name, clause, answeredBy } = row;
  return {
    code,
    ...(serviceAction === undefined ? {} : { service_action: serviceAction }),
    name,
    answered_by: answeredBy === "target core" ? targetCoreName(unit) : answeredBy,
    clause,
  };
}

function targetCoreName(unit: LogicalUnit): CommandDescription["answered_by"] {
  if (unit.targetCore === "none") return "device server";
  return unit.targetCore === "kernel" ? "LIO" : "embedded target core";
}

function describeClaim({ code, serviceAction, name }: ClaimedCommand): CommandDescription {
  return {
    code,
    ...(serviceAction === undefined ? {} : { service_action: serviceAction }),
    name,
    answered_by: "handler, by claim",
    clause: "",
  };
}
