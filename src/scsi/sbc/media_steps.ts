/**
 * Steps of procedures on ranges of the medium, and how they fail: with the LBA where it is known
 * which block it was (SBC-4 4.18).
 */
import type { Answer } from "../answer.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type {
  DiscardMedia,
  FlushMedia,
  ListExtents,
  Operation,
  OperationResult,
  ProtectionChecks,
  ReadMedia,
  WriteMedia,
  WriteZeroesMedia,
} from "../procedure.ts";
import { checkCondition, mediaFailure } from "../response.ts";
import { Sense } from "../sense.ts";
import { noteSpace } from "./provisioning.ts";
import type { Range } from "./range.ts";

/** Steps that yield operations and return something. */
export type Steps<Result> = Generator<Operation, Result, OperationResult>;

/** Operations on a range. */
export type RangedOperation =
  | ReadMedia
  | WriteMedia
  | DiscardMedia
  | WriteZeroesMedia
  | ListExtents;

/** What `mediaSense` tells failures apart by. */
function mediaOperation(operation: RangedOperation | FlushMedia): number {
  switch (operation.kind) {
    case "read":
    case "extents":
      return MediaOperation.READ;
    case "write":
      return MediaOperation.WRITE;
    case "flush":
      return MediaOperation.FLUSH;
    case "discard":
      return MediaOperation.DISCARD;
    case "write-zeroes":
      return MediaOperation.WRITE_ZEROES;
  }
}

function lengthOf(operation: RangedOperation): number {
  return operation.kind === "write" ? operation.bytes.length : operation.length_bytes;
}

/**
 * The LBA of the block that failed: where the handler has said which byte it was, if that lies in
 * the range at all, and where there was but one block.
 */
export function failedBlock(
  unit: LogicalUnit,
  range: Range,
  failed_offset_bytes: number | undefined,
): number | undefined {
  const { offset_bytes, length_bytes } = range;
  if (length_bytes <= unit.block_length) return offset_bytes / unit.block_length;
  if (failed_offset_bytes === undefined) return undefined;
  const inside = failed_offset_bytes >= offset_bytes &&
    failed_offset_bytes < offset_bytes + length_bytes;
  return inside ? Math.floor(failed_offset_bytes / unit.block_length) : undefined;
}

const BLOCK_FAULTS: readonly number[] = [
  MediaResult.MEDIUM_ERROR,
  MediaResult.GUARD_CHECK,
  MediaResult.APPLICATION_TAG_CHECK,
  MediaResult.REFERENCE_TAG_CHECK,
];

/** How a command ends whose operation on the medium has failed. */
export function operationFailure(
  unit: LogicalUnit,
  operation: RangedOperation | FlushMedia,
  { result, failed_offset_bytes }: OperationResult,
): Answer {
  const kind = mediaOperation(operation);
  // INFORMATION is an LBA where a block is at fault, and nothing else (SBC-4 4.18.1).
  if (operation.kind === "flush" || !BLOCK_FAULTS.includes(result)) {
    return mediaFailure(unit, kind, result);
  }
  const range = { offset_bytes: operation.offset_bytes, length_bytes: lengthOf(operation) };
  return mediaFailure(unit, kind, result, failedBlock(unit, range, failed_offset_bytes));
}

/** One operation whose bytes are not wanted. Returns the failure, or undefined. */
export function* performed(
  unit: LogicalUnit,
  operation: Exclude<RangedOperation, ReadMedia | ListExtents> | FlushMedia,
): Steps<Answer | undefined> {
  const result = yield operation;
  if (result.result === MediaResult.OK) return undefined;
  if (result.result === MediaResult.NO_SPACE) yield* noteSpace(unit);
  return operationFailure(unit, operation, result);
}

/** Reads a piece. Returns what is there, valid until the next step, or the failure. */
export function* readPiece(
  unit: LogicalUnit,
  offset_bytes: number,
  length_bytes: number,
  protection?: ProtectionChecks,
): Steps<Uint8Array | Answer> {
  const operation: ReadMedia = { kind: "read", offset_bytes, length_bytes, protection };
  const result = yield operation;
  if (result.result !== MediaResult.OK) return operationFailure(unit, operation, result);
  // Less than was asked for is not from the medium: it must not be taken for data.
  return result.bytes.length === length_bytes
    ? result.bytes
    : checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
}

/** Takes over a part of the data-out. Returns a copy, or the failure where it is not there. */
export function* fetchPiece(
  unit: LogicalUnit,
  offset: number,
  length: number,
): Steps<Uint8Array | Answer> {
  const { bytes } = yield { kind: "data-out", offset, length };
  // The buffer was as long as that when the command began.
  if (bytes.length < length) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  return bytes.slice(0, length);
}

/** Whether a step gave an answer in place of bytes: it has failed. */
export function hasFailed(value: Uint8Array | Answer): value is Answer {
  return "status" in value;
}

/** Cuts a range into pieces of one step each. */
export function* pieces(range: Range, length_max = STEP_LENGTH_MAX_BYTES): Generator<Range> {
  for (let done = 0; done < range.length_bytes; done += length_max) {
    yield {
      offset_bytes: range.offset_bytes + done,
      length_bytes: Math.min(range.length_bytes - done, length_max),
    };
  }
}
