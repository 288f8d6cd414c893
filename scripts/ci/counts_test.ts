import { strict as assert } from "node:assert";
import { formatCounts, readCounts, sumCounts } from "./counts.ts";

Deno.test("readCounts() reads deno test, with steps, ignored tests and colours", () => {
  assert.deepEqual(readCounts("deno", "noise\nok | 998 passed | 0 failed | 7 ignored (32s)\n"), {
    passed: 998,
    failed: 0,
    skipped: 7,
  });
  const coloured = "\x1b[31mFAILED\x1b[0m | 2 passed (3 steps) | 1 failed (1 step) (5ms)";
  assert.deepEqual(readCounts("deno", coloured), { passed: 2, failed: 1, skipped: 0 });
});

Deno.test("readCounts() sums the summaries of cargo test", () => {
  const text = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\n" +
    "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
  assert.deepEqual(readCounts("cargo", text), { passed: 15, failed: 2, skipped: 1 });
});

Deno.test("readCounts() reads plain summaries", () => {
  assert.deepEqual(readCounts("plain", "a\n31 passed, 2 failed, 1 skipped\n"), {
    passed: 31,
    failed: 2,
    skipped: 1,
  });
  assert.deepEqual(readCounts("plain", "5 passed, 0 failed\n"), {
    passed: 5,
    failed: 0,
    skipped: 0,
  });
});

Deno.test("readCounts() counts the steps of the ok runner", () => {
  const text = "--- lint\n--- lint: ok (1.2 s)\n--- types: FAILED (3.0 s)\n" +
    "--- cargo fmt: left out, there is no cargo\n";
  assert.deepEqual(readCounts("steps", text), { passed: 1, failed: 1, skipped: 1 });
});

Deno.test("readCounts() does not take silence for success", () => {
  assert.equal(readCounts("deno", "error: Module not found\n"), undefined);
  assert.equal(readCounts("plain", "12 passed, 0 failed and more\n"), undefined);
});

Deno.test("formatCounts() names what was skipped only where anything was", () => {
  const counts = sumCounts([{ passed: 1, failed: 0, skipped: 0 }, {
    passed: 2,
    failed: 1,
    skipped: 0,
  }]);
  assert.equal(formatCounts(counts), "3 passed, 1 failed");
  assert.equal(formatCounts({ ...counts, skipped: 4 }), "3 passed, 1 failed, 4 skipped");
});
