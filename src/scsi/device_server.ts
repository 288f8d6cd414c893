/**
 * The device server (SAM-5 4.8): from a decoded command to an answer, or to a procedure that gives
 * one. It knows no transport, no ring and no handler.
 *
 * @module
 */
import type { Answer } from "./answer.ts";
import { readField } from "./big_endian.ts";
import type { CommandView } from "./command.ts";
import { claimedCommand, claimOf, claimRefusal, claimWrites } from "./claims.ts";
import type { ClaimedCommand, LogicalUnit } from "./logical_unit.ts";
import { copyResponses } from "./copy/responses.ts";
import { expireTokens } from "./copy/copy_state.ts";
import { type OperationCode, operationCodes } from "./opcodes.ts";
import type { Procedure } from "./procedure.ts";
import { checkCondition, invalidField, type Response } from "./response.ts";
import { atomicWriteResponses } from "./sbc/atomic_write.ts";
import { capacityResponses } from "./sbc/capacity.ts";
import { compareAndWriteResponses } from "./sbc/compare_and_write.ts";
import { defectDataResponses } from "./sbc/defect_data.ts";
import { formatUnitResponses } from "./sbc/format_unit.ts";
import { lbaStatusResponses } from "./sbc/lba_status.ts";
import { orWriteResponses } from "./sbc/or_write.ts";
import { protectionBits } from "./sbc/protection.ts";
import { sanitizeResponses } from "./sbc/sanitize.ts";
import { outOfRange } from "./sbc/range.ts";
import { startStopResponses } from "./sbc/start_stop.ts";
import { transferResponses } from "./sbc/transfer.ts";
import { unmapResponses } from "./sbc/unmap.ts";
import { verifyResponses } from "./sbc/verify.ts";
import { writeSameResponses } from "./sbc/write_same.ts";
import { Sense } from "./sense.ts";
import { inquiryResponses } from "./spc/inquiry.ts";
import { logSelectResponses } from "./spc/log_select.ts";
import { logSenseResponses } from "./spc/log_sense.ts";
import { modeSelectResponses } from "./spc/mode_select.ts";
import { modeSenseResponses } from "./spc/mode_sense.ts";
import { readinessResponses } from "./spc/readiness.ts";
import { setTargetPortGroupsResponses } from "./spc/set_target_port_groups.ts";
import { stateRefusal } from "./spc/unit_state.ts";
import { receiveDiagnosticResponses } from "./spc/receive_diagnostic.ts";
import { reportLunsResponses } from "./spc/report_luns.ts";
import { reportSupportedResponses } from "./spc/report_supported.ts";
import { reportTargetPortGroupsResponses } from "./spc/report_target_port_groups.ts";
import { requestSenseResponses } from "./spc/request_sense.ts";
import { reservationResponses } from "./spc/reservations.ts";
import { sendDiagnosticResponses } from "./spc/send_diagnostic.ts";
import { findRow, rowsOf, serviceActionField, supports } from "./table.ts";

const responses: readonly Response[] = [
  ...readinessResponses,
  ...requestSenseResponses,
  ...inquiryResponses,
  ...modeSelectResponses,
  ...modeSenseResponses,
  ...receiveDiagnosticResponses,
  ...sendDiagnosticResponses,
  ...logSelectResponses,
  ...logSenseResponses,
  ...reportLunsResponses,
  ...reportTargetPortGroupsResponses,
  ...setTargetPortGroupsResponses,
  ...reportSupportedResponses,
  ...reservationResponses,
  ...startStopResponses,
  ...capacityResponses,
  ...lbaStatusResponses,
  ...transferResponses,
  ...verifyResponses,
  ...writeSameResponses,
  ...unmapResponses,
  ...compareAndWriteResponses,
  ...orWriteResponses,
  ...atomicWriteResponses,
  ...defectDataResponses,
  ...formatUnitResponses,
  ...sanitizeResponses,
  ...copyResponses,
];

/** Binds each row to its response; a row without one, or the reverse, is a bug. */
const bound: ReadonlyMap<OperationCode, Response> = new Map(
  operationCodes.map((row) => {
    const found = responses.filter(({ name }) => name === row.name);
    if (found.length !== 1) throw new Error(`assertion: ${found.length} responses to ${row.name}`);
    return [row, found[0]];
  }),
);

/** Commands that neither report nor clear a unit attention (SAM-5 5.14.4). */
const PASSES_ATTENTION: readonly string[] = ["INQUIRY", "REPORT LUNS", "REQUEST SENSE"];

/** The row of a command this unit has, or the failure. */
function lookUp(unit: LogicalUnit, command: CommandView): OperationCode | Answer {
  const { operationCode, serviceAction } = command;
  const row = findRow(operationCode, serviceAction);
  if (row !== undefined && supports(unit, row)) return row;
  if (rowsOf(operationCode).some((other) => supports(unit, other))) {
    const { byte, bit } = serviceActionField(operationCode);
    return invalidField(unit, byte, bit);
  }
  return checkCondition(unit, Sense.INVALID_OPERATION_CODE);
}

