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
  {
    tests: /^WriteSame1[06]\.ZeroBlocks$/,
    says: /does not support 0-blocks/,
    verdict: { kind: "harmless" },
    why: "WSNZ is one: that zero blocks are refused is checked, more does not apply (SBC-4 6.6.4)",
  },
];

/** Tests of all sanitize operations leave out what is not supported. */
const SANITIZE: readonly Expectation[] = [
  {
    tests: /^Sanitize\.(Readonly|Reservations)$/,
    says: /CRYPTO_ERASE is not implemented according to/,
    verdict: { kind: "harmless" },
    why: "there is no cryptographic erase",
  },
];

/** Tests that have nothing left to check when they are ended. */
const ENDLESS: readonly Expectation[] = [
  {
    tests: /^Sanitize\.Reset$/,
    units: ["slow"],
    says: /^the program ended after 30 s \(TESTUNITREADY \(To Clear Possible UA\)/,
    verdict: { kind: "enough" },
    why: "all is checked when it waits for the end: it sleeps for minutes and does not answer " +
      "NOP-In meanwhile (RFC 7143 11.19), so each time it finds another session",
  },
];

/** Tests that do not apply to what they are run against. */
const INAPPLICABLE: readonly Expectation[] = [
  {
    tests: /^Sanitize\.CryptoErase$/,
    says: /CRYPTO_ERASE is not implemented according to/,
    verdict: { kind: "inapplicable" },
    why: "no handler has an encryption key to forget: the service action is not supported " +
      "(SBC-4 5.30)",
  },
];

/** Tests that contradict the standard. */
const WRONG: readonly Expectation[] = [
  {
    tests: /^ReportSupportedOpcodes\.OneCommand$/,
    says: /for opcode 0x7f\b|one_command\.c:126\b/,
    verdict: { kind: "wrong", clause: "SPC-4 6.35.3" },
    why: "libiscsi keeps 16 bytes of CDB usage data and none of a longer one, so it reads zeros " +
      "for the 32-byte CDBs of operation code 7Fh",
  },
];

/** Sends all power conditions, also those that are reserved: 4 to 6, 8, 9 and Ch to Fh. */
const RESERVED_POWER_CONDITION = new RegExp(
  "^STARTSTOPUNIT command failed .*INVALID_FIELD_IN_CDB.* PC:(4|5|6|8|9|12|13|14|15) " +
    "|startstopunit_pwrcnd\\.c:",
);
const WRONG_POWER: readonly Expectation[] = [
  {
    tests: /^StartStopUnit\.PwrCnd$/,
    says: RESERVED_POWER_CONDITION,
    verdict: { kind: "wrong", clause: "SPC-4 3.3.11" },
    why: "it wants reserved values of POWER CONDITION to be taken: they are an error",
  },
];

/** Tests that go past what the unit says it takes, or contradict themselves, with some block sizes. */
const WRONG_FOR_A_SIZE: readonly Expectation[] = [
  {
    tests: /^ExtendedCopy\.Simple$/,
    units: ["4096"],
    says:
      /^(WRITE16|READ16) command failed .*INVALID_FIELD_IN_CDB.* blocks:2048|extendedcopy_simple\.c:(55|83|88) /,
    verdict: { kind: "wrong", clause: "SBC-4 6.6.4" },
    why: "it writes 8 MiB at once and does not ask for MAXIMUM TRANSFER LENGTH",
  },
  {
    tests: /^ProutReserve\.Access/,
    units: ["4096"],
    says: /^WRITE10 command: failed with sense: .*ILLEGAL_REQUEST.*0x0e03|reserve_access\.c:/,
    verdict: { kind: "wrong", clause: "SBC-4 5.40" },
    why: "it writes one block and sends 512 bytes, whatever the length of a block",
  },
  {
    tests: /^GetLBAStatus\.UnmapSingle$/,
    units: ["512e"],
    says: /unmap_single\.c:135 /,
    verdict: { kind: "wrong", clause: "SBC-4 5.5.2" },
    why: "it asks for LBA 9 and wants the first descriptor to begin at 16: the first one begins " +
      "at the LBA asked for",
  },
];

/** See the module. */
export const embeddedExpectations: readonly Expectation[] = [
  ...KINDS,
  ...PARTS,
  ...SANITIZE,
  ...ENDLESS,
  ...INAPPLICABLE,
  ...WRONG,
  ...WRONG_POWER,
  ...WRONG_FOR_A_SIZE,
];
