/**
 * What iscsi-test-cu may skip or complain of over /dev/sg of a disk that the kernel's loopback target
 * serves from our ring, and why. What is the kernel's to answer says so. What is not here is a
 * failure.
 */
import type { Expectation } from "../libiscsi/judge.ts";
import { embeddedExpectations } from "./embedded.ts";

/** What needs an iSCSI session, or two initiators. */
const TRANSPORT: readonly Expectation[] = [
  {
    tests: /./,
    says: /only supported for iSCSI|only for iSCSI|only supported (on|with) iSCSI|Non-iSCSI/,
    verdict: { kind: "inapplicable" },
    why: 'it builds its own iSCSI PDUs or sessions; it runs in the part "embedded"',
  },
];

/** What the program cannot do without an iSCSI session, and does not know of. */
const CRASHES: readonly Expectation[] = [
  {
    tests: /^Sanitize\.OverwriteReserved$/,
    says: /ended by signal 11/,
    verdict: { kind: "inapplicable" },
    why: "it changes an iSCSI PDU, and crashes where there is none; it runs in the part embedded",
  },
  {
    tests: /^MultipathIO\./,
    says: /Non-iSCSI multipath/,
    verdict: { kind: "inapplicable" },
    why: "it resets and queues through libiscsi; it runs in the part embedded",
  },
];

/** What the kernel does not let through to the ring, or answers itself. */
const KERNEL: readonly Expectation[] = [
  {
    tests: /./,
    units: ["4096"],
    says: /SG_IO ioctl failed/,
    verdict: { kind: "kernel" },
    why: "tcm_loop takes 256 segments of a page: transfers of more than 1 MiB do not leave sg",
  },
];

/** What a test finds where its first write did not leave sg. */
const UNWRITTEN: readonly Expectation[] = [
  {
    tests: /^GetLBAStatus\.UnmapSingle$/,
    units: ["4096"],
    says: /LBA should be mapped but isn't/,
    verdict: { kind: "kernel" },
    why: "its write of 257 blocks is more than tcm_loop takes at once, so nothing is mapped",
  },
];

/** What the tests of one run leave behind for each other, where all have one I_T nexus. */
const ONE_NEXUS: readonly Expectation[] = [
  {
    tests: /^ReceiveCopyResults\.CopyStatus$/,
    says: /^RECEIVECOPYRESULT successful but should have failed .*INVALID_FIELD_IN_CDB/,
    verdict: { kind: "kernel" },
    why: "its ring names no I_T nexus and this disk has only one: the test finds what became of " +
      "an earlier test's copy of the same identifier (SPC-4 6.24)",
  },
];

/** See the module. */
export const loopbackExpectations: readonly Expectation[] = [
  ...TRANSPORT,
  ...CRASHES,
  ...KERNEL,
  ...UNWRITTEN,
  ...ONE_NEXUS,
  ...embeddedExpectations,
];
