import assert from "node:assert/strict";
import { fallsShort, makeResult, median } from "./result.ts";
import { formatTable } from "./table.ts";

Deno.test("median() takes the middle, or the mean of the two middles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 100]), 3);
});

Deno.test("makeResult() turns ratios so that more is better, for rates and for times", () => {
  const rate = makeResult("r", "IOPS", [20, 30, 40], { name: "p", values: [10, 15], goal: 2.5 });
  assert.equal(rate.value, 30);
  assert.equal(rate.peer_value, 12.5);
  assert.equal(rate.ratio, 2.4);
  assert.deepEqual(rate.spread, [20, 40]);
  assert.ok(fallsShort(rate));
  const time = makeResult("t", "ns", [200], { name: "limit", values: [600], goal: 1 });
  assert.equal(time.ratio, 3);
  assert.ok(!fallsShort(time));
});

Deno.test("makeResult() takes the median of the ratios of rounds", () => {
  const peer = { name: "p", values: [10, 100, 20] };
  assert.equal(makeResult("r", "IOPS", [20, 200, 10], peer).ratio, 2);
  assert.equal(makeResult("t", "ms", [20, 200, 10], peer).ratio, 0.5);
});

Deno.test("makeResult() has neither ratio nor goal without a peer", () => {
  for (const peer of [undefined, { name: "native", values: [], goal: 1 }]) {
    const { peer: name, peer_value, ratio, goal } = makeResult("x", "MB", [1], peer);
    assert.deepEqual([name, peer_value, ratio, goal], [null, null, null, null]);
  }
});

Deno.test("formatTable() says what falls short", () => {
  const peer = { name: "limit", values: [1], goal: 1 };
  const table = formatTable([
    makeResult("slow", "ms", [2], peer),
    makeResult("ok", "ms", [1], peer),
  ]);
  const [, slow, ok] = table.split("\n");
  assert.match(slow, /FALLS SHORT$/);
  assert.match(ok, /1\.00 +1 {2}ok$/);
});
