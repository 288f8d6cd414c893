/** LOG SENSE and LOG SELECT. */
import { badField, badParameter, type Case, vectorsOf } from "../vector.ts";

const TEN_BLOCKS = [
  { cdb: "28 00 00000003 00 0002 00", dataIn: "03*512 04*512" },
  { cdb: "28 00 00000003 00 0001 00", dataIn: "03*512" },
  { cdb: "2a 00 00000003 00 0007 00", dataOut: "a5*3584" },
];
/** READ and WRITE commands, blocks received, blocks transmitted; then times, which are not kept. */
const COUNTED = "0000000000000002 0000000000000001 0000000000000007 0000000000000003";

const sense: Case[] = [
  { what: "pages", cdb: "4d 00 40 00 00 0000 00ff 00", dataIn: "00 00 0005 00 0d 0e 19 2f" },
  {
    what: "pages and subpages",
    cdb: "4d 00 40 ff 00 0000 00ff 00",
    dataIn: "40 ff 000c 0000 00ff 0d00 0e00 1900 2f00",
  },
  {
    what: "pages of a unit that knows how much storage is left",
    cdb: "4d 00 40 00 00 0000 00ff 00",
    unit: "provisioned",
    dataIn: "00 00 0006 00 0c 0d 0e 19 2f",
  },
  {
    what: "Temperature: there is no sensor",
    cdb: "4d 00 4d 00 00 0000 00ff 00",
    dataIn: "8d 00 000c 0000 23 02 00 ff 0001 23 02 00 ff",
  },
  {
    what: "Temperature from parameter 1 on",
    cdb: "4d 00 4d 00 00 0001 00ff 00",
    dataIn: "8d 00 0006 0001 23 02 00 ff",
  },
  {
    what: "Informational Exceptions",
    cdb: "4d 00 6f 00 00 0000 00ff 00",
    dataIn: "af 00 0008 0000 23 04 00 00 ff 00",
  },
  {
    what: "General Statistics count what was done",
    cdb: "4d 00 59 00 00 0001 0028 00",
    before: { steps: TEN_BLOCKS },
    dataIn: `99 00 005c 0001 22 40 ${COUNTED}`,
    only: ["ring", "core"],
  },
  {
    what: "Logical Block Provisioning: 64 blocks are less than a threshold set",
    cdb: "4d 00 4c 00 00 0000 00ff 00",
    unit: "provisioned",
    dataIn: "8c 00 0018 0001 23 08 00000000 02 000000 0002 23 08 00000000 01 000000",
  },
  {
    what: "answers without medium",
    cdb: "4d 00 40 00 00 0000 0004 00",
    before: { state: "no-medium" },
    dataIn: "00 00 0005",
  },
  {
    what: "Temperature, while sanitizing",
    cdb: "4d 00 4d 00 00 0000 0002 00",
    before: { state: "sanitizing" },
    dataIn: "8d 00",
  },
  {
    what: "another page, while sanitizing",
    cdb: "4d 00 40 00 00 0000 0004 00",
    before: { state: "sanitizing" },
    sense: "02 04 1b",
    field: "80 0000",
  },
  {
    what: "Logical Block Provisioning of a handler that does not know what is left",
    cdb: "4d 00 4c 00 00 0000 00ff 00",
    ...badField("cd 0002"),
  },
  { what: "no such page", cdb: "4d 00 7b 00 00 0000 00ff 00", ...badField("cd 0002") },
  { what: "no such subpage", cdb: "4d 00 40 01 00 0000 00ff 00", ...badField("c0 0003") },
  { what: "no parameter so high", cdb: "4d 00 4d 00 00 0002 00ff 00", ...badField("c0 0005") },
  {
    what: "parameter pointer into the list of pages",
    cdb: "4d 00 40 00 00 0001 00ff 00",
    ...badField("c0 0005"),
  },
  { what: "SP", cdb: "4d 01 40 00 00 0000 00ff 00", sense: "05 39 00" },
  { what: "NACA", cdb: "4d 00 40 00 00 0000 00ff 04", ...badField("ca 0009") },
];

const STATISTICS = { cdb: "4d 00 59 00 00 0001 0028 00", dataIn: "99 00 005c 0001 22 40 00*32" };

const select: Case[] = [
  {
    what: "PCR: counters are reset",
    cdb: "4c 02 c0 00 00 0000 0000 00",
    before: { steps: TEN_BLOCKS },
    then: [STATISTICS],
    only: ["ring", "core"],
  },
  {
    what: "no list and no PCR: default cumulative values",
    cdb: "4c 00 d9 00 00 0000 0000 00",
    before: { steps: TEN_BLOCKS },
    then: [STATISTICS],
    only: ["ring", "core"],
  },
  {
    what: "PCR: others are told",
    cdb: "4c 02 c0 00 00 0000 0000 00",
    then: [{ cdb: "00 00 00 00 00 00", room: 0, by: "b", sense: "06 2a 02" }],
  },
  { what: "nothing is asked for", cdb: "4c 00 40 00 00 0000 0000 00" },
  { what: "SP", cdb: "4c 03 c0 00 00 0000 0000 00", ...badField("c8 0001") },
  {
    what: "PCR and a list",
    cdb: "4c 02 c0 00 00 0000 0004 00",
    dataOut: "19 00 0000",
    ...badField("c9 0001"),
  },
  {
    what: "a list, and a page in the CDB",
    cdb: "4c 00 d9 00 00 0000 0004 00",
    dataOut: "19 00 0000",
    ...badField("cd 0002"),
  },
  {
    what: "a page that has no counters",
    cdb: "4c 00 cd 01 00 0000 0000 00",
    ...badField("c0 0003"),
  },
  {
    what: "a parameter is given a value",
    cdb: "4c 00 c0 00 00 0000 000a 00",
    dataOut: "19 00 0006 0003 03 02 0000",
    ...badParameter("80 0004"),
  },
  {
    what: "a list of an unknown page",
    cdb: "4c 00 c0 00 00 0000 0004 00",
    dataOut: "3b 00 0000",
    ...badParameter("8d 0000"),
  },
  {
    what: "list shorter than its header",
    cdb: "4c 00 c0 00 00 0000 0003 00",
    dataOut: "19 00 00",
    sense: "05 1a 00",
  },
  { what: "NACA", cdb: "4c 02 c0 00 00 0000 0000 04", ...badField("ca 0009") },
];

export const logVectors = [
  ...vectorsOf("LOG SENSE", "SPC-4 6.8", sense),
  ...vectorsOf("LOG SELECT", "SPC-4 6.7", select),
];
