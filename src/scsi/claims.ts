/**
 * Commands that a handler answers itself. They come before the table: what a handler claims is its
 * own to say, but whether the unit can be used, and may be written to, is not.
 *
 * @module
 */
import { type Answer, Status } from "./answer.ts";
import type { CommandView } from "./command.ts";
import { CLAIMED_DATA_LENGTH_MAX_BYTES, SENSE_LENGTH_MAX } from "./limits.ts";
import type { ClaimedCommand, LogicalUnit } from "./logical_unit.ts";
import { MediaOperation, MediaResult } from "./media.ts";
import type { CommandOutcome, Procedure } from "./procedure.ts";
import { checkCondition, invalidField, mediaFailure } from "./response.ts";
import { Sense } from "./sense.ts";

const VARIABLE_LENGTH_CDB = 0x7f;

/** What a handler may end a command with (SAM-5 5.3.1). */
const STATUSES: readonly number[] = [
  Status.GOOD,
  Status.CHECK_CONDITION,
  Status.CONDITION_MET,
  Status.BUSY,
  Status.RESERVATION_CONFLICT,
  Status.TASK_SET_FULL,
];

/** The claim that a command falls under; undefined where the handler has claimed no such thing. */
export function claimOf(
  unit: LogicalUnit,
  { operationCode, cdb }: Pick<CommandView, "operationCode" | "cdb">,
): ClaimedCommand | undefined {
  const { claims } = unit.features;
  if (claims === undefined || claims.length === 0) return undefined;
  // The decoder knows the service actions of its own table only.
  const action = operationCode === VARIABLE_LENGTH_CDB ? cdb[8] << 8 | cdb[9] : cdb[1] & 0x1f;
  return claims.find(({ code, serviceAction }) =>
    code === operationCode && (serviceAction === undefined || serviceAction === action)
  );
}

/** Whether it may change what the unit holds: nobody but the handler knows, so all that sends. */
export function claimWrites({ direction }: ClaimedCommand): boolean {
  return direction === "out" || direction === "both";
}

/** What is wrong with the CDB whatever the handler thinks of it. */
export function claimRefusal(
  unit: LogicalUnit,
  { cdb, cdbLength }: CommandView,
  claim: ClaimedCommand,
): Answer | undefined {
  if (claim.code === VARIABLE_LENGTH_CDB && cdbLength !== claim.cdb_length) {
    return invalidField(unit, 7);
  }
  // CONTROL: NACA (SAM-6 5.2).
  const control = claim.code === VARIABLE_LENGTH_CDB ? 1 : claim.cdb_length - 1;
  return (cdb[control] & 0x04) !== 0 ? invalidField(unit, control, 2) : undefined;
}

/** Gives a command to the handler and takes its answer. */
export function* claimedCommand(
  unit: LogicalUnit,
  command: CommandView,
  claim: ClaimedCommand,
): Procedure {
  const { buffer_length, bidi_length } = command;
  const sends = claimWrites(claim);
  const out_length = sends ? buffer_length : 0;
  // Half of a command is another command.
  if (out_length > CLAIMED_DATA_LENGTH_MAX_BYTES) {
    return checkCondition(unit, Sense.INVALID_FIELD_IN_CDB);
  }
  const room = claim.direction === "in"
    ? buffer_length
    : claim.direction === "both"
    ? bidi_length
    : 0;
  // The CDB and the data are copied: what a step gives is valid until the next.
  const cdb = command.cdb.slice(0, claim.cdb_length);
  let dataOut = new Uint8Array(0);
  if (out_length > 0) {
    const { bytes } = yield { kind: "data-out", offset: 0, length: out_length };
    dataOut = bytes.slice();
  }
  const { result, command: outcome } = yield {
    kind: "command",
    cdb,
    dataOut,
    data_in_length: Math.min(room, CLAIMED_DATA_LENGTH_MAX_BYTES),
    replay: claim.replay,
  };
  if (result !== MediaResult.OK) return mediaFailure(unit, MediaOperation.COMMAND, result);
  if (outcome === undefined) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  return answerOf(unit, outcome, room);
}

/** What the handler says, as far as an initiator can understand it. */
function answerOf(unit: LogicalUnit, outcome: CommandOutcome, room: number): Answer {
  const { status, sense } = outcome;
  const dataIn = outcome.dataIn.length === 0 ? undefined : outcome.dataIn.slice(0, room);
  if (!STATUSES.includes(status)) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  if (status !== Status.CHECK_CONDITION) return { status, dataIn };
  if (!isSense(sense)) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  return { status, sense: sense.slice(0, SENSE_LENGTH_MAX), dataIn };
}

/** RESPONSE CODE 70h to 73h, and as long as the fields that every reader looks at (SPC-4 4.5). */
function isSense(sense: Uint8Array): boolean {
  const responseCode = sense[0] & 0x7f;
  if (responseCode === 0x70 || responseCode === 0x71) return sense.length >= 14;
  return (responseCode === 0x72 || responseCode === 0x73) && sense.length >= 8;
}
