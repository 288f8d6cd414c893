import assert from "node:assert/strict";
import fc from "fast-check";
import { OperatorError } from "./error.ts";
import { formatSize, parseSize, SIZE_MAX_BYTES } from "./size.ts";

Deno.test("parseSize() takes bytes, powers of 1024 and powers of 1000", () => {
  assert.equal(parseSize("512"), 512);
  assert.equal(parseSize(" 1000000 B "), 1_000_000);
  assert.equal(parseSize("64K"), 65536);
  assert.equal(parseSize("512M"), 512 * 2 ** 20);
  assert.equal(parseSize("1.5 GiB"), 1.5 * 2 ** 30);
  assert.equal(parseSize("2TB"), 2e12);
  assert.equal(parseSize("8192T"), SIZE_MAX_BYTES);
  assert.equal(parseSize("8P"), SIZE_MAX_BYTES);
  assert.equal(parseSize("2PB"), 2e15);
});

Deno.test("parseSize() refuses what is no size, with advice", () => {
  const wrong = [
    "",
    "0",
    "-1",
    "1e3",
    "K",
    "1.5.5M",
    "12Q",
    "12m",
    "0x10",
    "NaN",
    "Infinity",
  ];
  // Names that every object has.
  for (const text of [...wrong, "1constructor", "1toString", "1valueOf", "0.4"]) {
    assert.throws(() => parseSize(text), (error: unknown) => {
      assert(error instanceof OperatorError, text);
      assert.equal(error.kind, "usage");
      assert.notEqual(error.advice, "");
      return true;
    }, text);
  }
});

Deno.test("parseSize() says that 8 PiB is the limit", () => {
  for (const text of ["8193T", "9P", "9007199254740994", "1" + "0".repeat(400)]) {
    assert.throws(() => parseSize(text), (error: unknown) => {
      assert(error instanceof OperatorError, text);
      assert.match(error.message, /too large: 8 PiB/);
      assert.match(error.advice, /several/);
      return true;
    }, text);
  }
});

Deno.test("formatSize() of what fits exactly is read back as the same size", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1023 }), fc.nat(4), (count, unit) => {
    const bytes = count * 1024 ** unit;
    const text = formatSize(bytes);
    assert.equal(parseSize(text.replace(" ", "")), bytes, text);
  }));
  assert.equal(formatSize(SIZE_MAX_BYTES), "8 PiB");
  assert.equal(formatSize(1536), "1.5 KiB");
  assert.equal(formatSize(0), "0 B");
});
