/** Sense codes in words: what they are called by SPC-4, and when an initiator sees them here. */
import { table, triple } from "./markdown.ts";

const KEYS: Readonly<Record<number, string>> = {
  0x0: "NO SENSE",
  0x2: "NOT READY",
  0x3: "MEDIUM ERROR",
  0x4: "HARDWARE ERROR",
  0x5: "ILLEGAL REQUEST",
  0x6: "UNIT ATTENTION",
  0x7: "DATA PROTECT",
  0xa: "COPY ABORTED",
  0xb: "ABORTED COMMAND",
  0xe: "MISCOMPARE",
};

/** Triple, additional sense code by SPC-4, and when. What is said and has no line is found by a test. */
const MEANINGS: readonly (readonly [number, string, string])[] = [
  [0x000000, "NO ADDITIONAL SENSE INFORMATION", "REQUEST SENSE: nothing is wrong"],
  [
    0x020400,
    "LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE",
    "the handler says that it is not ready",
  ],
  [
    0x020401,
    "LOGICAL UNIT IS IN PROCESS OF BECOMING READY",
    "the handler keeps failing, and is tried again: initiators repeat the command",
  ],
  [
    0x020404,
    "LOGICAL UNIT NOT READY, FORMAT IN PROGRESS",
    "FORMAT UNIT goes on; with progress indication",
  ],
  [
    0x02040b,
    "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN STANDBY STATE",
    "the target port group is in standby",
  ],
  [
    0x02040c,
    "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN UNAVAILABLE STATE",
    "the target port group is unavailable",
  ],
  [
    0x02041b,
    "LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS",
    "SANITIZE goes on; with progress indication",
  ],
  [
    0x020800,
    "LOGICAL UNIT COMMUNICATION FAILURE",
    "the handler did not answer for the ring's time limit",
  ],
  [
    0x023a00,
    "MEDIUM NOT PRESENT",
    "the medium was ejected, or a volatile volume has lost its content",
  ],
  [
    0x030c00,
    "WRITE ERROR",
    "the handler could not write; INFORMATION is the LBA where it is known",
  ],
  [
    0x031100,
    "UNRECOVERED READ ERROR",
    "the handler could not read; INFORMATION is the LBA where it is known",
  ],
  [
    0x033100,
    "MEDIUM FORMAT CORRUPTED",
    "FORMAT UNIT had failed, or was cut off by a restart: format again",
  ],
  [
    0x033101,
    "FORMAT COMMAND FAILED",
    "FORMAT UNIT has failed",
  ],
  [
    0x033103,
    "SANITIZE COMMAND FAILED",
    "SANITIZE has failed, or was cut off by a restart: sanitize again, or EXIT FAILURE MODE",
  ],
  [
    0x040800,
    "LOGICAL UNIT COMMUNICATION FAILURE",
    "the handler ended in a command that must not be repeated",
  ],
  [0x043e01, "LOGICAL UNIT FAILURE", "the handler has kept failing for minutes"],
  [0x044400, "INTERNAL TARGET FAILURE", "a bug of the handler, or state that could not be kept"],
  [0x050016, "OPERATION IN PROGRESS", "a copy with this list identifier goes on"],
  [
    0x050d04,
    "COPY TARGET DEVICE DATA UNDERRUN",
    "nothing could be copied, for the token stands for nothing there",
  ],
  [
    0x050e03,
    "INVALID FIELD IN COMMAND INFORMATION UNIT",
    "the initiator sent another amount of data than the command needs",
  ],
  [
    0x051a00,
    "PARAMETER LIST LENGTH ERROR",
    "a parameter list is shorter than its header, or cut off",
  ],
  [0x052000, "INVALID COMMAND OPERATION CODE", "the unit does not have this command"],
  [
    0x052100,
    "LOGICAL BLOCK ADDRESS OUT OF RANGE",
    "blocks beyond the end, INFORMATION is the first; nothing is transferred",
  ],
  [
    0x052301,
    "INVALID TOKEN OPERATION, UNSUPPORTED TOKEN TYPE",
    "a token of a type that is not served",
  ],
  [0x052304, "INVALID TOKEN OPERATION, TOKEN UNKNOWN", "nobody here has made this token"],
  [0x052305, "INVALID TOKEN OPERATION, TOKEN CORRUPT", "the bytes of the token are not right"],
  [0x052307, "INVALID TOKEN OPERATION, TOKEN EXPIRED", "the token was not used for too long"],
  [
    0x052308,
    "INVALID TOKEN OPERATION, TOKEN CANCELLED",
    "blocks that the token stands for were written to",
  ],
  [0x052309, "INVALID TOKEN OPERATION, TOKEN DELETED", "the token was deleted by an initiator"],
  [
    0x05230a,
    "INVALID TOKEN OPERATION, INVALID TOKEN LENGTH",
    "the token's length is not that of a ROD token",
  ],
  [0x052400, "INVALID FIELD IN CDB", "a field of the CDB; the field pointer says which"],
  [0x052500, "LOGICAL UNIT NOT SUPPORTED", "there is no such LUN"],
  [
    0x052600,
    "INVALID FIELD IN PARAMETER LIST",
    "a field of the parameter list; the field pointer says which",
  ],
  [
    0x052604,
    "INVALID RELEASE OF PERSISTENT RESERVATION",
    "PERSISTENT RESERVE OUT, RELEASE of another type or scope",
  ],
  [0x052606, "TOO MANY TARGET DESCRIPTORS", "EXTENDED COPY with too many CSCD descriptors"],
  [
    0x052607,
    "UNSUPPORTED TARGET DESCRIPTOR TYPE CODE",
    "EXTENDED COPY with an unknown CSCD descriptor",
  ],
  [0x052608, "TOO MANY SEGMENT DESCRIPTORS", "too many segment or range descriptors"],
  [
    0x052609,
    "UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE",
    "EXTENDED COPY with an unknown segment descriptor",
  ],
  [0x05260b, "INLINE DATA LENGTH EXCEEDED", "EXTENDED COPY with inline data"],
  [
    0x05260c,
    "INVALID OPERATION FOR COPY SOURCE OR DESTINATION",
    "WRITE USING TOKEN to blocks that the token stands for",
  ],
  [0x05260d, "COPY SEGMENT GRANULARITY VIOLATION", "a segment that is not whole blocks"],
  [0x052c0c, "ORWRITE GENERATION DOES NOT MATCH", "ORWRITE(32): EXPECTED ORWGENERATION is not 0"],
  [0x053900, "SAVING PARAMETERS NOT SUPPORTED", "LOG SENSE with SP: log parameters are not saved"],
  [0x055302, "MEDIUM REMOVAL PREVENTED", "eject or load while an initiator prevents it"],
  [0x055504, "INSUFFICIENT REGISTRATION RESOURCES", "more registrations than there may be"],
  [0x05550c, "INSUFFICIENT RESOURCES TO CREATE ROD", "more tokens than there may be"],
  [0x062800, "NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED", "a medium was put in"],
  [
    0x062900,
    "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED",
    "power on, reset or bus device reset",
  ],
  [0x062902, "SCSI BUS RESET OCCURRED", "TARGET WARM RESET or COLD RESET"],
  [0x062903, "BUS DEVICE RESET FUNCTION OCCURRED", "LOGICAL UNIT RESET"],
  [0x062907, "I_T NEXUS LOSS OCCURRED", "the session was lost"],
  [0x062a01, "MODE PARAMETERS CHANGED", "another initiator's MODE SELECT"],
  [0x062a02, "LOG PARAMETERS CHANGED", "another initiator's LOG SELECT"],
  [0x062a03, "RESERVATIONS PREEMPTED", "PERSISTENT RESERVE OUT, CLEAR of another initiator"],
  [0x062a04, "RESERVATIONS RELEASED", "a reservation was released by another initiator"],
  [0x062a05, "REGISTRATIONS PREEMPTED", "the registration was preempted"],
  [
    0x062a06,
    "ASYMMETRIC ACCESS STATE CHANGED",
    "the access state of the target port group has changed",
  ],
  [0x062a09, "CAPACITY DATA HAS CHANGED", "the unit was resized"],
  [0x062f00, "COMMANDS CLEARED BY ANOTHER INITIATOR", "another initiator's CLEAR TASK SET"],
  [
    0x063807,
    "THIN PROVISIONING SOFT THRESHOLD REACHED",
    "a threshold of logical block provisioning was reached",
  ],
  [0x063f03, "INQUIRY DATA HAS CHANGED", "another version of the handler can do more, or less"],
  [0x063f0e, "REPORTED LUNS DATA HAS CHANGED", "a LUN was added or removed"],
  [0x072700, "WRITE PROTECTED", "the volume, or the operator, has the unit write protected"],
  [0x072702, "LOGICAL UNIT SOFTWARE WRITE PROTECTED", "SWP of the Control mode page"],
  [0x072707, "SPACE ALLOCATION FAILED WRITE PROTECT", "the handler has no room left"],
  [0x0a0000, "NO ADDITIONAL SENSE INFORMATION", "a segment goes beyond the end of a medium"],
  [0x0a0804, "UNREACHABLE COPY TARGET", "a segment names a CSCD descriptor that is not there"],
  [
    0x0a0d01,
    "THIRD PARTY DEVICE FAILURE",
    "an end of the copy could not do its part; its own sense data come with it",
  ],
  [
    0x0a0d02,
    "COPY TARGET DEVICE NOT REACHABLE",
    "an end of the copy is not there, or the operator does not let copies reach it",
  ],
  [0x0a0d03, "INCORRECT COPY TARGET DEVICE TYPE", "an end of the copy is no disk"],
  [
    0x0a0d04,
    "COPY TARGET DEVICE DATA UNDERRUN",
    "the token stands for less than was asked for; INFORMATION is what was written",
  ],
  [
    0x0a2308,
    "INVALID TOKEN OPERATION, TOKEN CANCELLED",
    "blocks that the token stands for were written to, amid the copy",
  ],
  [
    0x0a2600,
    "INVALID FIELD IN PARAMETER LIST",
    "a field of a segment; the segment pointer says which",
  ],
  [0x0a260a, "UNEXPECTED INEXACT SEGMENT", "a segment that is not whole blocks"],
  [
    0x0a260d,
    "COPY SEGMENT GRANULARITY VIOLATION",
    "a segment with offset that is not whole blocks",
  ],
  [0x0a2f02, "COMMANDS CLEARED BY DEVICE SERVER", "the copy was aborted"],
  [0x0b1001, "LOGICAL BLOCK GUARD CHECK FAILED", "protection information: the guard is wrong"],
  [
    0x0b1002,
    "LOGICAL BLOCK APPLICATION TAG CHECK FAILED",
    "protection information: the application tag is wrong",
  ],
  [
    0x0b1003,
    "LOGICAL BLOCK REFERENCE TAG CHECK FAILED",
    "protection information: the reference tag is wrong",
  ],
  [0x0b4900, "INVALID MESSAGE ERROR", "a task attribute that is not there (ACA)"],
  [
    0x0e1d00,
    "MISCOMPARE DURING VERIFY OPERATION",
    "VERIFY: INFORMATION is the first block that differs; COMPARE AND WRITE: the first byte of the data-out",
  ],
];

/** Triples that have a line. */
export function explainedSenses(): ReadonlySet<number> {
  return new Set(MEANINGS.map(([sense]) => sense));
}

/** All triples, in ascending order. */
export function senseTable(): string {
  const rows = MEANINGS.map(([sense, name, when]) => [
    triple(sense),
    KEYS[sense >>> 16] ?? "",
    name,
    when,
  ]);
  return table(["Sense", "Key", "Additional sense code", "When"], rows);
}
