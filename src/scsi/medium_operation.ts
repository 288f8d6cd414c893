/**
 * Operations on the whole medium, SANITIZE and FORMAT UNIT: they keep the medium from use while they
 * go on, and also after they have failed (SBC-4 4.11, 4.33). They are kept over a restart as a part
 * of the unit's state, so that an operation that was cut off counts as failed.
 *
 * @module
 */

export interface MediumOperation {
  readonly kind: "sanitize" | "format";
  readonly failed: boolean;
  /**
   * SANITIZE without AUSE, restricted completion mode (SBC-4 4.11.3): only another sanitize
   * operation that ends well makes the medium usable again.
   */
  readonly restricted: boolean;
}

/** Parts of a unit's state (`SaveState`) that say that an operation was begun. */
export const SANITIZE_PART = "sanitize";
export const FORMAT_PART = "format";

/** The operation that was not ended when the unit's state was last kept: it has failed. */
export function restoreOperation(
  saved: Readonly<Record<string, unknown>>,
): MediumOperation | undefined {
  const sanitize = saved[SANITIZE_PART];
  if (sanitize !== undefined && sanitize !== null) {
    // What cannot be read is taken for the stricter of the two.
    const open = typeof sanitize === "object" &&
      (sanitize as Record<string, unknown>).restricted === false;
    return { kind: "sanitize", failed: true, restricted: !open };
  }
  const format = saved[FORMAT_PART];
  if (format === undefined || format === null) return undefined;
  return { kind: "format", failed: true, restricted: false };
}

export function operationState(
  { kind, failed }: MediumOperation,
): "sanitizing" | "sanitize-failed" | "formatting" | "format-failed" {
  if (kind === "sanitize") return failed ? "sanitize-failed" : "sanitizing";
  return failed ? "format-failed" : "formatting";
}
