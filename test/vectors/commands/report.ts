/** What a unit says of itself beyond INQUIRY: commands, ports, LUNs. */
import { badField, badParameter, type Step, vectorsOf } from "../vector.ts";

/** SET TARGET PORT GROUPS to an ASYMMETRIC ACCESS STATE. */
function setState(state: string, group = "1234"): Step {
  return { cdb: "a4 0a 00000000 00000008 00 00", dataOut: `00000000 ${state} 00 ${group}` };
}
const STANDBY = setState("02");

export const reportVectors = [
  ...vectorsOf("REPORT LUNS", "SPC-4 6.33", [
    {
      what: "all",
      cdb: "a0 00 00 000000 00000010 00 00",
      before: { state: "no-medium" },
      dataIn: "00000008 00000000 0000000000000000",
    },
    {
      what: "well known logical units",
      cdb: "a0 00 01 000000 00000010 00 00",
      dataIn: "00000000 00000000",
    },
    {
      what: "reserved SELECT REPORT",
      cdb: "a0 00 03 000000 00000010 00 00",
      ...badField("c0 0002"),
    },
  ]),
  ...vectorsOf("REPORT TARGET PORT GROUPS", "SPC-4 6.37", [
    {
      what: "one group, one port",
      cdb: "a3 0a 00000000 000000ff 00 00",
      unit: "ported",
      dataIn: "0000000c 80 0f 1234 00 00 00 01 0000 0001",
    },
    {
      what: "extended header",
      cdb: "a3 2a 00000000 000000ff 00 00",
      unit: "ported",
      dataIn: "00000010 10 00 0000 80 0f 1234 00 00 00 01 0000 0001",
    },
    {
      what: "standby",
      cdb: "a3 0a 00000000 000000ff 00 00",
      unit: "ported",
      before: { accessState: 2 },
      dataIn: "0000000c 82 0f 1234 00 00 00 01 0000 0001",
    },
    {
      what: "changed by command",
      cdb: "a3 0a 00000000 000000ff 00 00",
      unit: "ported",
      before: { steps: [STANDBY] },
      dataIn: "0000000c 82 0f 1234 00 01 00 01 0000 0001",
    },
    {
      what: "reserved format",
      cdb: "a3 4a 00000000 000000ff 00 00",
      unit: "ported",
      ...badField("cf 0001"),
    },
    {
      what: "no port: not supported",
      cdb: "a3 0a 00000000 000000ff 00 00",
      ...badField("cc 0001"),
    },
    {
      what: "answers on a port that is unavailable",
      cdb: "a3 0a 00000000 00000006 00 00",
      unit: "ported",
      before: { accessState: 3 },
      dataIn: "0000000c [state:2]",
    },
  ]),
  ...vectorsOf("SET TARGET PORT GROUPS", "SPC-4 6.45", [
    {
      what: "standby: reads are refused",
      ...STANDBY,
      unit: "ported",
      then: [{ cdb: "28 00 00000003 00 0001 00", sense: "02 04 0b" }],
    },
    {
      what: "and back",
      ...setState("00"),
      unit: "ported",
      before: { steps: [STANDBY] },
      then: [{ cdb: "28 00 00000003 00 0001 00", dataIn: "03*512" }],
    },
    {
      what: "another initiator is told",
      ...setState("01"),
      unit: "ported",
      then: [{ cdb: "00 00 00 00 00 00", room: 0, by: "b", sense: "06 2a 06" }],
    },
    { what: "nothing to transfer", cdb: "a4 0a 00000000 00000000 00 00", unit: "ported" },
    {
      what: "offline cannot be asked for",
      ...setState("0e"),
      unit: "ported",
      ...badParameter("8b 0004"),
    },
    {
      what: "another group",
      ...setState("02", "1235"),
      unit: "ported",
      ...badParameter("80 0006"),
    },
    {
      what: "a descriptor that is cut off",
      cdb: "a4 0a 00000000 00000006 00 00",
      dataOut: "00000000 0200",
      unit: "ported",
      ...badField("c0 0006"),
    },
    { what: "no port: not supported", ...STANDBY, sense: "05 20 00" },
    { what: "NACA", cdb: "a4 0a 00000000 00000000 00 04", unit: "ported", ...badField("ca 000b") },
  ]),
  ...vectorsOf("REPORT SUPPORTED OPERATION CODES", "SPC-4 6.35", [
    {
      what: "one command, 001b",
      cdb: "a3 0c 01 28 0000 000000ff 00 00",
      dataIn: "00 03 000a 28 f8 ffffffff 00 ffff 04",
    },
    {
      what: "service action, 010b",
      cdb: "a3 0c 02 9e 0010 000000ff 00 00",
      dataIn: "00 03 0010 9e 10 ffffffffffffffff ffffffff 01 04",
    },
    {
      what: "variable length, 010b",
      cdb: "a3 0c 02 7f 000d 000000ff 00 00",
      dataIn:
        "00 03 0020 7f 04 00000000 00 18 000d f9 00 ffffffffffffffff 00000000 0000 0000 ffffffff",
    },
    {
      what: "one command with RCTD: a second, ten at most",
      cdb: "a3 0c 81 00 0000 000000ff 00 00",
      dataIn: "00 83 0006 00 00 00 00 00 04 000a 00 00 00000001 0000000a",
    },
    {
      what: "all commands: the length is that of the list",
      cdb: "a3 0c 00 00 0000 00000004 00 00",
      dataIn: "[length:4]",
    },
    {
      what: "011b, without service action",
      cdb: "a3 0c 03 12 0000 000000ff 00 00",
      dataIn: "00 03 0006 12 01 ff ffff 04",
    },
    {
      what: "011b, with service action",
      cdb: "a3 0c 03 a3 000d 000000ff 00 00",
      dataIn: "00 03 000c a3 0d 80 000000 ffffffff 00 04",
    },
    {
      what: "011b, a service action of a code that has none",
      cdb: "a3 0c 03 12 0001 000000ff 00 00",
      dataIn: "00 01 0000",
    },
    {
      what: "not supported: unknown",
      cdb: "a3 0c 01 c1 0000 000000ff 00 00",
      dataIn: "00 01 0000",
    },
    {
      what: "not supported: UNMAP of a unit without",
      cdb: "a3 0c 01 42 0000 000000ff 00 00",
      unit: "plain",
      dataIn: "00 01 0000",
    },
    {
      what: "001b of a code with service actions",
      cdb: "a3 0c 01 9e 0010 000000ff 00 00",
      ...badField("ca 0002"),
    },
    {
      what: "010b of a code without",
      cdb: "a3 0c 02 28 0000 000000ff 00 00",
      ...badField("ca 0002"),
    },
    { what: "reserved option", cdb: "a3 0c 04 28 0000 000000ff 00 00", ...badField("ca 0002") },
  ]),
  ...vectorsOf("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "SPC-4 6.36", [
    {
      what: "ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET",
      cdb: "a3 0d 00 000000 00000004 00 00",
      dataIn: "d8 00 00 00",
    },
    { what: "REPD", cdb: "a3 0d 80 000000 00000010 00 00", dataIn: "d8 00 00 0c 00*12" },
    { what: "cut to 2", cdb: "a3 0d 00 000000 00000002 00 00", dataIn: "[functions:2]" },
    { what: "NACA", cdb: "a3 0d 00 000000 00000004 00 04", ...badField("ca 000b") },
  ]),
  ...vectorsOf("SEND DIAGNOSTIC", "SPC-4 6.42", [
    { what: "default self-test", cdb: "1d 04 00 0000 00" },
    { what: "background self-test", cdb: "1d 20 00 0000 00", ...badField("cf 0001") },
    {
      what: "the list of diagnostic pages is asked for",
      cdb: "1d 10 00 0004 00",
      dataOut: "00 00 0000",
    },
    {
      what: "another diagnostic page",
      cdb: "1d 10 00 0004 00",
      dataOut: "3f 00 0000",
      ...badParameter("80 0000"),
    },
    {
      what: "a page that is cut off",
      cdb: "1d 10 00 0002 00",
      dataOut: "00 00",
      sense: "05 1a 00",
    },
    {
      what: "a list without PF",
      cdb: "1d 00 00 0004 00",
      dataOut: "00 00 0000",
      ...badField("cc 0001"),
    },
    {
      what: "a list with a self-test",
      cdb: "1d 04 00 0004 00",
      dataOut: "00 00 0000",
      ...badField("c0 0003"),
    },
    { what: "NACA", cdb: "1d 04 00 0000 04", ...badField("ca 0005") },
  ]),
  ...vectorsOf("RECEIVE DIAGNOSTIC RESULTS", "SPC-4 6.28", [
    { what: "pages", cdb: "1c 01 00 00ff 00", dataIn: "00 00 0001 00" },
    {
      what: "what the last SEND DIAGNOSTIC asked for",
      cdb: "1c 00 00 00ff 00",
      dataIn: "00 00 0001 00",
    },
    { what: "another page", cdb: "1c 01 3f 00ff 00", ...badField("c0 0002") },
    { what: "NACA", cdb: "1c 01 00 00ff 04", ...badField("ca 0005") },
  ]),
];
