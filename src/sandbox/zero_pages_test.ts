import assert from "node:assert/strict";
import { isZero, withoutZeroPages } from "./zero_pages.ts";

Deno.test("isZero() sees any bit, also the sign of a zero", () => {
  for (const length of [0, 1, 7, 8, 9, 64, 4096]) {
    const bytes = new Uint8Array(length);
    assert.equal(isZero(bytes), true);
    for (let index = 0; index < length; index++) {
      bytes[index] = 0x80;
      assert.equal(isZero(bytes), false, `${index} of ${length}`);
      bytes[index] = 0;
    }
  }
  assert.equal(isZero(new Uint8Array(100).subarray(3)), true);
});

Deno.test("withoutZeroPages() covers what it was given, pages of zeros as unmapped", () => {
  const bytes = new Uint8Array(8 * 4096);
  bytes[4096] = 1;
  bytes[3 * 4096 + 9] = 1;
  const at = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const extents = [
    { offset: 512, length: 5 * 4096 - 512, mapped: true },
    { offset: 5 * 4096, length: 3 * 4096, mapped: false },
  ];
  assert.deepEqual(withoutZeroPages(extents, at), [
    { offset: 512, length: 4096 - 512, mapped: false },
    { offset: 4096, length: 4096, mapped: true },
    { offset: 2 * 4096, length: 4096, mapped: false },
    { offset: 3 * 4096, length: 4096, mapped: true },
    { offset: 4 * 4096, length: 4 * 4096, mapped: false },
  ]);
});

Deno.test("withoutZeroPages() stops looking, and takes the rest for data", () => {
  const bytes = new Uint8Array(4096);
  const length = 4096 * 40000;
  const [zeros, rest] = withoutZeroPages([{ offset: 0, length, mapped: true }], () => bytes);
  assert.deepEqual([zeros.mapped, rest.mapped], [false, true]);
  assert.equal(zeros.length + rest.length, length);
});
