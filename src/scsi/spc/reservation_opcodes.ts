import type { OperationCode } from "../opcode.ts";
import { bytes, field, naca } from "../opcode.ts";

/** Service actions of PERSISTENT RESERVE IN (SPC-4 6.15). */
const reserveIn: readonly (readonly [number, string])[] = [
  [0x00, "READ KEYS"],
  [0x01, "READ RESERVATION"],
  [0x02, "REPORT CAPABILITIES"],
  [0x03, "READ FULL STATUS"],
];

/** Service actions of PERSISTENT RESERVE OUT (SPC-4 6.16), and whether SCOPE and TYPE count. */
const reserveOut: readonly (readonly [number, string, boolean])[] = [
  [0x00, "REGISTER", false],
  [0x01, "RESERVE", true],
  [0x02, "RELEASE", true],
  [0x03, "CLEAR", false],
  [0x04, "PREEMPT", true],
  [0x05, "PREEMPT AND ABORT", true],
  [0x06, "REGISTER AND IGNORE EXISTING KEY", false],
  [0x07, "REGISTER AND MOVE", false],
];

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

const persistentReserveIn: readonly OperationCode[] = reserveIn.map(([serviceAction, action]) => ({
  name: `PERSISTENT RESERVE IN, ${action}`,
  code: 0x5e,
  serviceAction,
  cdbLength: 10,
  clause: "SPC-4 6.15",
  commandClass: "OTHER",
  direction: "in",
  allocation: field(7, 2),
  usage: bytes(`5e ${hex(serviceAction)} 00 00 00 00 00 ffff 04`),
  refused: [naca(9)],
  answeredBy: "target core",
  replay: "always",
}));

const persistentReserveOut: readonly OperationCode[] = reserveOut.map(
  ([serviceAction, action, typed]) => ({
    name: `PERSISTENT RESERVE OUT, ${action}`,
    code: 0x5f,
    serviceAction,
    cdbLength: 10,
    clause: "SPC-4 6.16",
    commandClass: "OTHER",
    direction: "out",
    allocation: field(5, 4),
    usage: bytes(`5f ${hex(serviceAction)} ${typed ? "ff" : "00"} 00 00 ffffffff 04`),
    refused: [naca(9)],
    answeredBy: "target core",
    replay: "never",
  }),
);

/** 3RDPTY and LONGID: reservations for others, obsolete since SPC-2 has PERSISTENT RESERVE. */
const THIRD_PARTY = { offset: 1, mask: 0x12 };

function reserve6(name: string, code: number, clause: string): OperationCode {
  return {
    name,
    code,
    cdbLength: 6,
    clause,
    commandClass: "OTHER",
    direction: "none",
    usage: bytes(`${hex(code)} 00 00 00 00 04`),
    refused: [naca(5)],
    answeredBy: "target core",
    replay: "never",
  };
}

function reserve10(name: string, code: number, clause: string): OperationCode {
  return {
    name,
    code,
    cdbLength: 10,
    clause,
    commandClass: "OTHER",
    direction: "none",
    usage: bytes(`${hex(code)} 12 00 00 00 00 00 00 00 04`),
    refused: [naca(9), THIRD_PARTY],
    answeredBy: "target core",
    replay: "never",
  };
}

/**
 * Reservations belong to I_T nexuses, which a logical unit does not know: the target core above it
 * answers, and a unit without one does not have these commands.
 */
export const reservationCommands: readonly OperationCode[] = [
  ...persistentReserveIn,
  ...persistentReserveOut,
  reserve6("RESERVE(6)", 0x16, "SPC-2 7.22"),
  reserve6("RELEASE(6)", 0x17, "SPC-2 7.17"),
  reserve10("RESERVE(10)", 0x56, "SPC-2 7.21"),
  reserve10("RELEASE(10)", 0x57, "SPC-2 7.16"),
];
