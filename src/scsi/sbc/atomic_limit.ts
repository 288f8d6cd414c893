/** How long a write that is all or nothing may be. */
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";

/** WRITE ATOMIC has a field of two bytes for the number of blocks. */
const BLOCK_COUNT_MAX = 0xffff;

/**
 * MAXIMUM ATOMIC TRANSFER LENGTH (SBC-4 6.6.4), in blocks: what the volume can, and what goes into
 * one operation. 0 where there is none.
 */
export function atomicLengthMax(unit: LogicalUnit): number {
  const { writable, atomic_write_bytes } = unit.features;
  if (!writable) return 0;
  const bytes = Math.min(atomic_write_bytes ?? 0, STEP_LENGTH_MAX_BYTES);
  return Math.min(Math.floor(bytes / unit.block_length), BLOCK_COUNT_MAX);
}
