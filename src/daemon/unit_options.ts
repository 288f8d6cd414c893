/** What an operator may say of a logical unit, checked: from the socket, from files. */
import type { UnitOptions } from "./ring_messages.ts";

/** Longest physical block that is reported. */
export const PHYSICAL_BLOCK_LENGTH_MAX_BYTES = 65536;

const COPY_GROUP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const BOOLEANS = ["removable", "write_protected", "ejected"] as const;
const KNOWN: readonly string[] = [...BOOLEANS, "physical_block_length_bytes", "copy_group"];

/** What is wrong with unit options, for people; undefined where nothing is. */
export function unitOptionsProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return '"unit" is not an object';
  }
  const options = value as Record<string, unknown>;
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) return `"unit" has an unknown member "${unknown}"`;
  for (const key of BOOLEANS) {
    const item = options[key];
    if (item !== undefined && typeof item !== "boolean") {
      return `"unit.${key}" is neither true nor false`;
    }
  }
  if (options.ejected === true && options.removable !== true) {
    return 'only the medium of a "removable" unit can be ejected';
  }
  const { physical_block_length_bytes: physical, copy_group } = options;
  if (physical !== undefined && !isBlockLength(physical)) {
    return '"unit.physical_block_length_bytes" is not a power of two from 512 to ' +
      PHYSICAL_BLOCK_LENGTH_MAX_BYTES;
  }
  if (
    copy_group !== undefined && !(typeof copy_group === "string" && COPY_GROUP.test(copy_group))
  ) {
    return '"unit.copy_group" is not a name: up to 63 letters, digits, dots, underscores, dashes';
  }
  return undefined;
}

function isBlockLength(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 512 &&
    Number(value) <= PHYSICAL_BLOCK_LENGTH_MAX_BYTES && (Number(value) & (Number(value) - 1)) === 0;
}

/** Whether they are unit options. */
export function isUnitOptions(value: unknown): value is UnitOptions {
  return unitOptionsProblem(value) === undefined;
}
