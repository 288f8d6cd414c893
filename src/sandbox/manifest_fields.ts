/** Checks of the fields of `handler.json`, in words for its author. */

/** A manifest is wrong. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** An object as JSON has it. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with members. */
export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws {@linkcode ManifestError}. */
export function refuse(what: string): never {
  throw new ManifestError(`Cannot use handler.json: ${what}`);
}

/** Refuses members with other names. */
export function onlyKnown(place: string, fields: Fields, known: readonly string[]): void {
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) refuse(`${place} has an unknown member "${name}"`);
  }
}

/** A text of one line, without what could fool a terminal. */
export function text(place: string, value: unknown, length_max: number): string {
  if (typeof value !== "string" || value.length === 0) refuse(`${place} is not a text`);
  if (value.length > length_max) refuse(`${place} is longer than ${length_max} characters`);
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(value)) {
    refuse(`${place} holds control characters`);
  }
  return value;
}

/** True, false or absent. */
export function optionalBoolean(place: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") refuse(`${place} is not true or false`);
}

/** A whole number from 1 to `max`, or absent. */
export function optionalCount(place: string, value: unknown, max: number): void {
  if (value === undefined) return;
  const fits = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
  if (!fits) refuse(`${place} is not a whole number from 1 to ${max}`);
}
