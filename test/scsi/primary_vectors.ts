/** Vectors of the commands of SPC-4. The unit is `makeUnit()` of `driver.ts`. */
import { badField, GOOD, NO_MEDIUM, type Vector } from "./vector.ts";

const PORT = { relative_target_port: 1, target_port_group: 0x1234 };
/** "LUNETTE ", "disk0" and "0001", padded. */
const VENDOR = "4c 55 4e 45 54 54 45 20";
const PRODUCT = "64 69 73 6b 30 20 20 20 20 20 20 20 20 20 20 20";
const SERIAL = "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66";
const PAGE_01 = "81 0a 80 00 00 00 00 00 00 00 00 00";
const PAGE_08 = "88 12 04 00 00000000 00000000 00000000 00000000";
const PAGE_0A = "8a 0a 02 10 00 00 00 00 ff ff 00 00";
const PAGE_1C = "9c 0a 08 00 00 00 00 00 00 00 00 00";
const PAGE_0A_01 = `ca 01 001c ${"00".repeat(28)}`;
const DESCRIPTOR = "00000040 00 000200";
const NO_CACHE = { writable: true, discard: true, writeZeroes: true, writeCache: false };

export const primaryVectors: readonly Vector[] = [
  // SPC-4 6.47
  { row: "TEST UNIT READY", what: "ready", cdb: "00 00 00 00 00 00", expect: GOOD },
  {
    row: "TEST UNIT READY",
    what: "medium gone",
    cdb: "00 00 00 00 00 00",
    setup: { state: "no-medium" },
    expect: NO_MEDIUM,
  },
  {
    row: "TEST UNIT READY",
    what: "handler starting",
    cdb: "00 00 00 00 00 00",
    setup: { state: "becoming-ready" },
    expect: { sense: "02 04 01" },
  },
  {
    row: "TEST UNIT READY",
    what: "NACA",
    cdb: "00 00 00 00 00 04",
    expect: badField("ca 0005"),
  },
  {
    row: "TEST UNIT READY",
    what: "unit attention",
    cdb: "00 00 00 00 00 00",
    setup: { attention: 0x062a09 },
    expect: { sense: "06 2a 09" },
  },
  // SPC-4 6.39
  {
    row: "REQUEST SENSE",
    what: "nothing, fixed format",
    cdb: "03 00 00 00 fc 00",
    expect: { dataIn: "70 00 00 00000000 0a 00000000 00 00 00 000000" },
  },
  {
    row: "REQUEST SENSE",
    what: "DESC, allocation length 255",
    cdb: "03 01 00 00 ff 00",
    expect: { dataIn: "72 00 00 00 00 00 00 00" },
  },
  {
    row: "REQUEST SENSE",
    what: "unit attention is returned as data",
    cdb: "03 01 00 00 ff 00",
    setup: { attention: 0x062a09 },
    expect: { dataIn: "72 06 2a 09 00 00 00 00" },
  },
  {
    row: "REQUEST SENSE",
    what: "medium gone",
    cdb: "03 00 00 00 12 00",
    setup: { state: "no-medium" },
    expect: { dataIn: "70 00 02 00000000 0a 00000000 3a 00 00 000000" },
  },
  {
    row: "REQUEST SENSE",
    what: "allocation length 4",
    cdb: "03 00 00 00 04 00",
    expect: { dataIn: "70 00 00 00" },
  },
  { row: "REQUEST SENSE", what: "NACA", cdb: "03 00 00 00 12 04", expect: badField("ca 0005") },
  // SPC-4 6.6
  {
    row: "INQUIRY",
    what: "standard data, all",
    cdb: "12 00 00 0060 00",
    expect: {
      dataIn: `00 00 06 12 5b 00 00 02 ${VENDOR} ${PRODUCT} 30303031` +
        "0000000000000000000000000000000000000000 00 00 00a0 0460 04c0" + "00".repeat(32),
    },
  },
  {
    row: "INQUIRY",
    what: "standard data, cut at 5",
    cdb: "12 00 00 0005 00",
    expect: { dataIn: "00 00 06 12 5b" },
  },
  {
    row: "INQUIRY",
    what: "TPGS with a port",
    cdb: "12 00 00 0006 00",
    setup: { unit: { port: PORT } },
    expect: { dataIn: "00 00 06 12 5b 10" },
  },
  {
    row: "INQUIRY",
    what: "answers without medium and keeps a unit attention",
    cdb: "12 00 00 0005 00",
    setup: { state: "no-medium", attention: 0x062900 },
    expect: { dataIn: "00 00 06 12 5b" },
  },
  {
    row: "INQUIRY",
    what: "allocation length 0",
    cdb: "12 00 00 0000 00",
    expect: { dataIn: "" },
  },
  {
    row: "INQUIRY",
    what: "page code without EVPD",
    cdb: "12 00 01 00ff 00",
    expect: badField("c0 0002"),
  },
  { row: "INQUIRY", what: "CMDDT", cdb: "12 02 00 00ff 00", expect: badField("c9 0001") },
  { row: "INQUIRY", what: "no such page", cdb: "12 01 c7 00ff 00", expect: badField("c0 0002") },
  {
    row: "INQUIRY",
    what: "VPD 00h in descriptor format sense: page 81h",
    cdb: "12 01 81 00ff 00",
    setup: { descriptorSense: true },
    expect: badField("c0 0002"),
  },
  {
    row: "INQUIRY",
    what: "VPD 00h",
    cdb: "12 01 00 00ff 00",
    expect: { dataIn: "00 00 0007 00 80 83 86 b0 b1 b2" },
  },
  {
    row: "INQUIRY",
    what: "VPD 80h",
    cdb: "12 01 80 00ff 00",
    expect: { dataIn: `00 80 0010 ${SERIAL}` },
  },
  {
    row: "INQUIRY",
    what: "VPD 83h",
    cdb: "12 01 83 00ff 00",
    expect: {
      dataIn: "00 83 0038 01 03 00 08 33 9a a2 2a ed 84 70 f3" +
        `02 01 00 28 ${VENDOR} ${PRODUCT} ${SERIAL}`,
    },
  },
  {
    row: "INQUIRY",
    what: "VPD 83h with a port",
    cdb: "12 01 83 00ff 00",
    setup: { unit: { port: PORT } },
    expect: {
      dataIn: "00 83 0048 01 03 00 08 33 9a a2 2a ed 84 70 f3" +
        `02 01 00 28 ${VENDOR} ${PRODUCT} ${SERIAL}` +
        "01 14 00 04 0000 0001 01 15 00 04 0000 1234",
    },
  },
  {
    row: "INQUIRY",
    what: "VPD 86h: SIMPSUP, V_SUP",
    cdb: "12 01 86 00ff 00",
    expect: { dataIn: `00 86 003c 00 01 01 ${"00".repeat(57)}` },
  },
  {
    row: "INQUIRY",
    what: "VPD 86h: task attributes kept by the target core, no cache",
    cdb: "12 01 86 0008 00",
    setup: { unit: { orderedTasks: true, features: NO_CACHE } },
    expect: { dataIn: "00 86 003c 00 07 00 00" },
  },
  {
    row: "INQUIRY",
    what: "VPD B0h",
    cdb: "12 01 b0 00ff 00",
    expect: {
      dataIn: "00 b0 003c 01 ff 0001 00002000 00000000 00000000" +
        `00100000 00000100 00000008 00000000 0000000000008000 ${"00".repeat(20)}`,
    },
  },
  {
    row: "INQUIRY",
    what: "VPD B0h: no UNMAP",
    cdb: "12 01 b0 0024 00",
    setup: { unit: { features: { ...NO_CACHE, discard: false } } },
    expect: {
      dataIn:
        "00 b0 003c 01 ff 0001 00002000 00000000 00000000 00000000 00000000 00000000 00000000",
    },
  },
  {
    row: "INQUIRY",
    what: "VPD B1h: non-rotating",
    cdb: "12 01 b1 00ff 00",
    expect: { dataIn: `00 b1 003c 0001 ${"00".repeat(58)}` },
  },
  {
    row: "INQUIRY",
    what: "VPD B2h: LBPU, LBPWS, LBPWS10, LBPRZ, thin",
    cdb: "12 01 b2 00ff 00",
    expect: { dataIn: "00 b2 0004 00 e4 02 00" },
  },
  {
    row: "INQUIRY",
    what: "VPD B2h: no UNMAP",
    cdb: "12 01 b2 00ff 00",
    setup: { unit: { features: { ...NO_CACHE, discard: false } } },
    expect: { dataIn: "00 b2 0004 00 00 00 00" },
  },
  // SPC-4 6.11
  {
    row: "MODE SENSE(6)",
    what: "all pages",
    cdb: "1a 00 3f 00 ff 00",
    expect: { dataIn: `43 00 10 08 ${DESCRIPTOR} ${PAGE_01} ${PAGE_08} ${PAGE_0A} ${PAGE_1C}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "all pages and subpages, DBD",
    cdb: "1a 08 3f ff ff 00",
    expect: { dataIn: `5b 00 10 00 ${PAGE_01} ${PAGE_08} ${PAGE_0A} ${PAGE_0A_01} ${PAGE_1C}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "Caching, write protected, without medium",
    cdb: "1a 08 08 00 ff 00",
    setup: { unit: { features: { ...NO_CACHE, writable: false } }, state: "no-medium" },
    expect: { dataIn: `17 00 90 00 ${PAGE_08.replace("04", "00")}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "Caching, changeable: WCE",
    cdb: "1a 08 48 00 ff 00",
    expect: { dataIn: `17 00 10 00 ${PAGE_08}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "Caching, changeable: nothing where there is no cache",
    cdb: "1a 08 48 00 ff 00",
    setup: { unit: { features: NO_CACHE } },
    expect: { dataIn: `17 00 10 00 ${PAGE_08.replace("04", "00")}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "Control, changeable: D_SENSE, SWP",
    cdb: "1a 08 4a 00 ff 00",
    expect: { dataIn: "0f 00 10 00 8a 0a 04 00 08 00 00 00 00 00 00 00" },
  },
  {
    row: "MODE SENSE(6)",
    what: "Control, default, whatever is current",
    cdb: "1a 08 8a 00 ff 00",
    setup: { softwareWriteProtect: true, descriptorSense: true },
    expect: { dataIn: `0f 00 90 00 ${PAGE_0A}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "Control, current, after changes",
    cdb: "1a 08 0a 00 ff 00",
    setup: { softwareWriteProtect: true, descriptorSense: true },
    expect: { dataIn: "0f 00 90 00 8a 0a 06 10 08 00 00 00 ff ff 00 00" },
  },
  {
    row: "MODE SENSE(6)",
    what: "cut to 4",
    cdb: "1a 00 3f 00 04 00",
    expect: { dataIn: "43 00 10 08" },
  },
  {
    row: "MODE SENSE(6)",
    what: "saved values, which are not the current ones",
    cdb: "1a 08 c8 00 ff 00",
    setup: { writeCacheOff: true },
    expect: { dataIn: `17 00 10 00 ${PAGE_08}` },
  },
  {
    row: "MODE SENSE(6)",
    what: "no such page",
    cdb: "1a 00 19 00 ff 00",
    expect: badField("cd 0002"),
  },
  {
    row: "MODE SENSE(6)",
    what: "no such subpage",
    cdb: "1a 00 0a 02 ff 00",
    expect: badField("c0 0003"),
  },
  // SPC-4 6.12
  {
    row: "MODE SENSE(10)",
    what: "Control",
    cdb: "5a 00 0a 00 00 00 00 00ff 00",
    expect: { dataIn: `001a 00 10 00 00 0008 ${DESCRIPTOR} ${PAGE_0A}` },
  },
  {
    row: "MODE SENSE(10)",
    what: "LLBAA: long descriptor",
    cdb: "5a 10 0a 00 00 00 00 00ff 00",
    expect: {
      dataIn: `0022 00 10 01 00 0010 0000000000000040 00000000 00000200 ${PAGE_0A}`,
    },
  },
  {
    row: "MODE SENSE(10)",
    what: "LLBAA and DBD",
    cdb: "5a 18 1c 00 00 00 00 00ff 00",
    expect: { dataIn: `0012 00 10 00 00 0000 ${PAGE_1C}` },
  },
  {
    row: "MODE SENSE(10)",
    what: "no such page",
    cdb: "5a 00 19 00 00 00 00 00ff 00",
    expect: badField("cd 0002"),
  },
  // SPC-4 6.9
  {
    row: "MODE SELECT(6)",
    what: "nothing to transfer",
    cdb: "15 10 00 00 00 00",
    expect: GOOD,
  },
  {
    row: "MODE SELECT(6)",
    what: "WCE off flushes",
    cdb: "15 10 00 00 18 00",
    dataOut: `00 00 00 00 ${PAGE_08.replace("04", "00")}`,
    expect: { steps: ["flush"] },
  },
  {
    row: "MODE SELECT(6)",
    what: "with a block descriptor that says what is so",
    cdb: "15 10 00 00 18 00",
    dataOut: `00 00 00 08 ${DESCRIPTOR} ${PAGE_0A}`,
    expect: { steps: [] },
  },
  {
    row: "MODE SELECT(6)",
    what: "the flush fails",
    cdb: "15 10 00 00 18 00",
    setup: { failures: { flush: 1 } },
    dataOut: `00 00 00 00 ${PAGE_08.replace("04", "00")}`,
    expect: { sense: "03 0c 00" },
  },
  { row: "MODE SELECT(6)", what: "PF 0", cdb: "15 00 00 00 04 00", expect: badField("cc 0001") },
  {
    row: "MODE SELECT(6)",
    what: "SP 1: saved before it is answered",
    cdb: "15 11 00 00 18 00",
    dataOut: `00 00 00 00 ${PAGE_08.replace("04", "00")}`,
    expect: { steps: ["flush", "save mode-pages"] },
  },
  {
    row: "MODE SELECT(6)",
    what: "SP 1: cannot be saved",
    cdb: "15 11 00 00 10 00",
    setup: { failures: { save: 6 } },
    dataOut: `00 00 00 00 ${PAGE_0A}`,
    expect: { sense: "04 44 00" },
  },
  {
    row: "MODE SELECT(6)",
    what: "list shorter than its header",
    cdb: "15 10 00 00 03 00",
    dataOut: "00 00 00",
    expect: { sense: "05 1a 00" },
  },
  {
    row: "MODE SELECT(6)",
    what: "page cut off",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 00 0a 0a 02 10 00 00 00 00",
    expect: { sense: "05 1a 00" },
  },
  {
    row: "MODE SELECT(6)",
    what: "a bit that cannot be changed: WCE of no cache",
    cdb: "15 10 00 00 18 00",
    setup: { unit: { features: NO_CACHE } },
    dataOut: `00 00 00 00 ${PAGE_08}`,
    expect: { sense: "05 26 00", field: "8a 0006" },
  },
  {
    row: "MODE SELECT(6)",
    what: "no such page",
    cdb: "15 10 00 00 06 00",
    dataOut: "00 00 00 00 19 00",
    expect: { sense: "05 26 00", field: "8d 0004" },
  },
  {
    row: "MODE SELECT(6)",
    what: "page of another length",
    cdb: "15 10 00 00 10 00",
    dataOut: "00 00 00 00 0a 06 02 10 00 00 00 00 ff ff 00 00",
    expect: { sense: "05 26 00", field: "80 0005" },
  },
  {
    row: "MODE SELECT(6)",
    what: "another block length",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 08 00000040 00 001000",
    expect: { sense: "05 26 00", field: "80 0008" },
  },
  {
    row: "MODE SELECT(6)",
    what: "another number of blocks",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 08 00000041 00 000200",
    expect: { sense: "05 26 00", field: "80 0004" },
  },
  // SPC-4 6.10
  {
    row: "MODE SELECT(10)",
    what: "long descriptor, D_SENSE on",
    cdb: "55 10 00 00 00 00 00 0024 00",
    dataOut: "0000 00 00 01 00 0010 0000000000000040 00000000 00000200" +
      "0a 0a 06 10 00 00 00 00 ff ff 00 00",
    expect: { steps: [] },
  },
  {
    row: "MODE SELECT(10)",
    what: "descriptor of another length",
    cdb: "55 10 00 00 00 00 00 0010 00",
    dataOut: "0000 00 00 00 00 0010 0000000000000040",
    expect: { sense: "05 26 00", field: "80 0006" },
  },
  {
    row: "MODE SELECT(10)",
    what: "a subpage",
    cdb: "55 10 00 00 00 00 00 0028 00",
    dataOut: `0000 00 00 00 00 0000 ${PAGE_0A_01}`,
    expect: { steps: [] },
  },
  {
    row: "MODE SELECT(10)",
    what: "a subpage of another length",
    cdb: "55 10 00 00 00 00 00 000c 00",
    dataOut: "0000 00 00 00 00 0000 4a 01 0000",
    expect: { sense: "05 26 00", field: "80 000a" },
  },
  {
    row: "MODE SELECT(10)",
    what: "no such subpage",
    cdb: "55 10 00 00 00 00 00 000c 00",
    dataOut: "0000 00 00 00 00 0000 4a 05 0000",
    expect: { sense: "05 26 00", field: "8d 0008" },
  },
  // SPC-4 6.42
  { row: "SEND DIAGNOSTIC", what: "default self-test", cdb: "1d 04 00 0000 00", expect: GOOD },
  {
    row: "SEND DIAGNOSTIC",
    what: "background self-test",
    cdb: "1d 20 00 0000 00",
    expect: badField("cf 0001"),
  },
  {
    row: "SEND DIAGNOSTIC",
    what: "a diagnostic page",
    cdb: "1d 10 00 0004 00",
    expect: badField("c0 0003"),
  },
  // SPC-4 6.8
  {
    row: "LOG SENSE",
    what: "supported pages",
    cdb: "4d 00 40 00 00 0000 00ff 00",
    expect: { dataIn: "00 00 0001 00" },
  },
  {
    row: "LOG SENSE",
    what: "supported pages and subpages",
    cdb: "4d 00 40 ff 00 0000 00ff 00",
    expect: { dataIn: "40 ff 0004 00 00 00 ff" },
  },
  {
    row: "LOG SENSE",
    what: "no such page",
    cdb: "4d 00 4d 00 00 0000 00ff 00",
    expect: badField("cd 0002"),
  },
  {
    row: "LOG SENSE",
    what: "no such subpage",
    cdb: "4d 00 40 01 00 0000 00ff 00",
    expect: badField("c0 0003"),
  },
  {
    row: "LOG SENSE",
    what: "parameter pointer",
    cdb: "4d 00 40 00 00 0001 00ff 00",
    expect: badField("c0 0005"),
  },
  {
    row: "LOG SENSE",
    what: "SP",
    cdb: "4d 01 40 00 00 0000 00ff 00",
    expect: { sense: "05 39 00" },
  },
  // SPC-4 6.33
  {
    row: "REPORT LUNS",
    what: "all",
    cdb: "a0 00 00 000000 00000010 00 00",
    setup: { state: "no-medium" },
    expect: { dataIn: "00000008 00000000 0000000000000000" },
  },
  {
    row: "REPORT LUNS",
    what: "well known logical units",
    cdb: "a0 00 01 000000 00000010 00 00",
    expect: { dataIn: "00000000 00000000" },
  },
  {
    row: "REPORT LUNS",
    what: "reserved SELECT REPORT",
    cdb: "a0 00 03 000000 00000010 00 00",
    expect: badField("c0 0002"),
  },
  // SPC-4 6.37
  {
    row: "REPORT TARGET PORT GROUPS",
    what: "one group, one port",
    cdb: "a3 0a 00000000 000000ff 00 00",
    setup: { unit: { port: PORT } },
    expect: { dataIn: "0000000c 80 01 1234 00 00 00 01 0000 0001" },
  },
  {
    row: "REPORT TARGET PORT GROUPS",
    what: "extended header",
    cdb: "a3 2a 00000000 000000ff 00 00",
    setup: { unit: { port: PORT } },
    expect: { dataIn: "00000010 10 00 0000 80 01 1234 00 00 00 01 0000 0001" },
  },
  {
    row: "REPORT TARGET PORT GROUPS",
    what: "reserved format",
    cdb: "a3 4a 00000000 000000ff 00 00",
    setup: { unit: { port: PORT } },
    expect: badField("cf 0001"),
  },
  {
    row: "REPORT TARGET PORT GROUPS",
    what: "no port: not supported",
    cdb: "a3 0a 00000000 000000ff 00 00",
    expect: { sense: "05 20 00" },
  },
  // SPC-4 6.35
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "one command, 001b",
    cdb: "a3 0c 01 28 0000 000000ff 00 00",
    expect: { dataIn: "00 03 000a 28 f8 ffffffff 00 ffff 04" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "one command with RCTD",
    cdb: "a3 0c 81 00 0000 000000ff 00 00",
    expect: { dataIn: "00 83 0006 00 00 00 00 00 04 000a 00 00 00000000 00000000" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "service action, 010b",
    cdb: "a3 0c 02 9e 0010 000000ff 00 00",
    expect: { dataIn: "00 03 0010 9e 10 0000000000000000 ffffffff 00 04" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "variable length, 010b",
    cdb: "a3 0c 02 7f 000d 000000ff 00 00",
    expect: {
      dataIn: "00 03 0020 7f 04 00000000 00 18 000d f9 00 ffffffffffffffff" +
        "00000000 0000 0000 ffffffff",
    },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "011b, without service action",
    cdb: "a3 0c 03 12 0000 000000ff 00 00",
    expect: { dataIn: "00 03 0006 12 01 ff ffff 04" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "011b, with service action",
    cdb: "a3 0c 03 a3 000d 000000ff 00 00",
    expect: { dataIn: "00 03 000c a3 0d 80 000000 ffffffff 00 04" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "011b, a service action of a code that has none",
    cdb: "a3 0c 03 12 0001 000000ff 00 00",
    expect: { dataIn: "00 01 0000" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "not supported: unknown",
    cdb: "a3 0c 01 c1 0000 000000ff 00 00",
    expect: { dataIn: "00 01 0000" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "not supported: UNMAP of a unit without",
    cdb: "a3 0c 01 42 0000 000000ff 00 00",
    setup: { unit: { features: { ...NO_CACHE, discard: false } } },
    expect: { dataIn: "00 01 0000" },
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "001b of a code with service actions",
    cdb: "a3 0c 01 9e 0010 000000ff 00 00",
    expect: badField("ca 0002"),
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "010b of a code without",
    cdb: "a3 0c 02 28 0000 000000ff 00 00",
    expect: badField("ca 0002"),
  },
  {
    row: "REPORT SUPPORTED OPERATION CODES",
    what: "reserved option",
    cdb: "a3 0c 04 28 0000 000000ff 00 00",
    expect: badField("ca 0002"),
  },
  // SPC-4 6.36
  {
    row: "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    what: "basic",
    cdb: "a3 0d 00 000000 00000004 00 00",
    expect: { dataIn: "d8 00 00 00" },
  },
  {
    row: "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    what: "REPD",
    cdb: "a3 0d 80 000000 00000010 00 00",
    expect: { dataIn: "d8 00 00 0c 000000000000000000000000" },
  },
  {
    row: "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    what: "NACA",
    cdb: "a3 0d 00 000000 00000004 00 04",
    expect: badField("ca 000b"),
  },
];
