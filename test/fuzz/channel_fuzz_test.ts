import assert from "node:assert/strict";
import { fuzzChannel, scribble } from "./channel_fuzz.ts";

const seed = Number(Deno.env.get("LUNETTE_FUZZ_SEED") ?? 1);

Deno.test("fuzzChannel() finds nothing in a bounded number of rounds", () => {
  fuzzChannel(seed, Number(Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 60));
});

Deno.test("a guest that writes into its channel all the time harms itself alone", async () => {
  assert.ok(await scribble(seed, 1500) > 1000);
});
