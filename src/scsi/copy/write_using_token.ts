/** WRITE USING TOKEN (SBC-4 5.59): writes what a ROD token stands for, or zeros. */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult, Procedure } from "../procedure.ts";
import { changesMedium, checkCondition, GOOD, invalidParameter } from "../response.ts";
import type { Range } from "../sbc/range.ts";
import { Sense } from "../sense.ts";
import { type CopyOperation, CopyStatus, track } from "./copy_operation.ts";
import { copyStateOf } from "./copy_state.ts";
import { isFailure, type Step, type StepFailure, writePiece, writeZeroes } from "./copy_steps.ts";
import { type CopyUnit, findCopyUnit, ownCopyUnit } from "./copy_unit.ts";
import { readDesignator } from "./designator.ts";
import { beginFailed } from "./extended_copy.ts";
import { RANGE_DESCRIPTOR_COUNT_MAX, ZEROES_STEP_LENGTH_MAX_BYTES } from "./limits.ts";
import {
  RANGE_DESCRIPTOR_LENGTH,
  rangesOverlap,
  readRanges,
  totalLength,
} from "./range_descriptors.ts";
import { readRod, type Rod } from "./rod.ts";
import {
  CREATOR_DESIGNATOR_OFFSET,
  ROD_TOKEN_LENGTH,
  ROD_TOKEN_LENGTH_FIELD,
} from "./rod_token.ts";
import { copyFailed, CopySense } from "./sense.ts";
import { IDENTIFICATION_DESCRIPTOR, POINT_IN_TIME_TYPES, RodType } from "./types.ts";

const WRITE_USING_TOKEN = 0x11;
const HEADER_LENGTH = 536;
const TOKEN_OFFSET = 16;
const RANGE_LENGTH_BYTE = 534;
/** WRITE USING TOKEN DATA LENGTH: header and one range, less its own two bytes. */
const DATA_LENGTH_MIN = 0x226;
const LIST_LENGTH_MAX = HEADER_LENGTH + RANGE_DESCRIPTOR_COUNT_MAX * RANGE_DESCRIPTOR_LENGTH;
const IMMEDIATE = 0x01;
const DELETE_TOKEN = 0x02;

/** What is to be written. */
interface TokenWrite {
  readonly destination: CopyUnit;
  readonly ranges: readonly Range[];
  /** Undefined for the block device zero ROD token. */
  readonly rod: Rod | undefined;
  /** OFFSET INTO ROD. */
  readonly offset_bytes: number;
  readonly immediate: boolean;
  readonly deleteToken: boolean;
}

