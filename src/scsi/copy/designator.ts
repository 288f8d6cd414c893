/**
 * Designation descriptors (SPC-4 7.8.6) that name a logical unit, in one form so that they can be
 * compared: code set, designator type, 0, length, and the designator.
 *
 * @module
 */
import type { LogicalUnit } from "../logical_unit.ts";
import { unitDesignators } from "../spc/designators.ts";

/** Designators that fit into an identification descriptor (SPC-4 6.4.5.6). */
export const DESIGNATOR_LENGTH_MAX = 20;
/** T10 vendor ID, EUI-64, NAA, SCSI name string, UUID: those that name one unit and no other. */
const UNIQUE_TYPES: readonly number[] = [1, 2, 3, 8, 10];
/** A ROD token names its creator by one of these (SPC-4 5.17.6.4): EUI-64, NAA. */
const TOKEN_TYPES: readonly number[] = [3, 2];
const HEADER_LENGTH = 4;

/**
 * The descriptor at an offset, which is that of its CODE SET; undefined where it is not whole, or
 * names no logical unit. PROTOCOL IDENTIFIER and PIV are left out: a CSCD descriptor has none.
 */
export function readDesignator(bytes: Uint8Array, offset: number): Uint8Array | undefined {
  if (offset + HEADER_LENGTH > bytes.length) return undefined;
  const length = bytes[offset + 3];
  const start = offset + HEADER_LENGTH;
  const association = bytes[offset + 1] >> 4 & 0x03;
  const type = bytes[offset + 1] & 0x0f;
  if (start + length > bytes.length || length === 0) return undefined;
  if (association !== 0 || !UNIQUE_TYPES.includes(type)) return undefined;
  const designator = new Uint8Array(HEADER_LENGTH + length);
  designator.set([bytes[offset] & 0x0f, type, 0, length]);
  designator.set(bytes.subarray(start, start + length), HEADER_LENGTH);
  return designator;
}

/** What a unit is named by: the Device Identification VPD page says it to initiators. */
export function designatorsOf(unit: LogicalUnit): readonly Uint8Array[] {
  return unitDesignators(unit).map((descriptor) => readDesignator(descriptor, 0))
    .filter((designator) => designator !== undefined);
}

/** Whether a descriptor, as `readDesignator` gives it, is one of the unit's. */
export function isNamedBy(unit: LogicalUnit, designator: Uint8Array): boolean {
  return designatorsOf(unit).some((own) => sameBytes(own, designator));
}

/** The designator that goes into a ROD token. */
export function tokenDesignator(unit: LogicalUnit): Uint8Array {
  const designators = designatorsOf(unit);
  for (const type of TOKEN_TYPES) {
    const found = designators.find((each) => each[1] === type && each[3] <= DESIGNATOR_LENGTH_MAX);
    if (found !== undefined) return found;
  }
  throw new Error(`assertion: unit "${unit.name}" has neither NAA nor EUI-64 designator`);
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
