import assert from "node:assert/strict";
import fc from "fast-check";
import { Bitmap } from "./bitmap.ts";

Deno.test("Bitmap.takeLowest() gives the lowest free integer and -1 when full", () => {
  const bitmap = new Bitmap(70);
  for (let index = 0; index < 70; index++) assert.equal(bitmap.takeLowest(), index);
  assert.equal(bitmap.takeLowest(), -1);
  bitmap.give(69, 1);
  bitmap.give(3, 1);
  assert.equal(bitmap.takeLowest(), 3);
  assert.equal(bitmap.takeLowest(), 69);
});

Deno.test("Bitmap agrees with an array of booleans", () => {
  const length = 150;
  const operation = fc.record({ count: fc.integer({ min: 1, max: 80 }), give: fc.nat(1000) });
  fc.assert(fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
    const bitmap = new Bitmap(length);
    const model: boolean[] = new Array(length).fill(false);
    const runs: [number, number][] = [];
    for (const { count, give } of operations) {
      let expected = -1;
      for (let start = 0; start + count <= length && expected < 0; start++) {
        if (!model.slice(start, start + count).includes(true)) expected = start;
      }
      const found = bitmap.findRun(count);
      assert.equal(found, expected);
      if (found >= 0 && count === 1) assert.equal(bitmap.takeLowest(), found);
      else if (found >= 0) bitmap.take(found, count);
      if (found >= 0) {
        model.fill(true, found, found + count);
        runs.push([found, count]);
      }
      if (give % 3 === 0 && runs.length > 0) {
        const [[start, length]] = runs.splice(give % runs.length, 1);
        bitmap.give(start, length);
        model.fill(false, start, start + length);
      }
      assert.equal(bitmap.used, model.filter((used) => used).length);
      assert.equal(bitmap.end, model.lastIndexOf(true) + 1);
      assert.equal(bitmap.nextFree(7), model.indexOf(false, 7));
      assert.equal(bitmap.runAt(20, 50), [...model.slice(20, 70), true].indexOf(true));
    }
  }));
});
