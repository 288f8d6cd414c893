import { strict as assert } from "node:assert";
import type { ReportedCheck } from "./check.ts";
import { formatCounts, formatTable } from "./report.ts";

const checks: ReportedCheck[] = [
  { part: "embedded", suite: "Read6", test: "Simple", unit: "512", outcome: "passed" },
  { part: "embedded", suite: "Read6", test: "Simple", unit: "4096", outcome: "passed" },
  {
    part: "embedded",
    suite: "Read6",
    test: "BeyondEol",
    unit: "512",
    outcome: "failed",
    reason: "wrong sense\nand more",
  },
  { part: "embedded", suite: "Read6", test: "BeyondEol", unit: "4096", outcome: "passed" },
  { part: "tgt", suite: "Read6", test: "Simple", unit: "512", outcome: "passed" },
  { part: "tgt", suite: "Read6", test: "Simple", unit: "4096", outcome: "failed" },
  { part: "sg3", suite: "sg_inq", test: "vendor", outcome: "skipped", reason: "no UML" },
];

Deno.test("formatTable() joins units with the same result, with the peer beside", () => {
  const lines = formatTable(checks, new Set(["tgt"] as const)).split("\n")
    .map((line) => line.replace(/ {2,}/g, " | "));
  assert.deepEqual(lines, [
    "part | suite | test | unit | result | tgt | reason",
    "embedded | Read6 | Simple | 512 4096 | passed | failed",
    "embedded | Read6 | BeyondEol | 512 | FAILED | wrong sense",
    "embedded | Read6 | BeyondEol | 4096 | passed",
    "sg3 | sg_inq | vendor | skipped | no UML",
  ]);
});

Deno.test("formatCounts() counts outcomes", () => {
  assert.equal(formatCounts(checks), "4 passed, 2 failed, 1 skipped");
});
