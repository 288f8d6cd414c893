/**
 * Processes one segment descriptor of EXTENDED COPY (SPC-4 6.4.6.4, 6.4.6.12). What is found wrong
 * here ends the copy with COPY ABORTED; segments before it stay copied (SPC-4 5.17.7.4).
 *
 * @module
 */
import type { LogicalUnit } from "../logical_unit.ts";
import type { Operation, OperationResult } from "../procedure.ts";
import type { SegmentPointer } from "../sense.ts";
import type { CopyOperation } from "./copy_operation.ts";
import { type CopyRun, copyRun, isFailure, thirdPartyFailure } from "./copy_steps.ts";
import {
  type CopyUnit,
  endOutOfRange,
  endRefusal,
  findCopyUnit,
  isOnMedium,
  ownCopyUnit,
} from "./copy_unit.ts";
import { SEGMENT_LENGTH_MAX_BYTES } from "./limits.ts";
import type { CscdDescriptor, SegmentDescriptor } from "./parameter_list.ts";
import { CopyEnd, type CopyFailure, CopySense, type EndFailure } from "./sense.ts";
import { OWN_CSCD_ID, SegmentType } from "./types.ts";

/** Where a segment descriptor has its fields. */
const Field = {
  SOURCE: 4,
  DESTINATION: 6,
  BYTES: 8,
  BLOCKS: 10,
  SOURCE_LBA: 12,
  DESTINATION_LBA: 20,
} as const;

/** Block device type, of PERIPHERAL DEVICE TYPE. */
const BLOCK_DEVICE = 0x00;

/** An end of the segment, and where the list names it. */
interface End {
  readonly target: CopyUnit;
  readonly pointer: SegmentPointer;
}

function inSegment(byte: number): SegmentPointer {
  return { inSegment: true, byte };
}

function inList(byte: number): SegmentPointer {
  return { inSegment: false, byte };
}

/** Copies one segment; returns why it could not, or undefined. */
export function* copySegment(
  unit: LogicalUnit,
  operation: CopyOperation,
  descriptors: readonly CscdDescriptor[],
  segment: SegmentDescriptor,
): Generator<Operation, CopyFailure | undefined, OperationResult> {
  const source = findEnd(unit, descriptors, segment.source, Field.SOURCE);
  if ("sense" in source) return source;
  const destination = findEnd(unit, descriptors, segment.destination, Field.DESTINATION);
  if ("sense" in destination) return destination;
  const run = runOf(segment, source.target, destination.target);
  if ("sense" in run) return run;
  const refused = refusalOfEnds(source, destination);
  if (refused !== undefined) return refused;
  return yield* copyChecked(operation, run, source, destination);
}

function findEnd(
  unit: LogicalUnit,
  descriptors: readonly CscdDescriptor[],
  id: number,
  field: number,
): End | CopyFailure {
  if (id === OWN_CSCD_ID) {
    return { target: ownCopyUnit(unit), pointer: inSegment(field) };
  }
  const descriptor = descriptors.at(id);
  if (id >= descriptors.length || descriptor === undefined) {
    return { sense: CopySense.UNREACHABLE_COPY_TARGET, pointer: inSegment(field) };
  }
  const pointer = inList(descriptor.byte);
  const notReachable = CopySense.COPY_TARGET_DEVICE_NOT_REACHABLE;
  const { designator, isNull, peripheralDeviceType, block_length } = descriptor;
  if (isNull || designator === undefined) return { sense: notReachable, pointer };
  const target = findCopyUnit(unit, designator);
  if (target === undefined) return { sense: notReachable, pointer };
  if (peripheralDeviceType !== BLOCK_DEVICE) {
    return { sense: CopySense.INCORRECT_COPY_TARGET_DEVICE_TYPE, pointer };
  }
  if (block_length !== 0 && block_length !== target.unit.block_length) {
    const wrong = inList(descriptor.byte + 29);
    return { sense: CopySense.INVALID_FIELD_IN_PARAMETER_LIST, pointer: wrong };
  }
  return { target, pointer };
}

