import assert from "node:assert/strict";
import { families } from "./families.ts";
import { LAYER_NAMES } from "./layers.ts";
import { observedLayers } from "./observed_layers.ts";
import { securityTable, tableIn } from "./security_table.ts";

Deno.test("SECURITY.md says of every family which layers stop it", async () => {
  const text = await Deno.readTextFile(new URL("../../SECURITY.md", import.meta.url));
  assert.equal(tableIn(text), securityTable(families));
});

Deno.test("every layer that a family names is one that a run can observe", () => {
  for (const { number } of families) {
    const layers = observedLayers[number] ?? [];
    assert.ok(layers.length > 0, `family ${number}`);
    for (const layer of layers) assert.ok(LAYER_NAMES.has(layer), `${number}: ${layer}`);
  }
});

Deno.test("families have numbers of their own, in order", () => {
  const numbers = families.map(({ number }) => number);
  assert.deepEqual(numbers, Array.from(numbers, (_, at) => at + 1));
});
