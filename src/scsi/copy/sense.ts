/**
 * Sense data of copies: what went wrong, in which segment, and what the unit that could not do its
 * part had said (SPC-4 5.17.7.4).
 *
 * @module
 */
import { type Answer, Status } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { buildSense, type SegmentPointer } from "../sense.ts";

/** Triples that only copies use, beside those of `Sense`. */
export const CopySense = {
  OPERATION_IN_PROGRESS: 0x05_00_16,
  NOTHING_COPIED: 0x05_0d_04,
  INSUFFICIENT_RESOURCES_TO_CREATE_ROD: 0x05_55_0c,
  COPY_ABORTED: 0x0a_00_00,
  UNREACHABLE_COPY_TARGET: 0x0a_08_04,
  THIRD_PARTY_DEVICE_FAILURE: 0x0a_0d_01,
  COPY_TARGET_DEVICE_NOT_REACHABLE: 0x0a_0d_02,
  INCORRECT_COPY_TARGET_DEVICE_TYPE: 0x0a_0d_03,
  COPY_TARGET_DEVICE_DATA_UNDERRUN: 0x0a_0d_04,
  TOKEN_CANCELLED: 0x0a_23_08,
  INVALID_FIELD_IN_PARAMETER_LIST: 0x0a_26_00,
  UNEXPECTED_INEXACT_SEGMENT: 0x0a_26_0a,
  COPY_SEGMENT_GRANULARITY_VIOLATION: 0x0a_26_0d,
  COMMANDS_CLEARED_BY_DEVICE_SERVER: 0x0a_2f_02,
} as const;

/** Which end of a copy has failed; SENSE DATA SOURCE of SPC-4 4.5.2.7. */
export const CopyEnd = { SOURCE: 1, DESTINATION: 2 } as const;

/** What the unit at one end of a copy has answered. */
export interface EndFailure {
  /** A value of {@linkcode CopyEnd}. */
  readonly end: number;
  readonly status: number;
  /** Empty where the status says all. */
  readonly sense: Uint8Array;
}

export interface CopyFailure {
  readonly sense: number;
  /** INFORMATION: the residual of the segment, or the transfer count. */
  readonly information?: number;
  /** Position of the segment descriptor in the list. */
  readonly segment?: number;
  readonly pointer?: SegmentPointer;
  readonly end?: EndFailure;
}

/** CHECK CONDITION for a copy that has failed. */
export function copyFailed(unit: LogicalUnit, failure: CopyFailure): Answer {
  const { sense, information, segment, pointer, end } = failure;
  const descriptorFormat = unit.descriptorSense;
  const base = buildSense(descriptorFormat, sense, {
    information,
    commandSpecific: segment,
    segment: pointer,
  });
  const data = end === undefined
    ? base
    : descriptorFormat
    ? withForwardedDescriptor(base, end)
    : withArea(base, end);
  return { status: Status.CHECK_CONDITION, sense: data };
}

/**
 * Fixed format: status and sense data of the unit follow, and byte 0 (source) or 1 (destination) of
 * COMMAND-SPECIFIC INFORMATION says where (SPC-4 5.17.7.4).
 */
function withArea(base: Uint8Array, { end, status, sense }: EndFailure): Uint8Array {
  const data = new Uint8Array(base.length + 1 + sense.length);
  data.set(base);
  data[base.length] = status;
  data.set(sense, base.length + 1);
  data[7] = data.length - 8;
  data[end === CopyEnd.SOURCE ? 8 : 9] = base.length;
  return data;
}

/** Descriptor format: a forwarded sense data descriptor (SPC-4 4.5.2.7). */
function withForwardedDescriptor(base: Uint8Array, { end, status, sense }: EndFailure): Uint8Array {
  const data = new Uint8Array(base.length + 4 + sense.length);
  data.set(base);
  data.set([0x0c, 2 + sense.length, end, status], base.length);
  data.set(sense, base.length + 4);
  data[7] = data.length - 8;
  return data;
}
