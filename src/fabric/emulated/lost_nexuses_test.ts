import assert from "node:assert/strict";
import { LOST_NEXUS_COUNT_MAX } from "./limits.ts";
import { LostNexuses } from "./lost_nexuses.ts";

Deno.test("LostNexuses gives what is known of a port once", () => {
  const lost = new LostNexuses<object>();
  const [one, two] = [{}, {}];
  lost.remember("a", [one, two]);
  lost.forget(two);
  const known = lost.take("a")!;
  assert.deepEqual([known.has(one), known.has(two)], [true, false]);
  assert.equal(lost.take("a"), undefined);
});

Deno.test("LostNexuses forgets the port that was lost first", () => {
  const lost = new LostNexuses<object>();
  for (let port = 0; port <= LOST_NEXUS_COUNT_MAX; port++) {
    lost.remember(`${port}`, []);
    lost.remember("1", []);
  }
  assert.equal(lost.take("0"), undefined);
  assert.ok(lost.take("1") !== undefined, "it was lost again");
  assert.ok(lost.take(`${LOST_NEXUS_COUNT_MAX}`) !== undefined);
});