/** What the segment asks for in bytes, checked against both media. */
function runOf(
  segment: SegmentDescriptor,
  source: CopyUnit,
  destination: CopyUnit,
): CopyRun | CopyFailure {
  const withOffset = segment.type === SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET;
  const counted = segment.destinationCount ? destination : source;
  const length_bytes = withOffset ? segment.count : segment.count * counted.unit.block_length;
  const source_bytes = segment.source_lba * source.unit.block_length + segment.source_offset_bytes;
  const destination_bytes = segment.destination_lba * destination.unit.block_length +
    segment.destination_offset_bytes;
  const countField = withOffset ? Field.BYTES : Field.BLOCKS;
  if (length_bytes > SEGMENT_LENGTH_MAX_BYTES) {
    return {
      sense: CopySense.INVALID_FIELD_IN_PARAMETER_LIST,
      pointer: inSegment(countField),
    };
  }
  const whole = isWhole(source, length_bytes, segment.source_offset_bytes) &&
    isWhole(destination, length_bytes, segment.destination_offset_bytes);
  if (!whole) {
    // DATA SEGMENT GRANULARITY is a block: parts of blocks are neither padded nor kept for the next
    // segment (SPC-4 table 116).
    const sense = withOffset
      ? CopySense.COPY_SEGMENT_GRANULARITY_VIOLATION
      : CopySense.UNEXPECTED_INEXACT_SEGMENT;
    return { sense, pointer: inSegment(countField) };
  }
  const run = { source, destination, source_bytes, destination_bytes, length_bytes };
  if (!isOnMedium(source, source_bytes, length_bytes)) {
    const end = endOutOfRange(source, CopyEnd.SOURCE, source_bytes);
    return outOfRange(end, Field.SOURCE_LBA);
  }
  if (!isOnMedium(destination, destination_bytes, length_bytes)) {
    const end = endOutOfRange(destination, CopyEnd.DESTINATION, destination_bytes);
    return outOfRange(end, Field.DESTINATION_LBA);
  }
  return run;
}

function isWhole({ unit }: CopyUnit, length_bytes: number, offset_bytes: number): boolean {
  return length_bytes % unit.block_length === 0 && offset_bytes % unit.block_length === 0;
}

/**
 * The unit was not asked, so it has not failed: no additional sense code is defined for that (SPC-4
 * 5.17.7.4). The pointer says what is wrong, and the unit's sense is what it would have said.
 */
function outOfRange(end: EndFailure, field: number): CopyFailure {
  return { ...thirdPartyFailure(end), sense: CopySense.COPY_ABORTED, pointer: inSegment(field) };
}

function refusalOfEnds(source: End, destination: End): CopyFailure | undefined {
  const sense = CopySense.THIRD_PARTY_DEVICE_FAILURE;
  const reads = endRefusal(source.target, CopyEnd.SOURCE, false);
  if (reads !== undefined) return { sense, end: reads, pointer: source.pointer };
  const writes = endRefusal(destination.target, CopyEnd.DESTINATION, true);
  return writes === undefined ? undefined : { sense, end: writes, pointer: destination.pointer };
}

function* copyChecked(
  operation: CopyOperation,
  run: CopyRun,
  source: End,
  destination: End,
): Generator<Operation, CopyFailure | undefined, OperationResult> {
  const before_bytes = operation.transferred_bytes;
  // Undefined as long as nothing was written: then there is no residual.
  let contiguous_bytes: number | undefined;
  const result = yield* copyRun(operation, run, (bytes) => {
    contiguous_bytes = bytes;
    operation.transferred_bytes = before_bytes + bytes;
  });
  if (!isFailure(result)) return undefined;
  const { sense, end } = result;
  const pointer = end === undefined
    ? undefined
    : end.end === CopyEnd.SOURCE
    ? source.pointer
    : destination.pointer;
  // In blocks of the destination (SPC-4 5.17.7.4).
  const information = contiguous_bytes === undefined
    ? undefined
    : (run.length_bytes - contiguous_bytes) / run.destination.unit.block_length;
  return { sense, end, pointer, information };
}
