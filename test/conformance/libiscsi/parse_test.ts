import { strict as assert } from "node:assert";
import { parseList, parseRun } from "./parse.ts";

/** As iscsi-test-cu 1.19.0 printed it. */
const CAPTURED = `    [SKIPPED] PERSISTENT RESERVE IN is not implemented.


     CUnit - A unit testing framework for C - Version 2.1-3
     http://cunit.sourceforge.net/


Suite: OrWrite
  Test: Simple ...    [SKIPPED] ORWRITE is not implemented.
    [SKIPPED] ORWRITE is not implemented.
passed
  Test: BeyondEol ...passed    [SKIPPED] PERSISTENT RESERVE IN is not implemented.

Suite: ReportSupportedOpcodes
  Test: OneCommand ...    [FAILED] CDB[0] Usage Data was 0x00, expected 0x7f for opcode 0x7f
    [FAILED] CDB[0] Usage Data was 0x00, expected 0x7f for opcode 0x7f
FAILED
    1. test_report_supported_opcodes_one_command.c:126  - CU_ASSERT_EQUAL(a,b)
    2. test_report_supported_opcodes_one_command.c:126  - CU_ASSERT_EQUAL(a,b)
  Test: RCTD ...
    Test RCTD
passed
Suite: StartStopUnit
  Test: PwrCnd ...
    Send STARTSTOPUNIT (Expecting SUCCESS) IMMED:1 PCM:0 PC:3 NO_FLUSH:0 LOEJ:1 START:0
    [OK] STARTSTOPUNIT returned SUCCESS NO SENSE(0x00) (null)(0x0000)
    Send STARTSTOPUNIT (Expecting SUCCESS) IMMED:1 PCM:0 PC:4 NO_FLUSH:0 LOEJ:1 START:0
    [FAILED] STARTSTOPUNIT command failed with status 2
FAILED
    1. test_startstopunit_pwrcnd.c:43  - STARTSTOPUNIT(sd, 1)
Suite: WriteSame10
  Test: UnmapUntilEnd ...    WRITESAME10 does not support 0-blocks.WSNZ == 1
passed
Suite: iSCSIcmdsn
  Test: iSCSICmdSnTooHigh ...
    Send a command

Run Summary:    Type  Total    Ran Passed Failed Inactive
              suites     51     51    n/a      0        0
`;

Deno.test("parseRun() reads what passed, was skipped and failed", () => {
  const tests = parseRun(CAPTURED);
  assert.deepEqual(tests.map(({ suite, test, outcome }) => `${suite}.${test} ${outcome}`), [
    "OrWrite.Simple passed",
    "OrWrite.BeyondEol passed",
    "ReportSupportedOpcodes.OneCommand failed",
    "ReportSupportedOpcodes.RCTD passed",
    "StartStopUnit.PwrCnd failed",
    "WriteSame10.UnmapUntilEnd passed",
    "iSCSIcmdsn.iSCSICmdSnTooHigh lost",
  ]);
});

Deno.test("parseRun() keeps remarks once, and none of the clean-up after a test", () => {
  const [simple, beyond, one] = parseRun(CAPTURED);
  assert.deepEqual(simple.remarks, [{ kind: "skipped", text: "ORWRITE is not implemented." }]);
  assert.deepEqual(beyond.remarks, []);
  assert.deepEqual(one.remarks, [
    {
      kind: "complaint",
      text: "CDB[0] Usage Data was 0x00, expected 0x7f for opcode 0x7f",
    },
    {
      kind: "assertion",
      text: "test_report_supported_opcodes_one_command.c:126 - CU_ASSERT_EQUAL(a,b)",
    },
  ]);
});

Deno.test("parseRun() names the command that a complaint is about", () => {
  const { remarks } = parseRun(CAPTURED).filter(({ test }) => test === "PwrCnd")[0];
  assert.match(remarks[0].text, /^STARTSTOPUNIT command failed with status 2 \(.* PC:4 /);
});

Deno.test("parseRun() finds nothing in the words of a program that could not log in", () => {
  assert.deepEqual(parseRun("Failed to connect to SCSI device 0\n"), []);
});

Deno.test("parseList() names each test of the SCSI and iSCSI families once", () => {
  const text = "ALL\nALL.Read6\nALL.Read6.Simple\nSCSI\nSCSI.Read6\nSCSI.Read6.Simple\n" +
    "SCSI.ModeSense6.Control-D_SENSE\niSCSI.iSCSITMF.AbortTaskSimpleAsync\nLINUX.Read6.Simple\n";
  assert.deepEqual(parseList(text), [
    { family: "SCSI", suite: "Read6", test: "Simple" },
    { family: "SCSI", suite: "ModeSense6", test: "Control-D_SENSE" },
    { family: "iSCSI", suite: "iSCSITMF", test: "AbortTaskSimpleAsync" },
  ]);
});
