import assert from "node:assert/strict";
import fc from "fast-check";
import { TagTable } from "./tag_table.ts";

Deno.test("TagTable behaves as a Map, also where tags collide", () => {
  // Few tags in few slots: long chains that wrap around.
  const tag = fc.oneof(fc.nat(12), fc.integer({ min: 0xffff_fff0, max: 0xffff_ffff }));
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), tag), { maxLength: 200 }), (steps) => {
    const table = new TagTable(16);
    const model = new Map<number, number>();
    for (const [index, [adds, key]] of steps.entries()) {
      if (!adds) {
        table.remove(key);
        model.delete(key);
      } else if (!model.has(key) && model.size < 8) {
        table.add(key, index);
        model.set(key, index);
      }
      assert.equal(table.size, model.size);
      for (let probe = 0; probe < 13; probe++) {
        assert.equal(table.find(probe), model.get(probe) ?? -1);
      }
      for (const [held, value] of model) assert.equal(table.find(held), value);
    }
  }));
});

Deno.test("TagTable.add() asserts where the table would get too full", () => {
  const table = new TagTable(4);
  table.add(1, 1);
  table.add(2, 2);
  assert.throws(() => table.add(3, 3), /assertion/);
});
