/**
 * The part of JSON Schema (draft 2020-12) that a handler's configuration is checked with.
 *
 * It is interpreted, and small, since a schema comes from a stranger and is used by the daemon: no
 * code is generated, and `pattern` is refused, for a regular expression can run for ever. A schema
 * with a keyword that is not known here is refused: nothing is silently unchecked.
 *
 * @module
 */

/** A schema that {@linkcode checkSchema} has accepted. */
export type Schema = Readonly<Record<string, unknown>>;

/** A value or schema is wrong; the message names the place. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

const TYPES = ["string", "number", "integer", "boolean", "array", "object"] as const;
type TypeName = typeof TYPES[number];
/** Nesting of a schema. */
const DEPTH_MAX = 8;
const ANNOTATIONS = ["$schema", "$id", "title", "description", "default", "examples", "deprecated"];
const NUMBERS = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
];

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(place: string, what: string): never {
  throw new SchemaError(`${place}: ${what}`);
}

function checkKeyword(place: string, keyword: string, value: unknown, depth: number): void {
  if (ANNOTATIONS.includes(keyword)) return;
  if (NUMBERS.includes(keyword)) {
    if (typeof value !== "number") refuse(place, `${keyword} is not a number`);
    return;
  }
  switch (keyword) {
    case "type":
      if (!TYPES.includes(value as TypeName)) {
        refuse(place, `type is not one of ${TYPES.join(", ")}`);
      }
      return;
    case "enum":
      if (!Array.isArray(value) || value.length === 0) refuse(place, "enum is not a list");
      return;
    case "const":
      return;
    case "required": {
      const names = Array.isArray(value) && value.every((name) => typeof name === "string");
      if (!names) refuse(place, "required is not a list of names");
      return;
    }
    case "additionalProperties":
      if (typeof value !== "boolean") refuse(place, "additionalProperties is not true or false");
      return;
    case "items":
      return checkSchemaAt(`${place}[]`, value, depth + 1);
    case "properties":
      if (!isRecord(value)) refuse(place, "properties is not an object");
      for (const [name, schema] of Object.entries(value)) {
        checkSchemaAt(`${place}.${name}`, schema, depth + 1);
      }
      return;
    default:
      refuse(place, `the schema keyword "${keyword}" is not supported`);
  }
}

function checkSchemaAt(place: string, schema: unknown, depth: number): void {
  if (depth > DEPTH_MAX) refuse(place, "the schema is nested too deeply");
  if (!isRecord(schema)) refuse(place, "the schema is not an object");
  for (const [keyword, value] of Object.entries(schema)) checkKeyword(place, keyword, value, depth);
}

/** Checks a schema itself, which must be of an object. Throws {@linkcode SchemaError}. */
export function checkSchema(schema: unknown): Schema {
  checkSchemaAt("configuration", schema, 0);
  if ((schema as Schema).type !== "object") {
    refuse("configuration", 'the schema\'s type is "object"');
  }
  return schema as Schema;
}

function hasType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isRecord(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type && !Number.isNaN(value);
  }
}

function validateNumber(place: string, value: number, schema: Schema): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (value < (minimum as number)) refuse(place, `${value} is less than ${minimum}`);
  if (value > (maximum as number)) refuse(place, `${value} is more than ${maximum}`);
  if (value <= (exclusiveMinimum as number)) {
    refuse(place, `${value} is not over ${exclusiveMinimum}`);
  }
  if (value >= (exclusiveMaximum as number)) {
    refuse(place, `${value} is not under ${exclusiveMaximum}`);
  }
  if (multipleOf !== undefined && value % (multipleOf as number) !== 0) {
    refuse(place, `${value} is not a multiple of ${multipleOf}`);
  }
}

function validateLength(place: string, length: number, low: unknown, high: unknown): void {
  if (length < (low as number)) refuse(place, `is shorter than ${low}`);
  if (length > (high as number)) refuse(place, `is longer than ${high}`);
}

function validateObject(place: string, value: Readonly<Record<string, unknown>>, schema: Schema) {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
  for (const name of (schema.required ?? []) as readonly string[]) {
    if (!Object.hasOwn(value, name)) refuse(place, `"${name}" is missing`);
  }
  for (const [name, member] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) {
      validateAt(`${place}.${name}`, member, properties[name]);
    } else if (schema.additionalProperties !== true) {
      const known = Object.keys(properties).join(", ") || "none";
      refuse(place, `there is no "${name}"; known are: ${known}`);
    }
  }
}

function validateAt(place: string, value: unknown, schema: Schema): void {
  if (schema.type !== undefined && !hasType(value, schema.type as TypeName)) {
    refuse(place, `${JSON.stringify(value)} is not of type ${schema.type}`);
  }
  if (schema.const !== undefined && value !== schema.const) {
    refuse(place, `is not ${JSON.stringify(schema.const)}`);
  }
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) {
    refuse(place, `${JSON.stringify(value)} is not one of ${JSON.stringify(schema.enum)}`);
  }
  if (typeof value === "number") validateNumber(place, value, schema);
  else if (typeof value === "string") {
    validateLength(place, value.length, schema.minLength, schema.maxLength);
  } else if (Array.isArray(value)) {
    validateLength(place, value.length, schema.minItems, schema.maxItems);
    const items = schema.items as Schema | undefined;
    if (items !== undefined) {
      value.forEach((item, index) => validateAt(`${place}[${index}]`, item, items));
    }
  } else if (isRecord(value)) validateObject(place, value, schema);
}

/**
 * Checks a configuration and returns it with the defaults of absent keys. Unknown keys are refused
 * unless the schema has `additionalProperties: true`. Throws {@linkcode SchemaError}.
 */
export function applySchema(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
  const complete: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(properties)) {
    if (!Object.hasOwn(complete, name) && property.default !== undefined) {
      complete[name] = property.default;
    }
  }
  validateAt("configuration", complete, schema);
  return complete;
}

/** A value from the command line, as the schema wants it. What does not fit stays a string. */
export function valueFromText(schema: Schema | undefined, text: string): unknown {
  switch (schema?.type) {
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "number":
    case "integer":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "array":
    case "object":
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    default:
      return text;
  }
}
