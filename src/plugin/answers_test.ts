import assert from "node:assert/strict";
import { checkCommandResult, checkExtents, checkSpace } from "./answers.ts";

const extent = (offset: number, length: number, mapped = true) => ({ offset, length, mapped });
const check = (value: unknown, offset = 1024, length = 4096, count_max = 8) =>
  checkExtents(value, { offset, length }, 512, count_max);

Deno.test("checkExtents() cuts to the range and puts neighbours of one kind together", () => {
  assert.deepEqual(check([extent(0, 2048), extent(2048, 512), extent(2560, 8192, false)]), [
    extent(1024, 1536),
    extent(2560, 2560, false),
  ]);
  assert.deepEqual(check([extent(0, 512), extent(512, 8192)]), [extent(1024, 4096)]);
  const short = [extent(1024, 512)];
  assert.deepEqual(check(short), short, "it may end before the range does");
  assert.deepEqual(check([], 0, 0), []);
});

Deno.test("checkExtents() gives no more than there is room for, from the beginning on", () => {
  const many = Array.from({ length: 8 }, (_, n) => extent(1024 + n * 512, 512, n % 2 === 0));
  assert.deepEqual(check(many, 1024, 4096, 3), many.slice(0, 3));
  const merged = [extent(1024, 512), extent(1536, 512), extent(2048, 512, false)];
  assert.deepEqual(check(merged, 1024, 4096, 1), [extent(1024, 1024)]);
});

const wrong: unknown[] = [
  undefined,
  null,
  {},
  [],
  "extents",
  [null],
  [extent(2048, 512)],
  [extent(0, 512)],
  [extent(1024, 512), extent(2048, 512)],
  [extent(1024, 1024), extent(1536, 512)],
  [extent(1024, 0)],
  [extent(1024, -512)],
  [extent(1024, 100)],
  [extent(1000, 512)],
  [extent(NaN, 512)],
  [extent(1024, Infinity)],
  [{ offset: "1024", length: 512, mapped: true }],
  [{ offset: 1024, length: 512, mapped: 1 }],
  [{ offset: 1024n, length: 512n, mapped: true }],
];
for (const [index, value] of wrong.entries()) {
  Deno.test(`checkExtents() refuses wrong answer ${index}`, () => {
    assert.throws(() => check(value), TypeError);
  });
}

Deno.test("checkSpace() gives whole bytes, and refuses what is no number of them", () => {
  const most = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(checkSpace({ used: 0.9, available: 1e300 }), { used: 0, available: most });
  for (const bad of [-1, NaN, Infinity, "5", 5n, undefined, null]) {
    assert.throws(() => checkSpace({ used: bad, available: 0 }), TypeError);
    assert.throws(() => checkSpace({ used: 0, available: bad }), TypeError);
  }
  assert.throws(() => checkSpace(undefined), TypeError);
});

Deno.test("checkCommandResult() fills in what is left out, and refuses what cannot be", () => {
  const nothing = { status: 0, sense: new Uint8Array(), dataInLength: 0 };
  assert.deepEqual(checkCommandResult({}, 10), nothing);
  const whole = { status: 255, sense: new Uint8Array(252), dataInLength: 10 };
  assert.deepEqual(checkCommandResult(whole, 10), whole);
  for (
    const bad of [
      undefined,
      null,
      5,
      { status: 256 },
      { status: -1 },
      { status: 0.5 },
      { status: "2" },
      { sense: new Uint8Array(253) },
      { sense: [1, 2] },
      { sense: null },
      { dataInLength: 11 },
      { dataInLength: -1 },
      { dataInLength: 1.5 },
      { dataInLength: "5" },
    ]
  ) assert.throws(() => checkCommandResult(bad, 10), TypeError, JSON.stringify(bad));
});
