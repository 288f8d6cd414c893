/**
 * Moving data between two units in pieces, one after the other, so that it can be aborted between
 * two of them and never holds more than one.
 *
 * @module
 */
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult } from "../procedure.ts";
import type { CopyOperation } from "./copy_operation.ts";
import {
  type CopyStep,
  type CopyUnit,
  endOutOfRange,
  endRefusal,
  isOnMedium,
  operationFailure,
  perform,
} from "./copy_unit.ts";
import { CopyEnd, CopySense, type EndFailure } from "./sense.ts";

/** Why a copy cannot go on. */
export interface StepFailure {
  readonly sense: number;
  readonly end?: EndFailure;
}

/** What a step gives: its bytes, valid until the next, or why there are none. */
export type Step<T> = Generator<Operation, T | StepFailure, OperationResult>;

export function isFailure<T extends object>(value: T | StepFailure): value is StepFailure {
  return "sense" in value;
}

/** Whether somebody wants the copy to end. */
export function aborted({ abortRequested }: CopyOperation): StepFailure | undefined {
  return abortRequested ? { sense: CopySense.COMMANDS_CLEARED_BY_DEVICE_SERVER } : undefined;
}

/** Reads whole blocks, STEP_LENGTH_MAX_BYTES at most. */
export function* readPiece(
  operation: CopyOperation,
  source: CopyUnit,
  offset_bytes: number,
  length_bytes: number,
): Step<Uint8Array> {
  const step: CopyStep = { kind: "read", offset_bytes, length_bytes };
  const result = yield* guarded(operation, source, CopyEnd.SOURCE, step, length_bytes);
  return isFailure(result) ? result : result.bytes;
}

/** Writes whole blocks, STEP_LENGTH_MAX_BYTES at most. */
export function* writePiece(
  operation: CopyOperation,
  destination: CopyUnit,
  offset_bytes: number,
  bytes: Uint8Array,
): Step<OperationResult> {
  const fua = destination.unit.forceUnitAccess;
  const step: CopyStep = { kind: "write", offset_bytes, bytes, fua };
  return yield* guarded(operation, destination, CopyEnd.DESTINATION, step, bytes.length);
}

/** Makes whole blocks zeros, without sending them. */
export function* writeZeroes(
  operation: CopyOperation,
  destination: CopyUnit,
  offset_bytes: number,
  length_bytes: number,
): Step<OperationResult> {
  const fua = destination.unit.forceUnitAccess;
  const step: CopyStep = { kind: "write-zeroes", offset_bytes, length_bytes, unmap: false, fua };
  return yield* guarded(operation, destination, CopyEnd.DESTINATION, step, length_bytes);
}

/**
 * One operation on one end, once it is sure that the end can still do it: units are ejected,
 * resized, protected and reserved between two steps.
 */
function* guarded(
  operation: CopyOperation,
  target: CopyUnit,
  end: number,
  step: Exclude<CopyStep, { kind: "flush" }>,
  length_bytes: number,
): Step<OperationResult> {
  const cut = aborted(operation);
  if (cut !== undefined) return cut;
  const refused = endRefusal(target, end, step.kind !== "read");
  if (refused !== undefined) return thirdPartyFailure(refused);
  if (!isOnMedium(target, step.offset_bytes, length_bytes)) {
    return thirdPartyFailure(endOutOfRange(target, end, step.offset_bytes));
  }
  const result = yield* perform(target, step);
  if (result.result !== MediaResult.OK) {
    return thirdPartyFailure(operationFailure(target, end, step, result));
  }
  // A read that gives less than was asked for would leave a hole that nobody sees.
  if (step.kind === "read" && result.bytes.length !== length_bytes) {
    return { sense: CopySense.COPY_TARGET_DEVICE_DATA_UNDERRUN };
  }
  operation.operation_count++;
  return result;
}

export function thirdPartyFailure(end: EndFailure): StepFailure {
  return { sense: CopySense.THIRD_PARTY_DEVICE_FAILURE, end };
}

/** A run of bytes to copy; whole blocks on both units. */
export interface CopyRun {
  readonly source: CopyUnit;
  readonly destination: CopyUnit;
  readonly source_bytes: number;
  readonly destination_bytes: number;
  readonly length_bytes: number;
}

/**
 * Copies a run. Where it overlaps itself it begins at its end, so that no block is read after it was
 * written. `wrote` is told of each piece: how many bytes from the start are there by now.
 */
export function* copyRun(
  operation: CopyOperation,
  run: CopyRun,
  wrote: (contiguous_bytes: number) => void,
): Step<object> {
  const { source, destination, source_bytes, destination_bytes, length_bytes } = run;
  const backwards = source.unit === destination.unit && destination_bytes > source_bytes &&
    destination_bytes < source_bytes + length_bytes;
  for (let done = 0; done < length_bytes;) {
    const piece = Math.min(length_bytes - done, STEP_LENGTH_MAX_BYTES);
    const at = backwards ? length_bytes - done - piece : done;
    const bytes = yield* readPiece(operation, source, source_bytes + at, piece);
    if (isFailure(bytes)) return bytes;
    const written = yield* writePiece(operation, destination, destination_bytes + at, bytes);
    if (isFailure(written)) return written;
    done += piece;
    wrote(backwards && done < length_bytes ? 0 : done);
  }
  return {};
}
