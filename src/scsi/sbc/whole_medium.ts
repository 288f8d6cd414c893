/**
 * Operations on the whole medium, for SANITIZE and FORMAT UNIT: kept before they begin, so that a
 * restart amid them is noticed; in the background where IMMED asks for it; the unit is not ready
 * meanwhile, and it is not until they have ended well.
 */
import type { Answer } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import { FORMAT_PART, type MediumOperation, SANITIZE_PART } from "../medium_operation.ts";
import type { Procedure } from "../procedure.ts";
import { checkCondition, GOOD } from "../response.ts";
import { Sense } from "../sense.ts";
import { extents } from "./extents.ts";
import { performed, pieces, type Steps } from "./media_steps.ts";
import type { Range } from "./range.ts";

/** What is written goes down to the medium, and what is erased goes away, in so many bytes at once. */
const BATCH_LENGTH_BYTES = 64 << 20;

/** What has to be done; `unit.progress` is its own to move. */
export interface WholeMediumOperation {
  readonly kind: MediumOperation["kind"];
  readonly restricted: boolean;
  readonly immediate: boolean;
  /** Returns the failure, or undefined. */
  run(): Steps<Answer | undefined>;
}

/** Runs the operation and keeps account of it (SBC-4 4.11.2, 4.33). */
export function* runOnWholeMedium(unit: LogicalUnit, wanted: WholeMediumOperation): Procedure {
  const { kind, restricted } = wanted;
  const part = kind === "sanitize" ? SANITIZE_PART : FORMAT_PART;
  const kept = yield { kind: "save", part, value: { restricted } };
  // It is not begun where a restart would not know of it.
  if (kept.result !== MediaResult.OK) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  unit.progress = 0;
  unit.operation = { kind, failed: false, restricted };
  // What it is where it has failed, or whoever runs it gives it up amid its steps.
  let after: MediumOperation | undefined = { kind, failed: true, restricted };
  try {
    if (wanted.immediate) yield { kind: "answer", answer: GOOD };
    const failure = (yield* wanted.run()) ?? (yield* flushed(unit));
    if (failure !== undefined) return checkCondition(unit, failedSense(kind));
    // What was not well before is over, too. If that is not kept the operation has to be done once
    // more after a restart, which does no harm.
    yield { kind: "save", part: SANITIZE_PART, value: null };
    yield { kind: "save", part: FORMAT_PART, value: null };
    after = undefined;
    return GOOD;
  } finally {
    unit.operation = after;
  }
}

function failedSense(kind: MediumOperation["kind"]): number {
  return kind === "sanitize" ? Sense.SANITIZE_COMMAND_FAILED : Sense.FORMAT_COMMAND_FAILED;
}

/** Makes what was written durable. */
export function* flushed(unit: LogicalUnit): Steps<Answer | undefined> {
  return unit.features.writeCache ? yield* performed(unit, { kind: "flush" }) : undefined;
}

/** All of the medium. */
export function wholeMedium(unit: LogicalUnit): Range {
  return { offset_bytes: 0, length_bytes: unit.block_count * unit.block_length };
}

/** Fills the range with repetitions of `block`. */
export function* fillRange(
  unit: LogicalUnit,
  range: Range,
  pattern: Uint8Array,
  progressed: (end_bytes: number) => void,
): Steps<Answer | undefined> {
  for (const { offset_bytes, length_bytes } of pieces(range, pattern.length)) {
    const bytes = pattern.subarray(0, length_bytes);
    const failure = yield* performed(unit, { kind: "write", offset_bytes, bytes, fua: false });
    if (failure !== undefined) return failure;
    progressed(offset_bytes + length_bytes);
  }
  return undefined;
}

/**
 * Overwrites with zeros what may hold data, and gives the storage back: what was only unmapped may
 * still lie in the storage below. It goes in batches that are made durable before they are
 * unmapped, so that no more than a batch of storage is taken where none was assigned.
 */
export function* eraseMedium(
  unit: LogicalUnit,
  pattern: Uint8Array,
  progressed: (end_bytes: number) => void,
): Steps<Answer | undefined> {
  for (const batch of pieces(wholeMedium(unit), BATCH_LENGTH_BYTES)) {
    const failure = yield* eraseBatch(unit, batch, pattern, progressed);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function* eraseBatch(
  unit: LogicalUnit,
  batch: Range,
  pattern: Uint8Array,
  progressed: (end_bytes: number) => void,
): Steps<Answer | undefined> {
  const end_bytes = batch.offset_bytes + batch.length_bytes;
  for (let offset_bytes = batch.offset_bytes; offset_bytes < end_bytes;) {
    const rest = { offset_bytes, length_bytes: end_bytes - offset_bytes };
    for (const extent of yield* extents(unit, rest)) {
      offset_bytes = extent.offset_bytes + extent.length_bytes;
      if (!extent.mapped) continue;
      const failure = yield* fillRange(unit, extent, pattern, progressed);
      if (failure !== undefined) return failure;
    }
  }
  const failure = (yield* flushed(unit)) ?? (yield* performed(unit, { kind: "discard", ...batch }));
  progressed(end_bytes);
  return failure;
}
