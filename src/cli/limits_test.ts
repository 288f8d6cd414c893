import assert from "node:assert/strict";
import { limitOptions, parseDuration } from "./limits.ts";

Deno.test("options become limits, and those that are absent stay absent", () => {
  const flags = { memory: "512M", cpuQuota: "50%", queueDepth: "4", nice: "3" };
  assert.deepEqual(limitOptions(flags), {
    memory_bytes: 512 << 20,
    cpu_quota_percent: 50,
    queue_depth: 4,
    nice: 3,
  });
  assert.deepEqual(limitOptions({}), {});
});

for (
  const [flags, problem] of [
    [{ memory: "1K" }, /memory_bytes.*32 MiB/],
    [{ memory: "much" }, /not a size/],
    [{ cpuQuota: "half" }, /"half" is not a percentage/],
    [{ cpuWeight: "0" }, /cpu_weight.*1 to 10000/],
    [{ queueDepth: "1.5" }, /--queue-depth: "1.5" is not a whole number/],
    [{ queueDepth: "1000" }, /queue_depth.*1 to 256/],
    [{ nice: "-5" }, /--nice: "-5"/],
  ] as const
) {
  Deno.test(`refused: ${JSON.stringify(flags)}`, () => {
    assert.throws(() => limitOptions(flags), problem);
  });
}

Deno.test("times: seconds unless said otherwise", () => {
  assert.equal(parseDuration("30"), 30_000);
  assert.equal(parseDuration("30s"), 30_000);
  assert.equal(parseDuration("500ms"), 500);
  assert.equal(parseDuration("2m"), 120_000);
  assert.equal(parseDuration("0"), 0);
  for (const text of ["", "-1", "s", "1h", "1e3", "100000"]) {
    assert.throws(() => parseDuration(text), /is not a time/);
  }
});
