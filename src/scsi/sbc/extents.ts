/**
 * Which blocks have storage assigned. What a handler says of it is checked: the extents that come
 * out of here are whole blocks, follow each other without gap, and begin where they were asked for.
 */
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { MediaExtent } from "../procedure.ts";
import type { Steps } from "./media_steps.ts";
import type { Range } from "./range.ts";

/**
 * Extents from the beginning of a range on, at least one; perhaps not to its end. Where nothing is
 * known all is taken for mapped (SBC-4 4.7.4.1, "mapped or unknown").
 */
export function* extents(unit: LogicalUnit, range: Range): Steps<readonly MediaExtent[]> {
  const unknown: MediaExtent = { ...range, mapped: true };
  if (unit.features.extents !== true || range.length_bytes === 0) return [unknown];
  const { result, extents: found = [] } = yield { kind: "extents", ...range };
  if (result !== MediaResult.OK) return [unknown];
  const valid = wholeExtents(range, found, unit.block_length);
  return valid.length > 0 ? valid : [unknown];
}

/** A block that storage is assigned to in part is mapped. */
function wholeExtents(
  range: Range,
  found: readonly MediaExtent[],
  block_length: number,
): readonly MediaExtent[] {
  const runs: MediaExtent[] = [];
  const range_end = range.offset_bytes + range.length_bytes;
  let at = range.offset_bytes;
  /** Up to where the handler's extents reach. */
  let reached = range.offset_bytes;
  const append = (end_bytes: number, mapped: boolean) => {
    if (end_bytes <= at) return;
    const last = runs.at(-1);
    const length_bytes = end_bytes - at;
    if (last?.mapped === mapped) {
      runs[runs.length - 1] = { ...last, length_bytes: last.length_bytes + length_bytes };
    } else runs.push({ offset_bytes: at, length_bytes, mapped });
    at = end_bytes;
  };
  for (const { offset_bytes, length_bytes, mapped } of found) {
    const follows = offset_bytes === reached && Number.isSafeInteger(length_bytes) &&
      length_bytes > 0;
    // What does not follow, or goes too far, is not believed; nor is what comes after it.
    if (!follows || offset_bytes + length_bytes > range_end) break;
    reached += length_bytes;
    if (mapped) append(Math.ceil(reached / block_length) * block_length, true);
    else {
      // The block it begins in may be mapped in its first part: `at` is behind it then.
      append(Math.floor(reached / block_length) * block_length, false);
    }
  }
  return runs;
}
