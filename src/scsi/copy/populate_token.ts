/**
 * POPULATE TOKEN (SBC-4 5.12). The table has it alone on the whole medium, so that no write is in
 * flight when the token is made: each later one is told to `RodTokens`.
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { checkCondition, GOOD, invalidParameter, needsMedium } from "../response.ts";
import type { Range } from "../sbc/range.ts";
import { Sense } from "../sense.ts";
import { copyStateOf } from "./copy_state.ts";
import { beginFailed } from "./extended_copy.ts";
import {
  INACTIVITY_TIMEOUT_DEFAULT_S,
  INACTIVITY_TIMEOUT_MAX_S,
  RANGE_DESCRIPTOR_COUNT_MAX,
} from "./limits.ts";
import { RANGE_DESCRIPTOR_LENGTH, readRanges } from "./range_descriptors.ts";
import { CopySense } from "./sense.ts";
import { POINT_IN_TIME_TYPES, RodType } from "./types.ts";

export const POPULATE_TOKEN = 0x10;
const HEADER_LENGTH = 16;
/** POPULATE TOKEN DATA LENGTH: header and one range, less its own two bytes. */
const DATA_LENGTH_MIN = 0x1e;
const LIST_LENGTH_MAX = HEADER_LENGTH + RANGE_DESCRIPTOR_COUNT_MAX * RANGE_DESCRIPTOR_LENGTH;
/** RTV: ROD TYPE is valid. */
const ROD_TYPE_VALID = 0x02;

/** What a token is asked for with. */
interface TokenRequest {
  readonly type: number;
  readonly timeout_s: number;
  readonly ranges: readonly Range[];
}

function populateToken(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const list_length = readUint32(cdb, 10);
  if (list_length === 0) return GOOD;
  if (list_length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  return populate(unit, readUint32(cdb, 6), Math.min(list_length, LIST_LENGTH_MAX));
}

function* populate(unit: LogicalUnit, list_identifier: number, length: number): Procedure {
  const list = (yield { kind: "data-out", offset: 0, length }).bytes.slice();
  if (list.length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const request = readRequest(unit, list);
  if ("status" in request) return request;
  const { operations, tokens } = copyStateOf(unit);
  const operation = operations.begin(list_identifier, POPULATE_TOKEN, true);
  if (typeof operation === "string") return beginFailed(unit, operation);
  // Nothing is copied, so nothing goes on in the background either: IMMED changes nothing.
  const { type, timeout_s, ranges } = request;
  const token = ranges.length === 0 ? undefined : tokens.make(type, ranges, timeout_s);
  const answer = token === undefined && ranges.length > 0
    ? checkCondition(unit, CopySense.INSUFFICIENT_RESOURCES_TO_CREATE_ROD)
    : GOOD;
  operation.token = token?.bytes;
  operation.transferred_blocks = (token?.length_bytes ?? 0) / unit.block_length;
  operation.end(answer);
  operations.ended(operation, true);
  return answer;
}

function readRequest(unit: LogicalUnit, list: Uint8Array): TokenRequest | Answer {
  if (readUint16(list, 0) < DATA_LENGTH_MIN) return invalidParameter(unit, 0);
  const asked_s = readUint32(list, 4);
  if (asked_s > INACTIVITY_TIMEOUT_MAX_S) return invalidParameter(unit, 4);
  const type = (list[2] & ROD_TYPE_VALID) === 0
    ? RodType.POINT_IN_TIME_CHANGE_VULNERABLE
    : readUint32(list, 8);
  if (!POINT_IN_TIME_TYPES.includes(type)) return invalidParameter(unit, 8);
  const ranges = readRanges(unit, list, { lengthByte: 14, start: HEADER_LENGTH });
  if ("status" in ranges) return ranges;
  return { type, timeout_s: asked_s === 0 ? INACTIVITY_TIMEOUT_DEFAULT_S : asked_s, ranges };
}

export const populateTokenResponses = [needsMedium("POPULATE TOKEN", populateToken)];
