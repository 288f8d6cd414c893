import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatBinary,
  formatText,
  type KeyValue,
  parseBinary,
  parseNumber,
  parseText,
  TextError,
} from "./text.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("parseText() undoes formatText()", () => {
  const key = fc.stringMatching(/^[A-Z][A-Za-z0-9.-]{0,20}$/);
  const value = fc.stringMatching(/^[ -~]{0,40}$/);
  fc.assert(fc.property(fc.dictionary(key, value), (keys) => {
    const pairs: KeyValue[] = Object.entries(keys);
    assert.deepEqual(parseText(formatText(pairs)), pairs);
  }));
});

Deno.test("parseText() forgives a last NUL that is missing, and several", () => {
  assert.deepEqual(parseText(encode("A=1\0B=")), [["A", "1"], ["B", ""]]);
  assert.deepEqual(parseText(encode("A=1=2\0\0\0")), [["A", "1=2"]]);
});

for (
  const [what, text] of [
    ["no equals sign", "A\0"],
    ["no key", "=1\0"],
    ["a space in the key", "A B=1\0"],
    ["a key of 64 bytes", `${"K".repeat(64)}=1\0`],
    ["a key twice", "A=1\0A=2\0"],
    ["a value of 8193 bytes", `A=${"v".repeat(8193)}\0`],
    ["257 keys", Array.from({ length: 257 }, (_, i) => `K${i}=1\0`).join("")],
  ]
) {
  Deno.test(`parseText() refuses ${what}`, () => {
    assert.throws(() => parseText(encode(text)), TextError);
  });
}

Deno.test("parseText() never throws anything but TextError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      parseText(bytes);
    } catch (error) {
      assert.ok(error instanceof TextError);
    }
  }));
});

Deno.test("parseNumber() takes decimal and hexadecimal up to 32 bits", () => {
  assert.equal(parseNumber("0"), 0);
  assert.equal(parseNumber("4294967295"), 0xffff_ffff);
  assert.equal(parseNumber("0x1F"), 31);
  for (const wrong of ["", "-1", "+1", "1.5", "4294967296", "0x", "0x123456789", "1e3", " 1"]) {
    assert.equal(parseNumber(wrong), undefined, wrong);
  }
});

Deno.test("parseBinary() takes hexadecimal and base64", () => {
  assert.deepEqual(parseBinary("0x0aFF"), Uint8Array.of(10, 255));
  assert.deepEqual(parseBinary("0xabc"), Uint8Array.of(0x0a, 0xbc));
  assert.deepEqual(parseBinary("0bAQID"), Uint8Array.of(1, 2, 3));
  for (const wrong of ["", "0x", "0xg", "12", "0b", "0b!", "0bA"]) {
    assert.equal(parseBinary(wrong), undefined, wrong);
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
    assert.deepEqual(parseBinary(formatBinary(bytes)), bytes);
  }));
});
