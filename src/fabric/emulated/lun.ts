/** The 8-byte LUN field (SAM-6 4.7). */

/** Logical unit numbers are 0 to 16383 (flat space addressing). */
export const LUN_COUNT = 16384;
/** Numbers below are shown by peripheral device addressing. */
const PERIPHERAL_LUN_COUNT = 256;

/**
 * Logical unit number of a single level LUN by peripheral device addressing (SAM-6 4.7.7.2, bus 0)
 * or flat space addressing (4.7.7.3); -1 for anything else.
 */
export function decodeLun(field: Uint8Array): number {
  if (field.length < 8) return -1;
  if ((field[2] | field[3] | field[4] | field[5] | field[6] | field[7]) !== 0) return -1;
  if (field[0] === 0) return field[1];
  if (field[0] >>> 6 === 1) return ((field[0] & 0x3f) << 8) | field[1];
  return -1;
}

/** Writes the LUN field of a logical unit number into `target`. */
export function encodeLun(lun: number, target: Uint8Array): void {
  target.fill(0, 0, 8);
  if (lun >= PERIPHERAL_LUN_COUNT) target[0] = 0x40 | (lun >>> 8);
  target[1] = lun & 0xff;
}

/** The LUN field of a logical unit number. */
export function lunField(lun: number): Uint8Array<ArrayBuffer> {
  const field = new Uint8Array(8);
  encodeLun(lun, field);
  return field;
}
