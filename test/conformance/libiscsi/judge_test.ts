import { strict as assert } from "node:assert";
import { type Expectation, judgeUnit, settleElsewhere } from "./judge.ts";
import type { PrintedTest } from "./parse.ts";

const expectations: Expectation[] = [
  {
    tests: /^PreventAllow\./,
    says: /not removable/,
    verdict: { kind: "elsewhere", unit: "removable" },
    why: "needs a medium that can be taken out",
  },
  {
    tests: /^Codes\.OneCommand$/,
    says: /opcode 0x7f$|one_command\.c:126/,
    verdict: { kind: "wrong", clause: "SPC-4 6.35.3" },
    why: "16 bytes are kept",
  },
  {
    tests: /^Atomic\.VPD$/,
    says: /No alignment restrictions/,
    verdict: { kind: "harmless" },
    why: "there are none",
  },
];

function judge(printed: Omit<PrintedTest, "suite" | "test">, name = "Codes.OneCommand") {
  const [suite, test] = name.split(".");
  const listed = [{ family: "SCSI", suite, test }];
  return judgeUnit("512", listed, [{ ...printed, suite, test }], expectations);
}

Deno.test("judgeUnit() passes what passed without a word", () => {
  const { checks } = judge({ outcome: "passed", remarks: [] });
  assert.deepEqual(checks.map(({ outcome }) => outcome), ["passed"]);
});

Deno.test("judgeUnit() fails a skip that no table knows", () => {
  const remarks = [{ kind: "skipped", text: "UNMAP is not implemented." }] as const;
  const [check] = judge({ outcome: "passed", remarks }).checks;
  assert.equal(check.outcome, "failed");
  assert.match(check.reason ?? "", /UNMAP is not implemented/);
});

Deno.test("judgeUnit() takes a wrong test for skipped only where all that it says is known", () => {
  const known = [
    { kind: "complaint", text: "Usage Data was 0x00 for opcode 0x7f" },
    { kind: "assertion", text: "test_one_command.c:126 - CU_ASSERT" },
  ] as const;
  const [skipped] = judge({ outcome: "failed", remarks: known }).checks;
  assert.equal(skipped.outcome, "skipped");
  assert.match(skipped.reason ?? "", /contradicts SPC-4 6\.35\.3/);
  const more = [...known, { kind: "complaint", text: "Usage Data for opcode 0x28" }] as const;
  assert.equal(judge({ outcome: "failed", remarks: more }).checks[0].outcome, "failed");
});

Deno.test("judgeUnit() passes a test a part of which does not apply", () => {
  const remarks = [{ kind: "skipped", text: "No alignment restrictions on this LUN" }] as const;
  assert.equal(judge({ outcome: "passed", remarks }, "Atomic.VPD").checks[0].outcome, "passed");
});

Deno.test("judgeUnit() ignores complaints of a test that passed", () => {
  const remarks = [{ kind: "complaint", text: "WRITE10 failed, as it must" }] as const;
  assert.equal(judge({ outcome: "passed", remarks }).checks[0].outcome, "passed");
});

Deno.test("judgeUnit() does not ask twice about a complaint that CUnit repeats", () => {
  const remarks = [
    { kind: "complaint", text: "Usage Data was 0x00 for opcode 0x7f" },
    { kind: "assertion", text: "test_other.c:30 - CU_ASSERT_EQUAL(_r,0)" },
  ] as const;
  assert.equal(judge({ outcome: "failed", remarks }).checks[0].outcome, "skipped");
  const [, alone] = remarks;
  assert.equal(judge({ outcome: "failed", remarks: [alone] }).checks[0].outcome, "failed");
});

Deno.test("judgeUnit() fails tests that were lost, or never ran", () => {
  assert.equal(judge({ outcome: "lost", remarks: [] }).checks[0].outcome, "failed");
  const listed = [{ family: "SCSI", suite: "A", test: "B" }];
  assert.equal(judgeUnit("512", listed, [], []).checks[0].outcome, "failed");
});

Deno.test("settleElsewhere() fails what every unit leaves to another", () => {
  const remarks = [{ kind: "skipped", text: "Logical unit is not removable." }] as const;
  const { checks, elsewhere } = judge({ outcome: "passed", remarks }, "PreventAllow.Eject");
  assert.deepEqual(checks, []);
  const ran = new Set(["512", "removable"]);
  assert.equal(settleElsewhere([], elsewhere, ran).length, 1);
  const passed = { suite: "PreventAllow", test: "Eject", outcome: "passed" } as const;
  assert.deepEqual(settleElsewhere([{ ...passed, unit: "removable" }], elsewhere, ran), []);
  assert.equal(settleElsewhere([{ ...passed, unit: "512" }], elsewhere, ran).length, 1);
});
