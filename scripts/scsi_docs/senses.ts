/** Sense codes in words: what they are called by SPC-4, and when an initiator sees them here. */
import { CopySense } from "../../src/scsi/copy/sense.ts";
import { Sense } from "../../src/scsi/sense.ts";
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

/** By triple. What the device server can say and has no line here is found by a test. */
const MEANINGS: Readonly<Record<number, string>> = {
  0x000000: "REQUEST SENSE: nothing is wrong",
  0x020400: "the handler says that it is not ready",
  0x020401: "the handler is starting",
  0x020404: "FORMAT UNIT goes on; with progress indication",
  0x02040a: "the access state of the target port group changes",
  0x02040b: "the target port group is in standby",
  0x02040c: "the target port group is unavailable",
  0x02041b: "SANITIZE goes on; with progress indication",
  0x023a00: "the medium was ejected, or a volatile volume has lost its content",
  0x030c00: "the handler could not write; INFORMATION is the LBA where it is known",
  0x031100: "the handler could not read; INFORMATION is the LBA where it is known",
  0x033101: "FORMAT UNIT has failed, or was cut off by a restart: format again",
  0x033103:
    "SANITIZE has failed, or was cut off by a restart: sanitize again, or EXIT FAILURE MODE",
  0x040800: "the handler ended in a command that must not be repeated",
  0x044400: "a bug of the handler, or state that could not be kept",
  0x050016: "a copy with this list identifier goes on",
  0x050d04: "nothing could be copied, for the token stands for nothing there",
  0x050e03: "the initiator sent less data than the command needs",
  0x051a00: "a parameter list is shorter than its header, or cut off",
  0x052000: "the unit does not have this command",
  0x052100: "blocks beyond the end; nothing is transferred",
  0x052300: "the token cannot be used for this",
  0x052301: "a token of a type that is not served",
  0x052304: "nobody here has made this token",
  0x052305: "the bytes of the token are not right",
  0x052306: "the token was revoked",
  0x052307: "the token was not used for too long",
  0x052308: "blocks that the token stands for were written to",
  0x052309: "the token was deleted by an initiator",
  0x05230a: "the token's length is not that of a ROD token",
  0x052400: "a field of the CDB; the field pointer says which",
  0x052600: "a field of the parameter list; the field pointer says which",
  0x052602: "a value of the parameter list that cannot be",
  0x052604: "PERSISTENT RESERVE OUT, RELEASE of another type or scope",
  0x052606: "EXTENDED COPY with too many CSCD descriptors",
  0x052607: "EXTENDED COPY with an unknown CSCD descriptor",
  0x052608: "too many segment or range descriptors",
  0x052609: "EXTENDED COPY with an unknown segment descriptor",
  0x05260b: "EXTENDED COPY with inline data",
  0x05260c: "WRITE USING TOKEN to blocks that the token stands for",
  0x05260d: "a segment that is not whole blocks",
  0x052c00: "commands in an order that makes no sense",
  0x052c0c: "ORWRITE(32): EXPECTED ORWGENERATION is not 0",
  0x053900: "LOG SENSE with SP: log parameters are not saved",
  0x055302: "eject or load while an initiator prevents it",
  0x055303: "no resources",
  0x055503: "no resources",
  0x055504: "more registrations than there may be",
  0x05550c: "more tokens than there may be",
  0x062800: "a medium was put in",
  0x062900: "power on, reset or bus device reset",
  0x062901: "first command after login",
  0x062902: "TARGET WARM RESET or COLD RESET",
  0x062903: "LOGICAL UNIT RESET",
  0x062907: "the session was lost",
  0x062a01: "another initiator's MODE SELECT",
  0x062a02: "another initiator's LOG SELECT",
  0x062a03: "PERSISTENT RESERVE OUT, CLEAR of another initiator",
  0x062a04: "a reservation was released by another initiator",
  0x062a05: "the registration was preempted",
  0x062a06: "the access state of the target port group has changed",
  0x062a09: "the unit was resized",
  0x062f00: "another initiator's CLEAR TASK SET",
  0x063807: "a threshold of logical block provisioning was reached",
  0x063f03: "INQUIRY data have changed",
  0x063f0e: "a LUN was added or removed",
  0x065a01: "the operator wants the medium out",
  0x072700: "the volume, or the operator, has the unit write protected",
  0x072702: "SWP of the Control mode page",
  0x072707: "the handler has no room left",
  0x0a0000: "a segment beyond the end of a medium",
  0x0a0804: "a segment names a CSCD descriptor that is not there",
  0x0a0d01: "an end of the copy could not do its part; its own sense data come with it",
  0x0a0d02: "an end of the copy is not there, or the operator does not let copies reach it",
  0x0a0d03: "an end of the copy is no disk",
  0x0a0d04: "the token stands for less than was asked for; INFORMATION is what was written",
  0x0a0d05: "an end of the copy has no room for all",
  0x0a2308: "blocks that the token stands for were written to, amid the copy",
  0x0a2600: "a field of a segment; the segment pointer says which",
  0x0a260a: "a segment that is not whole blocks",
  0x0a260d: "a segment with offset that is not whole blocks",
  0x0a2f02: "the copy was aborted",
  0x0b1001: "protection information: the guard is wrong",
  0x0b1002: "protection information: the application tag is wrong",
  0x0b1003: "protection information: the reference tag is wrong",
  0x0e1d00: "VERIFY, COMPARE AND WRITE: INFORMATION is the first byte of the data-out that differs",
};

/** Names of the triples that can be said, one each. */
function names(): Map<number, string> {
  const named = [...Object.entries(Sense), ...Object.entries(CopySense)];
  return new Map(named.reverse().map(([name, sense]) => [sense, name.replaceAll("_", " ")]));
}

/** Triples that no line explains: for a test. */
export function sensesWithoutMeaning(): string[] {
  return [...names()].filter(([sense]) => MEANINGS[sense] === undefined)
    .map(([sense, name]) => `${triple(sense)} ${name}`);
}

/** All triples, in ascending order. */
export function senseTable(): string {
  const rows = [...names()].sort(([a], [b]) => a - b).map(([sense, name]) => [
    triple(sense),
    KEYS[sense >>> 16] ?? "",
    name,
    MEANINGS[sense] ?? "",
  ]);
  return table(["Sense", "Key", "Additional sense code", "When"], rows);
}