/**
 * What stands against a command before it is looked into, in this order: it is not supported, a
 * deferred error, a unit attention, the unit's state does not let it pass, bits that are refused,
 * write protection, what decoding found. Undefined if nothing does. Takes the deferred error or
 * the unit attention that it returns.
 */
export function refusal(unit: LogicalUnit, command: CommandView): Answer | undefined {
  expireTokens(unit);
  const claim = claimOf(unit, command);
  if (claim !== undefined) return refusalOfClaim(unit, command, claim);
  const row = lookUp(unit, command);
  if ("status" in row) return row;
  const response = bound.get(row) as Response;
  const pending = takePending(unit, row.name) ??
    stateRefusal(unit, row.name, response.medium, command.cdb) ??
    refusedBits(unit, row, command);
  if (pending !== undefined) return pending;
  if (response.writes && unit.writeProtected) {
    return checkCondition(unit, writeProtectedSense(unit));
  }
  if (command.sense === 0 || asksForProtection(unit, row, command)) return undefined;
  return decodeFailure(unit, response, command);
}

/** The same for a command that a handler answers: what the CDB means is the handler's to say. */
function refusalOfClaim(
  unit: LogicalUnit,
  command: CommandView,
  claim: ClaimedCommand,
): Answer | undefined {
  // The claim may be of a command that the table has too.
  const name = findRow(command.operationCode, command.serviceAction)?.name ?? "";
  const failure = takePending(unit, name) ?? stateRefusal(unit, name, true, command.cdb) ??
    claimRefusal(unit, command, claim);
  if (failure !== undefined) return failure;
  return claimWrites(claim) && unit.writeProtected
    ? checkCondition(unit, writeProtectedSense(unit))
    : undefined;
}

/** A deferred error (SPC-4 4.5.5) or a unit attention that comes in the place of a command. */
function takePending(unit: LogicalUnit, name: string): Answer | undefined {
  if (PASSES_ATTENTION.includes(name)) return undefined;
  const deferred = unit.deferredSense === 0 ? 0 : unit.takeDeferred();
  if (deferred !== 0) return checkCondition(unit, deferred, { deferred: true });
  const attention = unit.takeAttention();
  return attention === 0 ? undefined : checkCondition(unit, attention);
}

function refusedBits(
  unit: LogicalUnit,
  row: OperationCode,
  command: CommandView,
): Answer | undefined {
  // Only a variable length CDB can have another length: ADDITIONAL CDB LENGTH (SPC-4 4.2.3).
  if (command.cdbLength !== row.cdbLength) return invalidField(unit, 7);
  const allowed = protectionBits(unit, row);
  for (const { offset, mask } of row.refused) {
    if (offset === allowed?.offset && mask === allowed.mask) continue;
    if ((command.cdb[offset] & mask) !== 0) {
      return invalidField(unit, offset, 31 - Math.clz32(mask));
    }
  }
  return undefined;
}

/** The decoder takes what is asked of protection information for invalid; the command looks at it. */
function asksForProtection(unit: LogicalUnit, row: OperationCode, { cdb }: CommandView): boolean {
  const bits = protectionBits(unit, row);
  return bits !== undefined && (cdb[bits.offset] & bits.mask) !== 0;
}

/** The decoder knows that a field is invalid, the response which one: its answer has a pointer. */
function decodeFailure(unit: LogicalUnit, response: Response, command: CommandView): Answer {
  if (command.sense === Sense.INVALID_FIELD_IN_CDB) {
    const answer = response.respond(unit, command);
    if ("status" in answer && answer.sense !== undefined) return answer;
  }
  return command.sense === Sense.LBA_OUT_OF_RANGE
    ? outOfRange(unit, command.lba)
    : checkCondition(unit, command.sense);
}

function writeProtectedSense(unit: LogicalUnit): number {
  return unit.softwareWriteProtect ? Sense.SOFTWARE_WRITE_PROTECTED : Sense.WRITE_PROTECTED;
}

/**
 * Answers a command that `refusal` let pass. The caller runs a procedure to its end; data-in is cut
 * to the allocation length (SPC-4 4.2.5.6), and by the caller to the initiator's buffer.
 */
export function execute(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const claim = claimOf(unit, command);
  if (claim !== undefined) return claimedCommand(unit, command, claim);
  const row = lookUp(unit, command);
  if ("status" in row) return row;
  const response = bound.get(row) as Response;
  const answer = response.respond(unit, command);
  if ("next" in answer || answer.dataIn === undefined || row.allocation === undefined) {
    return answer;
  }
  const allocated = readField(command.cdb, row.allocation);
  if (answer.dataIn.length <= allocated) return answer;
  return { status: answer.status, dataIn: answer.dataIn.subarray(0, allocated) };
}
