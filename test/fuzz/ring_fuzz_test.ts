import { fuzzRing } from "./ring_fuzz.ts";

Deno.test("fuzzRing() finds nothing in a bounded number of rounds", async () => {
  const seed = Number(Deno.env.get("LUNETTE_FUZZ_SEED") ?? 1);
  const iterations = Number(Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 150);
  await fuzzRing(seed, iterations);
});
