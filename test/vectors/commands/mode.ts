/** MODE SENSE and MODE SELECT. */
import { badField, badParameter, type Case, vectorsOf } from "../vector.ts";

/** Pages as MODE SELECT takes them; MODE SENSE sets PS, since all can be saved. */
const PAGE_08 = "08 12 04 00 00000000 00000000 00000000 00000000";
const PAGE_08_OFF = "08 12 00 00 00000000 00000000 00000000 00000000";
const PAGE_0A = "0a 0a 02 10 00 00 00 00 ff ff 00 00";
const PAGE_0A_SWP = "0a 0a 02 10 08 00 00 00 ff ff 00 00";
const PAGE_0A_BOTH = "0a 0a 06 10 08 00 00 00 ff ff 00 00";
const PAGE_1C = "1c 0a 08 00 00 00 00 00 00 00 00 00";
const SENSE_01 = "81 0a 80 00 00 00 00 00 00 00 00 00";
const [SENSE_08, SENSE_08_OFF, SENSE_0A, SENSE_0A_BOTH, SENSE_1C] = [
  ...[PAGE_08, PAGE_08_OFF, PAGE_0A, PAGE_0A_BOTH, PAGE_1C],
].map((page) => (Number.parseInt(page.slice(0, 2), 16) | 0x80).toString(16) + page.slice(2));
const SENSE_0A_01 = "ca 01 001c 00*28";
const ALL = `${SENSE_01} ${SENSE_08} ${SENSE_0A} ${SENSE_1C}`;
const ALL_AND_SUBPAGES = `${SENSE_01} ${SENSE_08} ${SENSE_0A} ${SENSE_0A_01} ${SENSE_1C}`;
const DESCRIPTOR = "00000040 00 000200";
const CONTROL = "1a 08 0a 00 ff 00";

const sense6: Case[] = [
  { what: "all pages", cdb: "1a 00 3f 00 ff 00", dataIn: `43 00 10 08 ${DESCRIPTOR} ${ALL}` },
  {
    what: "all pages and subpages, DBD",
    cdb: "1a 08 3f ff ff 00",
    dataIn: `5b 00 10 00 ${ALL_AND_SUBPAGES}`,
  },
  {
    what: "Caching, write protected, without medium",
    cdb: "1a 08 08 00 ff 00",
    unit: "plainReadOnly",
    before: { state: "no-medium" },
    dataIn: `17 00 90 00 ${SENSE_08_OFF}`,
  },
  {
    what: "write protected by the operator",
    cdb: "1a 08 0a 00 04 00",
    unit: "protected",
    dataIn: "0f 00 90 00",
  },
  { what: "Caching, changeable: WCE", cdb: "1a 08 48 00 ff 00", dataIn: `17 00 10 00 ${SENSE_08}` },
  {
    what: "Caching, changeable: nothing where there is no cache",
    cdb: "1a 08 48 00 ff 00",
    unit: "uncached",
    dataIn: `17 00 10 00 ${SENSE_08_OFF}`,
  },
  {
    what: "Control, default, whatever is current",
    cdb: "1a 08 8a 00 ff 00",
    before: { softwareWriteProtect: true, descriptorSense: true },
    dataIn: `0f 00 90 00 ${SENSE_0A}`,
  },
  {
    what: "Control, current, after changes",
    cdb: CONTROL,
    before: { softwareWriteProtect: true, descriptorSense: true },
    dataIn: `0f 00 90 00 ${SENSE_0A_BOTH}`,
  },
  {
    what: "more than four bytes of blocks: FFFFFFFFh",
    cdb: "1a 00 0a 00 0c 00",
    unit: "beyondTwoTebibytes",
    dataIn: "17 00 10 08 ffffffff 00 000200",
  },
  { what: "cut to 4", cdb: "1a 00 3f 00 04 00", dataIn: "43 00 10 08" },
  { what: "no such page", cdb: "1a 00 19 00 ff 00", ...badField("cd 0002") },
  { what: "no such subpage", cdb: "1a 00 0a 02 ff 00", ...badField("c0 0003") },
  {
    what: "Control Extension: no ALUA without a port",
    cdb: "1a 08 0a 01 ff 00",
    dataIn: `23 00 10 00 ${SENSE_0A_01}`,
  },
  {
    what: "Control Extension: implicit ALUA",
    cdb: "1a 08 0a 01 ff 00",
    unit: "ported",
    dataIn: "23 00 10 00 ca 01 001c 01 00*27",
  },
  {
    what: "saved values are the defaults at first",
    cdb: "1a 08 c8 00 ff 00",
    dataIn: `17 00 10 00 ${SENSE_08}`,
  },
  {
    what: "saved values are not what is current",
    cdb: "1a 08 ca 00 ff 00",
    before: { softwareWriteProtect: true },
    dataIn: `0f 00 90 00 ${SENSE_0A}`,
  },
  {
    what: "Control, changeable: D_SENSE, SWP",
    cdb: "1a 08 4a 00 ff 00",
    dataIn: "0f 00 10 00 8a 0a 04 00 08 00 00 00 00 00 00 00",
  },
  {
    what: "Logical Block Provisioning, where the handler knows what is left",
    cdb: "1a 08 1c 02 ff 00",
    unit: "provisioned",
    dataIn: "23 00 10 00 dc 02 001c 00 00 00*10 00 01 0000 00000000 01 02 0000 00000000",
  },
  {
    what: "Logical Block Provisioning of a handler that does not know what is left",
    cdb: "1a 08 1c 02 ff 00",
    ...badField("c0 0003"),
  },
  {
    what: "answers while the port is in standby",
    cdb: "1a 08 08 00 04 00",
    unit: "ported",
    before: { accessState: 2 },
    dataIn: "17 00 10 00",
  },
  {
    what: "port unavailable",
    cdb: "1a 08 08 00 04 00",
    unit: "ported",
    before: { accessState: 3 },
    sense: "02 04 0c",
  },
  { what: "NACA", cdb: "1a 00 3f 00 ff 04", ...badField("ca 0005") },
];

