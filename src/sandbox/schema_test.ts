import assert from "node:assert/strict";
import { applySchema, checkSchema, SchemaError, valueFromText } from "./schema.ts";

const schema = checkSchema({
  type: "object",
  required: ["host"],
  properties: {
    host: { type: "string", minLength: 1, maxLength: 5 },
    port: { type: "integer", minimum: 1, maximum: 9, default: 3 },
    ratio: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
    size: { type: "integer", multipleOf: 512 },
    mode: { enum: ["a", "b"] },
    fast: { type: "boolean", default: false },
    tags: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 2 },
    deep: { type: "object", properties: { x: { const: 1 } } },
  },
});

Deno.test("applySchema() fills in defaults and keeps what was given", () => {
  assert.deepEqual(applySchema(schema, { host: "h", port: 9 }), {
    host: "h",
    port: 9,
    fast: false,
  });
});

const wrong: [Record<string, unknown>, RegExp][] = [
  [{}, /configuration: "host" is missing/],
  [{ host: "" }, /configuration\.host: is shorter than 1/],
  [{ host: "longer" }, /configuration\.host: is longer than 5/],
  [{ host: 5 }, /configuration\.host: 5 is not of type string/],
  [{ host: "h", port: 0 }, /configuration\.port: 0 is less than 1/],
  [{ host: "h", port: 10 }, /10 is more than 9/],
  [{ host: "h", port: 1.5 }, /not of type integer/],
  [{ host: "h", port: NaN }, /not of type integer/],
  [{ host: "h", ratio: 0 }, /0 is not over 0/],
  [{ host: "h", ratio: 1 }, /1 is not under 1/],
  [{ host: "h", size: 513 }, /513 is not a multiple of 512/],
  [{ host: "h", mode: "c" }, /"c" is not one of \["a","b"\]/],
  [{ host: "h", fast: "true" }, /"true" is not of type boolean/],
  [{ host: "h", tags: [] }, /configuration\.tags: is shorter than 1/],
  [{ host: "h", tags: ["x", 2] }, /configuration\.tags\[1\]: 2 is not of type string/],
  [{ host: "h", deep: { x: 2 } }, /configuration\.deep\.x: is not 1/],
  [{ host: "h", deep: { y: 2 } }, /configuration\.deep: there is no "y"; known are: x/],
  [{ host: "h", prot: 3 }, /there is no "prot"; known are: host, port/],
  [{ host: "h", toString: 3 }, /there is no "toString"/],
];
for (const [value, message] of wrong) {
  Deno.test(`applySchema() refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => applySchema(schema, value), { name: "SchemaError", message });
  });
}

const unusable: [unknown, RegExp][] = [
  [[], /not an object/],
  [{ type: "string" }, /the schema's type is "object"/],
  [
    { type: "object", properties: { x: { pattern: "(a+)+$" } } },
    /keyword "pattern" is not supported/,
  ],
  [{ type: "object", $ref: "#" }, /keyword "\$ref" is not supported/],
  [{ type: "object", properties: { x: { type: "text" } } }, /configuration\.x: type is not one of/],
  [{ type: "object", properties: { x: { minimum: "1" } } }, /minimum is not a number/],
  [{ type: "object", required: "x" }, /required is not a list/],
  [{ type: "object", properties: { x: { enum: [] } } }, /enum is not a list/],
  [{ type: "object", additionalProperties: {} }, /additionalProperties is not true or false/],
];
for (const [value, message] of unusable) {
  Deno.test(`checkSchema() refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => checkSchema(value), { name: "SchemaError", message });
  });
}

Deno.test("checkSchema() refuses a schema that is nested too deeply", () => {
  let nested: unknown = { type: "string" };
  for (let depth = 0; depth < 1000; depth++) nested = { type: "object", properties: { x: nested } };
  assert.throws(() => checkSchema(nested), SchemaError);
});

Deno.test("valueFromText() gives the type that the schema wants, or the text", () => {
  assert.equal(valueFromText({ type: "integer" }, "42"), 42);
  assert.equal(valueFromText({ type: "number" }, "0.5"), 0.5);
  assert.equal(valueFromText({ type: "integer" }, ""), "");
  assert.equal(valueFromText({ type: "integer" }, "4x"), "4x");
  assert.equal(valueFromText({ type: "boolean" }, "true"), true);
  assert.equal(valueFromText({ type: "boolean" }, "yes"), "yes");
  assert.equal(valueFromText({ type: "string" }, "42"), "42");
  assert.deepEqual(valueFromText({ type: "array" }, "[1]"), [1]);
  assert.equal(valueFromText(undefined, "true"), "true");
});
