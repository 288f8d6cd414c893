/** How a command is answered: functions that rows of the table are bound to, and answers. */
import { type Answer, Status } from "./answer.ts";
import type { CommandView } from "./command.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import { MediaResult } from "./media.ts";
import type { Operation, OperationResult, Procedure } from "./procedure.ts";
import { buildSense, mediaSense, Sense, type SenseDetails } from "./sense.ts";

/** Answers one command. Never throws: a failure is an answer with sense data. */
export type Responder = (unit: LogicalUnit, command: CommandView) => Answer | Procedure;

/** Binds a row of `operationCodes` to the function that answers it. */
export interface Response {
  /** `name` of the row. */
  readonly name: string;
  /** Whether it needs a medium: NOT READY without. */
  readonly medium: boolean;
  /** Whether it changes the medium: DATA PROTECT where the unit is write protected. */
  readonly writes: boolean;
  readonly respond: Responder;
}

/** A command that is answered whatever the state of the medium. */
export function always(name: string, respond: Responder): Response {
  return { name, medium: false, writes: false, respond };
}

/** A command that needs the medium. */
export function needsMedium(name: string, respond: Responder): Response {
  return { name, medium: true, writes: false, respond };
}

/** A command that changes the medium. */
export function changesMedium(name: string, respond: Responder): Response {
  return { name, medium: true, writes: true, respond };
}

export const GOOD: Answer = Object.freeze({ status: Status.GOOD });

/** Data-in; `execute` cuts it to the allocation length. */
export function dataIn(bytes: Uint8Array): Answer {
  return { status: Status.GOOD, dataIn: bytes };
}

export function checkCondition(unit: LogicalUnit, sense: number, details?: SenseDetails): Answer {
  return {
    status: Status.CHECK_CONDITION,
    sense: buildSense(unit.descriptorSense, sense, details),
  };
}

/** INVALID FIELD IN CDB; `bit` is the field's most significant bit where it is not 7. */
export function invalidField(unit: LogicalUnit, byte: number, bit?: number): Answer {
  return checkCondition(unit, Sense.INVALID_FIELD_IN_CDB, { field: { inCdb: true, byte, bit } });
}

/** INVALID FIELD IN PARAMETER LIST. */
export function invalidParameter(unit: LogicalUnit, byte: number, bit?: number): Answer {
  return checkCondition(unit, Sense.INVALID_FIELD_IN_PARAMETER_LIST, {
    field: { inCdb: false, byte, bit },
  });
}

export function mediaFailure(
  unit: LogicalUnit,
  operation: number,
  result: number,
  information?: number,
): Answer {
  return checkCondition(unit, mediaSense(operation, result), { information });
}

/**
 * One step of a procedure, as `const answer = yield* step(...)`. Returns the failure as an answer,
 * or undefined; for steps whose bytes are not wanted.
 */
export function* step(
  unit: LogicalUnit,
  operation: Operation,
  media_operation: number,
  information?: number,
): Generator<Operation, Answer | undefined, OperationResult> {
  const { result } = yield operation;
  if (result === MediaResult.OK) return undefined;
  return mediaFailure(unit, media_operation, result, information);
}