const sense10: Case[] = [
  {
    what: "Control",
    cdb: "5a 00 0a 00 00 00 00 00ff 00",
    dataIn: `001a 00 10 00 00 0008 ${DESCRIPTOR} ${SENSE_0A}`,
  },
  {
    what: "LLBAA: long descriptor",
    cdb: "5a 10 0a 00 00 00 00 00ff 00",
    dataIn: `0022 00 10 01 00 0010 0000000000000040 00000000 00000200 ${SENSE_0A}`,
  },
  {
    what: "LLBAA and DBD",
    cdb: "5a 18 1c 00 00 00 00 00ff 00",
    dataIn: `0012 00 10 00 00 0000 ${SENSE_1C}`,
  },
  { what: "NACA", cdb: "5a 00 0a 00 00 00 00 00ff 04", ...badField("ca 0009") },
  { what: "no such page", cdb: "5a 00 19 00 00 00 00 00ff 00", ...badField("cd 0002") },
];

const select6: Case[] = [
  { what: "nothing to transfer", cdb: "15 10 00 00 00 00" },
  {
    what: "WCE off flushes",
    cdb: "15 10 00 00 18 00",
    dataOut: `00 00 00 00 ${PAGE_08_OFF}`,
    before: { unflushed: [[3, 2]] },
    durable: true,
    then: [{ cdb: "1a 08 08 00 ff 00", dataIn: `17 00 10 00 ${SENSE_08_OFF}` }],
  },
  {
    what: "SWP protects, and WP says so",
    cdb: "15 10 00 00 10 00",
    dataOut: "00 00 00 00 0a 0a 02 10 08 00 00 00 ff ff 00 00",
    then: [{ cdb: "1a 08 0a 00 04 00", dataIn: "0f 00 90 00" }, {
      cdb: "2a 00 00000003 00 0001 00",
      dataOut: "a5*512",
      sense: "07 27 02",
    }],
  },
  {
    what: "D_SENSE",
    cdb: "15 10 00 00 10 00",
    dataOut: "00 00 00 00 0a 0a 06 10 00 00 00 00 ff ff 00 00",
    then: [{ cdb: "1a 00 19 00 ff 00", ...badField("cd 0002") }],
  },
  {
    what: "others are told of a change",
    cdb: "15 10 00 00 10 00",
    dataOut: `00 00 00 00 ${PAGE_0A_SWP}`,
    then: [{ cdb: "00 00 00 00 00 00", room: 0 }, {
      cdb: "00 00 00 00 00 00",
      room: 0,
      by: "b",
      sense: "06 2a 01",
    }],
  },
  {
    what: "others are not told where nothing has changed",
    cdb: "15 10 00 00 10 00",
    dataOut: `00 00 00 00 ${PAGE_0A}`,
    then: [{ cdb: "00 00 00 00 00 00", room: 0, by: "b" }],
  },
  {
    what: "with a block descriptor that says what is so",
    cdb: "15 10 00 00 18 00",
    dataOut: `00 00 00 08 ${DESCRIPTOR} ${PAGE_0A}`,
  },
  {
    what: "the flush fails",
    cdb: "15 10 00 00 18 00",
    before: { fails: { flush: "medium-error" } },
    dataOut: `00 00 00 00 ${PAGE_08_OFF}`,
    sense: "03 0c 00",
    then: [{ cdb: "1a 08 08 00 ff 00", dataIn: `17 00 10 00 ${SENSE_08}` }],
  },
  {
    what: "SP: it is saved",
    cdb: "15 11 00 00 10 00",
    dataOut: `00 00 00 00 ${PAGE_0A_SWP}`,
    then: [{ cdb: "1a 08 ca 00 ff 00", dataIn: `0f 00 90 00 8a ${PAGE_0A_SWP.slice(3)}` }],
  },
  {
    what: "SP without a list: what is current is saved",
    cdb: "15 11 00 00 00 00",
    before: { softwareWriteProtect: true },
    then: [{ cdb: "1a 08 ca 00 ff 00", dataIn: `0f 00 90 00 8a ${PAGE_0A_SWP.slice(3)}` }],
  },
  { what: "PF 0", cdb: "15 00 00 00 04 00", ...badField("cc 0001") },
  {
    what: "list shorter than its header",
    cdb: "15 10 00 00 03 00",
    dataOut: "00 00 00",
    sense: "05 1a 00",
  },
  {
    what: "page cut off",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 00 0a 0a 02 10 00 00 00 00",
    sense: "05 1a 00",
  },
  {
    what: "a bit that cannot be changed, as WCE where there is no cache",
    cdb: "15 10 00 00 18 00",
    unit: "uncached",
    dataOut: `00 00 00 00 ${PAGE_08}`,
    ...badParameter("8a 0006"),
  },
  {
    what: "a bit that cannot be changed (in the second page: the first is not taken either)",
    cdb: "15 10 00 00 1c 00",
    dataOut: `00 00 00 00 0a 0a 06 10 08 00 00 00 ff ff 00 00 ${
      PAGE_1C.replace("1c 0a 08", "1c 0a 00")
    }`,
    ...badParameter("8b 0012"),
    then: [{ cdb: CONTROL, dataIn: `0f 00 10 00 ${SENSE_0A}` }],
  },
  {
    what: "no such page",
    cdb: "15 10 00 00 06 00",
    dataOut: "00 00 00 00 19 00",
    ...badParameter("8d 0004"),
  },
  {
    what: "page of another length",
    cdb: "15 10 00 00 10 00",
    dataOut: "00 00 00 00 0a 06 02 10 00 00 00 00 ff ff 00 00",
    ...badParameter("80 0005"),
  },
  {
    what: "another block length",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 08 00000040 00 001000",
    ...badParameter("80 0008"),
  },
  {
    what: "another number of blocks",
    cdb: "15 10 00 00 0c 00",
    dataOut: "00 00 00 08 00000041 00 000200",
    ...badParameter("80 0004"),
  },
  { what: "NACA", cdb: "15 10 00 00 00 04", ...badField("ca 0005") },
];

const select10: Case[] = [
  {
    what: "long descriptor, D_SENSE on",
    cdb: "55 10 00 00 00 00 00 0024 00",
    dataOut:
      "0000 00 00 01 00 0010 0000000000000040 00000000 00000200 0a 0a 06 10 00 00 00 00 ff ff 00 00",
  },
  {
    what: "descriptor of another length",
    cdb: "55 10 00 00 00 00 00 0010 00",
    dataOut: "0000 00 00 00 00 0010 0000000000000040",
    ...badParameter("80 0006"),
  },
  {
    what: "no such subpage",
    cdb: "55 10 00 00 00 00 00 000c 00",
    dataOut: "0000 00 00 00 00 0000 4a 02 0000",
    ...badParameter("8d 0008"),
  },
];

export const modeVectors = [
  ...vectorsOf("MODE SENSE(6)", "SPC-4 6.11", sense6),
  ...vectorsOf("MODE SENSE(10)", "SPC-4 6.12", sense10),
  ...vectorsOf("MODE SELECT(6)", "SPC-4 6.9", select6),
  ...vectorsOf("MODE SELECT(10)", "SPC-4 6.10", select10),
];
