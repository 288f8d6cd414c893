/** What a unit says of itself beyond INQUIRY: commands, ports, LUNs. */
import { badField, badParameter, vectorsOf } from "../vector.ts";

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
