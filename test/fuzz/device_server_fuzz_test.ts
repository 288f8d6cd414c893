import { fuzzDeviceServer } from "./device_server_fuzz.ts";

Deno.test("fuzzDeviceServer() finds nothing in a bounded number of rounds", () => {
  const seed = Number(Deno.env.get("LUNETTE_FUZZ_SEED") ?? 1);
  const iterations = Number(Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 5000);
  console.log(`LUNETTE_FUZZ_SEED=${seed} LUNETTE_FUZZ_ITERATIONS=${iterations}`);
  fuzzDeviceServer(seed, iterations);
});
