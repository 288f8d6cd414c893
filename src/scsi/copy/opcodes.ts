import { bytes, field, naca } from "../opcode.ts";
import type { OperationCode } from "../opcode.ts";

/** What the commands of third-party copy have in common. */
const COPY = {
  cdbLength: 16,
  commandClass: "OTHER",
  refused: [naca(15)],
  answeredBy: "device server",
} as const;

/** Third-party copy OUT (83h): they begin copies, which go on where a handler's crash met them. */
const COPY_OUT = {
  ...COPY,
  code: 0x83,
  direction: "out",
  allocation: field(10, 4),
  replay: "resume",
} as const;

/** Third-party copy IN (84h): they tell what became of copies. */
const COPY_IN = {
  ...COPY,
  code: 0x84,
  direction: "in",
  allocation: field(10, 4),
  replay: "always",
} as const;

/** Third-party copy (SPC-4 5.17, SBC-4 4.28). */
export const copyCommands: readonly OperationCode[] = [
  {
    ...COPY_OUT,
    name: "EXTENDED COPY(LID1)",
    serviceAction: 0x00,
    clause: "SPC-4 6.5",
    usage: bytes("83 00 0000000000000000 ffffffff 00 04"),
  },
  {
    ...COPY_OUT,
    name: "POPULATE TOKEN",
    serviceAction: 0x10,
    clause: "SBC-4 5.12",
    usage: bytes("83 10 00000000 ffffffff ffffffff 00 04"),
    exclusive: true,
  },
  {
    ...COPY_OUT,
    name: "WRITE USING TOKEN",
    serviceAction: 0x11,
    clause: "SBC-4 5.59",
    usage: bytes("83 11 00000000 ffffffff ffffffff 00 04"),
  },
  {
    ...COPY,
    name: "COPY OPERATION ABORT",
    code: 0x83,
    serviceAction: 0x1c,
    clause: "SPC-4 6.3",
    direction: "none",
    usage: bytes("83 1c ffffffff 000000000000000000 04"),
    replay: "always",
  },
  {
    ...COPY_IN,
    name: "RECEIVE COPY STATUS(LID1)",
    serviceAction: 0x00,
    clause: "SPC-4 6.25",
    usage: bytes("84 00 ff 00000000000000 ffffffff 00 04"),
  },
  {
    ...COPY_IN,
    name: "RECEIVE COPY OPERATING PARAMETERS",
    serviceAction: 0x03,
    clause: "SPC-4 6.22",
    usage: bytes("84 03 0000000000000000 ffffffff 00 04"),
  },
  {
    ...COPY_IN,
    name: "RECEIVE COPY FAILURE DETAILS(LID1)",
    serviceAction: 0x04,
    clause: "SPC-4 6.23",
    usage: bytes("84 04 ff 00000000000000 ffffffff 00 04"),
  },
  {
    ...COPY_IN,
    name: "RECEIVE COPY STATUS(LID4)",
    serviceAction: 0x05,
    clause: "SPC-4 6.24",
    usage: bytes("84 05 ffffffff 00000000 ffffffff 00 04"),
  },
  {
    ...COPY_IN,
    name: "RECEIVE ROD TOKEN INFORMATION",
    serviceAction: 0x07,
    clause: "SPC-4 6.26",
    usage: bytes("84 07 ffffffff 00000000 ffffffff 00 04"),
  },
  {
    ...COPY_IN,
    name: "REPORT ALL ROD TOKENS",
    serviceAction: 0x08,
    clause: "SPC-4 6.31",
    usage: bytes("84 08 0000000000000000 ffffffff 00 04"),
  },
];
