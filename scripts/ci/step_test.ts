import { strict as assert } from "node:assert";
import { judge } from "./step.ts";

const step = { name: "a step", command: ["true"] };

Deno.test("judge() counts a step without tests as one", () => {
  assert.deepEqual(judge(step, 0, ""), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(judge(step, 1, ""), { passed: 0, failed: 1, skipped: 0 });
});

Deno.test("judge() fails a step that checked nothing although it ended well", () => {
  const checked = { ...step, mustPrint: /agrees/ };
  assert.equal(judge(checked, 0, "it agrees").failed, 0);
  assert.equal(judge(checked, 0, "skipped, there is no compiler").failed, 1);
});

Deno.test("judge() fails test runs without a summary, and those that fail without a failed test", () => {
  const tests = { ...step, dialect: "deno" } as const;
  assert.deepEqual(judge(tests, 0, "nothing"), { passed: 0, failed: 1, skipped: 0 });
  const summary = "ok | 3 passed | 0 failed (1s)";
  assert.deepEqual(judge(tests, 0, summary), { passed: 3, failed: 0, skipped: 0 });
  assert.deepEqual(judge(tests, 1, summary), { passed: 3, failed: 1, skipped: 0 });
});
