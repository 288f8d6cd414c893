/**
 * The data that a ROD token stands for, read as one run of bytes (SBC-4 4.28).
 *
 * @module
 */
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { CopyOperation } from "./copy_operation.ts";
import { isFailure, readPiece, type Step } from "./copy_steps.ts";
import type { CopyUnit } from "./copy_unit.ts";
import type { RodToken, RodTokens } from "./rod_token.ts";
import { CopySense } from "./sense.ts";

/** A token in use, and the unit that has made it. */
export interface Rod {
  readonly source: CopyUnit;
  readonly token: RodToken;
  readonly tokens: RodTokens;
}

/**
 * Reads `length_bytes` at an offset into the data; what lies beyond its end is zeros. The blocks of
 * the source may be longer than those of the destination: whole ones are read.
 */
export function* readRod(
  operation: CopyOperation,
  rod: Rod,
  offset_bytes: number,
  length_bytes: number,
): Step<Uint8Array> {
  const parts = partsOf(rod, offset_bytes, length_bytes);
  const [only] = parts;
  if (parts.length === 1 && only.length_bytes === length_bytes && only.skip_bytes === 0) {
    // The common case: nothing is copied in between.
    const bytes = yield* readValid(operation, rod, only);
    return isFailure(bytes) ? bytes : bytes.subarray(0, length_bytes);
  }
  const data = new Uint8Array(length_bytes);
  for (const part of parts) {
    const bytes = yield* readValid(operation, rod, part);
    if (isFailure(bytes)) return bytes;
    const { skip_bytes, at_bytes } = part;
    data.set(bytes.subarray(skip_bytes, skip_bytes + part.length_bytes), at_bytes);
  }
  return data;
}

/** One read: whole blocks of the source, of which a part is wanted. */
interface RodPart {
  readonly offset_bytes: number;
  readonly read_bytes: number;
  /** What comes before the wanted bytes. */
  readonly skip_bytes: number;
  readonly length_bytes: number;
  /** Where they belong in the result. */
  readonly at_bytes: number;
}

function partsOf(
  { source, token }: Rod,
  offset_bytes: number,
  length_bytes: number,
): readonly RodPart[] {
  const { block_length } = source.unit;
  const parts: RodPart[] = [];
  const end_bytes = offset_bytes + length_bytes;
  let range_bytes = 0;
  for (const range of token.ranges) {
    let from = Math.max(offset_bytes, range_bytes);
    const to = Math.min(end_bytes, range_bytes + range.length_bytes);
    while (from < to) {
      const wanted = range.offset_bytes + from - range_bytes;
      const skip_bytes = wanted % block_length;
      const length = Math.min(to - from, STEP_LENGTH_MAX_BYTES - skip_bytes);
      parts.push({
        offset_bytes: wanted - skip_bytes,
        read_bytes: Math.ceil((skip_bytes + length) / block_length) * block_length,
        skip_bytes,
        length_bytes: length,
        at_bytes: from - offset_bytes,
      });
      from += length;
    }
    range_bytes += range.length_bytes;
  }
  return parts;
}

/** Reads, and sees afterwards whether what was read is still what the token stands for. */
function* readValid(
  operation: CopyOperation,
  { source, token, tokens }: Rod,
  { offset_bytes, read_bytes }: RodPart,
): Step<Uint8Array> {
  const bytes = yield* readPiece(operation, source, offset_bytes, read_bytes);
  // A write that began before the read has ended may be in it.
  return tokens.invalidity(token) === 0 ? bytes : { sense: CopySense.TOKEN_CANCELLED };
}
