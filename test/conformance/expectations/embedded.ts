/**
 * What iscsi-test-cu may skip or complain of against the embedded iSCSI fabric, and why. What is not
 * here is a failure.
 */
import type { Expectation } from "../libiscsi/judge.ts";

/** Tests that are for a kind of unit; each runs on the unit of that kind. */
const KINDS: readonly Expectation[] = [
  {
    tests: /^(PreventAllow|StartStopUnit|NoMedia)\./,
    says: /(unit|LUN|Media) is not removable/,
    verdict: { kind: "elsewhere", unit: "removable" },
    why: "it needs a medium that can be taken out",
  },
  {
    tests: /^ReadOnly\./,
    says: /not write-protected/,
    verdict: { kind: "elsewhere", unit: "read-only" },
    why: "it needs a unit that is write protected",
  },
  {
    tests: /^(CompareAndWrite|WriteSame1[06])\./,
    says: /LBPPB < 2/,
    verdict: { kind: "elsewhere", unit: "512e" },
    why: "it needs physical blocks of several logical ones",
  },
];

/** Parts of tests for what this project has a limit of its own instead. */
const PARTS: readonly Expectation[] = [
  {
    tests: /^WriteAtomic16\.VPD$/,
    says: /No (alignment|granularity) restrictions/,
    verdict: { kind: "harmless" },
    why: "there are no restrictions that could be violated",
  },
];

/** Tests that do not apply to what they are run against. */
const INAPPLICABLE: readonly Expectation[] = [
  {
    tests: /^WriteSame1[06]\.ZeroBlocks$/,
    says: /does not support 0-blocks/,
    verdict: { kind: "inapplicable" },
    why: "WSNZ is one: a WRITE SAME of zero blocks is refused, which the test takes for a skip " +
      "(SBC-4 6.6.4)",
  },
];

/** Tests that contradict the standard. */
const WRONG: readonly Expectation[] = [
  {
    tests: /^ReportSupportedOpcodes\.OneCommand$/,
    says: /for opcode 0x7f$|one_command\.c:126\b/,
    verdict: { kind: "wrong", clause: "SPC-4 6.35.3" },
    why: "libiscsi keeps 16 bytes of CDB usage data and none of a longer one, so it reads zeros " +
      "for the 32-byte CDBs of operation code 7Fh",
  },
];

/** See the module. */
export const embeddedExpectations: readonly Expectation[] = [
  ...KINDS,
  ...PARTS,
  ...INAPPLICABLE,
  ...WRONG,
];
