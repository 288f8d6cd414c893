/**
 * Thresholds of logical block provisioning (SBC-3 4.7.3.7): initiators are told once when storage
 * runs low, and again only after it was not low meanwhile.
 *
 * @module
 */
import type { ModeParameters } from "./mode_parameters.ts";
import type { MediaSpace } from "./procedure.ts";

/**
 * Bytes of a threshold set. So many that 8 PiB, the largest unit, are less than 2^32 of them
 * (SBC-3 6.6.7).
 */
export const THRESHOLD_SET_BYTES = 1 << 22;

/** THRESHOLD EXPONENT of the Logical Block Provisioning VPD page (SBC-3 6.6.7). */
export function thresholdExponent(block_length: number): number {
  return Math.log2(THRESHOLD_SET_BYTES / block_length);
}

/** Bytes as a count of threshold sets, rounded down and kept to 32 bits. */
export function thresholdSets(bytes: number): number {
  return Math.min(Math.floor(bytes / THRESHOLD_SET_BYTES), 0xffffffff);
}

/** Remembers which thresholds are armed. */
export class ThresholdMonitor {
  #availableArmed = true;
  #usedArmed = true;

  /** Takes a measurement; returns whether a threshold was reached by it. */
  measured(space: MediaSpace, parameters: ModeParameters): boolean {
    if (!parameters.thresholdsReported) return false;
    const { availableThreshold, usedThreshold } = parameters;
    const low = availableThreshold.enabled &&
      thresholdSets(space.available_bytes) <= availableThreshold.count;
    const much = usedThreshold.enabled && thresholdSets(space.used_bytes) >= usedThreshold.count;
    const reached = low && this.#availableArmed || much && this.#usedArmed;
    this.#availableArmed = !low;
    this.#usedArmed = !much;
    return reached;
  }
}