function writeUsingToken(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const list_length = readUint32(cdb, 10);
  if (list_length === 0) return GOOD;
  if (list_length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  return writeList(unit, readUint32(cdb, 6), Math.min(list_length, LIST_LENGTH_MAX));
}

function* writeList(unit: LogicalUnit, list_identifier: number, length: number): Procedure {
  const list = (yield { kind: "data-out", offset: 0, length }).bytes.slice();
  const write = readList(unit, list);
  if ("status" in write) return write;
  const { operations } = copyStateOf(unit);
  const operation = operations.begin(list_identifier, WRITE_USING_TOKEN, true);
  if (typeof operation === "string") return beginFailed(unit, operation);
  return yield* track(operations, operation, true, writeToken(unit, operation, write));
}

function readList(unit: LogicalUnit, list: Uint8Array): TokenWrite | Answer {
  if (list.length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const data_length = readUint16(list, 0);
  // It is more than the ranges by what stands before them.
  const expected = readUint16(list, RANGE_LENGTH_BYTE) + HEADER_LENGTH - 2;
  if (data_length < DATA_LENGTH_MIN || data_length !== expected) return invalidParameter(unit, 0);
  const ranges = readRanges(unit, list, { lengthByte: RANGE_LENGTH_BYTE, start: HEADER_LENGTH });
  if ("status" in ranges) return ranges;
  const rod = findRod(unit, list.subarray(TOKEN_OFFSET, TOKEN_OFFSET + ROD_TOKEN_LENGTH));
  if (typeof rod === "number") return checkCondition(unit, rod);
  const write = {
    destination: ownCopyUnit(unit),
    ranges,
    rod,
    offset_bytes: readUint64(list, 8) * unit.block_length,
    immediate: (list[2] & IMMEDIATE) !== 0,
    deleteToken: (list[2] & DELETE_TOKEN) !== 0,
  };
  return refusal(unit, write) ?? write;
}

/** The data of a token; undefined where it is zeros; or why there are none, as a sense triple. */
function findRod(unit: LogicalUnit, bytes: Uint8Array): Rod | number | undefined {
  if (readUint16(bytes, 6) !== ROD_TOKEN_LENGTH_FIELD) return Sense.INVALID_TOKEN_LENGTH;
  const type = readUint32(bytes, 0);
  if (type === RodType.BLOCK_DEVICE_ZERO) return undefined;
  if (!POINT_IN_TIME_TYPES.includes(type)) return Sense.UNSUPPORTED_TOKEN_TYPE;
  if (bytes[16] !== IDENTIFICATION_DESCRIPTOR) return Sense.TOKEN_CORRUPT;
  const designator = readDesignator(bytes, CREATOR_DESIGNATOR_OFFSET);
  // A unit that this one may not reach has made no token that is known here.
  const source = designator === undefined ? undefined : findCopyUnit(unit, designator);
  if (source === undefined) return Sense.TOKEN_UNKNOWN;
  const { tokens } = copyStateOf(source.unit);
  const token = tokens.find(bytes);
  return typeof token === "number" ? token : { source, token, tokens };
}

function refusal(unit: LogicalUnit, { rod, ranges, offset_bytes }: TokenWrite): Answer | undefined {
  if (rod === undefined) return undefined;
  if (offset_bytes >= rod.token.length_bytes) return invalidParameter(unit, 8);
  // To write there would end the token, amid the copy.
  const overlaps = rod.source.unit === unit &&
    ranges.some((range) => rod.token.ranges.some((other) => rangesOverlap(range, other)));
  return overlaps ? checkCondition(unit, Sense.INVALID_OPERATION_FOR_COPY) : undefined;
}

function* writeToken(unit: LogicalUnit, operation: CopyOperation, write: TokenWrite): Procedure {
  const { rod } = write;
  rod?.tokens.use(rod.token);
  try {
    if (write.immediate) {
      const { result } = yield { kind: "answer", answer: GOOD };
      // Without room for background work it is done before the answer, which is allowed as well.
      operation.background = result === MediaResult.OK;
    }
    const failure = yield* writeRanges(operation, write);
    return end(unit, operation, write, failure);
  } finally {
    rod?.tokens.release(rod.token);
  }
}

/** Writes all ranges, as far as there are data; returns why it could not go on. */
function* writeRanges(
  operation: CopyOperation,
  write: TokenWrite,
): Generator<Operation, StepFailure | undefined, OperationResult> {
  const { rod, destination } = write;
  const { block_length } = destination.unit;
  let left_bytes = Infinity;
  if (rod !== undefined) {
    // A last block of which there is a part is filled up with zeros.
    const data_bytes = rod.token.length_bytes - write.offset_bytes;
    left_bytes = Math.ceil(data_bytes / block_length) * block_length;
  }
  let rod_bytes = write.offset_bytes;
  for (const range of write.ranges) {
    const length_bytes = Math.min(range.length_bytes, left_bytes);
    for (let done = 0; done < length_bytes;) {
      const piece = Math.min(length_bytes - done, stepLength(write));
      const offset_bytes = range.offset_bytes + done;
      const step = rod === undefined
        ? yield* writeZeroPiece(operation, destination, offset_bytes, piece)
        : yield* copyPiece(operation, destination, rod, { rod_bytes, offset_bytes, piece });
      if (isFailure(step)) return step;
      done += piece;
      rod_bytes += piece;
      operation.transferred_blocks += piece / block_length;
    }
    left_bytes -= length_bytes;
  }
  return undefined;
}

function stepLength({ rod, destination }: TokenWrite): number {
  return rod === undefined && destination.unit.features.writeZeroes
    ? ZEROES_STEP_LENGTH_MAX_BYTES
    : STEP_LENGTH_MAX_BYTES;
}

function* writeZeroPiece(
  operation: CopyOperation,
  destination: CopyUnit,
  offset_bytes: number,
  length_bytes: number,
): Step<OperationResult> {
  if (destination.unit.features.writeZeroes) {
    return yield* writeZeroes(operation, destination, offset_bytes, length_bytes);
  }
  return yield* writePiece(operation, destination, offset_bytes, new Uint8Array(length_bytes));
}

function* copyPiece(
  operation: CopyOperation,
  destination: CopyUnit,
  rod: Rod,
  { rod_bytes, offset_bytes, piece }: {
    readonly rod_bytes: number;
    readonly offset_bytes: number;
    readonly piece: number;
  },
): Step<OperationResult> {
  const bytes = yield* readRod(operation, rod, rod_bytes, piece);
  return isFailure(bytes) ? bytes : yield* writePiece(operation, destination, offset_bytes, bytes);
}

/** SBC-4 4.28.2. INFORMATION is the transfer count, in blocks. */
function end(
  unit: LogicalUnit,
  operation: CopyOperation,
  { ranges, rod, deleteToken }: TokenWrite,
  failure: StepFailure | undefined,
): Answer {
  const information = operation.transferred_blocks;
  if (failure !== undefined) {
    if (failure.sense === CopySense.COMMANDS_CLEARED_BY_DEVICE_SERVER) operation.terminate();
    return copyFailed(unit, { ...failure, information });
  }
  if (deleteToken && rod !== undefined) rod.tokens.delete(rod.token);
  if (information === totalLength(ranges) / unit.block_length) return GOOD;
  const sense = information === 0
    ? CopySense.NOTHING_COPIED
    : CopySense.COPY_TARGET_DEVICE_DATA_UNDERRUN;
  const answer = copyFailed(unit, { sense, information });
  operation.end(answer, CopyStatus.COMPLETED_PARTIALLY);
  return answer;
}

export const writeUsingTokenResponses = [changesMedium("WRITE USING TOKEN", writeUsingToken)];
