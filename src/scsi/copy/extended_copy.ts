/** EXTENDED COPY(LID1) (SPC-4 6.5): blocks are copied without passing through the initiator. */
import { type Answer, Status } from "../answer.ts";
import { readUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { checkCondition, GOOD, needsMedium } from "../response.ts";
import { Sense } from "../sense.ts";
import { type BeginFailure, type CopyOperation, track } from "./copy_operation.ts";
import { copyStateOf } from "./copy_state.ts";
import {
  type CscdDescriptor,
  HEADER_LENGTH,
  readCscdDescriptors,
  readHeader,
  readSegmentDescriptors,
  type SegmentDescriptor,
} from "./parameter_list.ts";
import { copySegment } from "./segment.ts";
import { copyFailed, CopySense } from "./sense.ts";

const SERVICE_ACTION = 0x00;

function extendedCopy(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const list_length = readUint32(cdb, 10);
  if (list_length === 0) return GOOD;
  if (list_length < HEADER_LENGTH) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  return copyList(unit, list_length);
}

function* copyList(unit: LogicalUnit, list_length: number): Procedure {
  const first = yield { kind: "data-out", offset: 0, length: HEADER_LENGTH };
  if (first.bytes.length < HEADER_LENGTH) {
    return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  }
  const header = readHeader(unit, first.bytes, list_length);
  if ("status" in header) return header;
  const length = HEADER_LENGTH + header.cscd_length + header.segment_length;
  // From here on only this copy is looked at: the initiator's memory is its own to change.
  const list = (yield { kind: "data-out", offset: 0, length }).bytes.slice();
  if (list.length < length) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  const descriptors = readCscdDescriptors(unit, list, header);
  if ("status" in descriptors) return descriptors;
  const segments = readSegmentDescriptors(unit, list, header);
  if ("status" in segments) return segments;
  const { operations } = copyStateOf(unit);
  const operation = operations.begin(header.list_identifier, SERVICE_ACTION, header.identified);
  if (typeof operation === "string") return beginFailed(unit, operation);
  const copy = copySegments(unit, operation, descriptors, segments);
  return yield* track(operations, operation, header.keep, copy);
}

function* copySegments(
  unit: LogicalUnit,
  operation: CopyOperation,
  descriptors: readonly CscdDescriptor[],
  segments: readonly SegmentDescriptor[],
): Procedure {
  for (const [index, segment] of segments.entries()) {
    operation.segments_processed = index + 1;
    const failure = yield* copySegment(unit, operation, descriptors, segment);
    if (failure === undefined) continue;
    if (failure.sense === CopySense.COMMANDS_CLEARED_BY_DEVICE_SERVER) operation.terminate();
    return copyFailed(unit, { ...failure, segment: index });
  }
  return GOOD;
}

/** A list identifier that is in use (SPC-4 5.17.4.2), or more copies than there may be. */
export function beginFailed(unit: LogicalUnit, failure: BeginFailure): Answer {
  return failure === "busy"
    ? { status: Status.BUSY }
    : checkCondition(unit, CopySense.OPERATION_IN_PROGRESS);
}

export const extendedCopyResponses = [needsMedium("EXTENDED COPY(LID1)", extendedCopy)];
