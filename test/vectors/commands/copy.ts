/** Third-party copies: EXTENDED COPY, tokens, and what became of them. */
import {
  badField,
  badParameter,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  type Step,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";
import { digits } from "../forms.ts";

/** Identification descriptor CSCD descriptor with a NAA designator (SPC-4 6.4.5.6). */
function cscd(designator: string): string {
  return `e4 00 0000 01 03 00 08 ${designator} 00*12 00 000200`;
}
const OWN = cscd("[naa]");
const PEER = cscd("[peerNaa]");
const NOBODY = cscd("3123456789abcdef");

/** Block to block segment descriptor (SPC-4 6.4.6.4). */
function segment(
  source: number,
  destination: number,
  from: number,
  to: number,
  blocks: number,
  type = "02",
): string {
  return `${type} 00 0018 ${digits(source, 2)} ${digits(destination, 2)} 0000 ${
    digits(blocks, 2)
  }` +
    ` ${digits(from, 8)} ${digits(to, 8)}`;
}

const HEADER_LENGTH = 16;
const CSCD_LENGTH = 32;
const SEGMENT_LENGTH = 28;

/** A command with its parameter list; `listId`: LIST ID USAGE 00b, results are kept. */
function copy(cscds: readonly string[], segments: readonly string[], listId?: number): Step {
  const [cscdLength, segmentLength] = [
    CSCD_LENGTH * cscds.length,
    SEGMENT_LENGTH * segments.length,
  ];
  const header = `${digits(listId ?? 0, 1)} ${listId === undefined ? "18" : "00"}` +
    ` ${digits(cscdLength, 2)} 00000000 ${digits(segmentLength, 4)} 00000000`;
  const length = HEADER_LENGTH + cscdLength + segmentLength;
  return {
    cdb: `83 00 0000000000000000 ${digits(length, 4)} 00 00`,
    dataOut: [header, ...cscds, ...segments].join(" "),
  };
}

const WITHIN = copy([OWN], [segment(0, 0, 3, 8, 2)]);
const KEPT = copy([OWN], [segment(0, 0, 3, 8, 2)], 5);
const FAILED = { ...copy([OWN, NOBODY], [segment(1, 0, 0, 0, 1)], 5), sense: "0a 0d 02" };
const COPIED = { 4096: "03*512 04*512" };

const extended: Case[] = [
  { what: "within the unit", ...WITHIN, after: COPIED },
  {
    what: "overlapping: source as it was",
    ...copy([OWN], [segment(0, 0, 3, 4, 3)]),
    after: { 2048: "03*512 04*512 05*512" },
  },
  {
    what: "two segments, one after the other",
    ...copy([OWN], [segment(0, 0, 3, 8, 1), segment(0, 0, 8, 9, 1)]),
    after: { 4096: "03*1024" },
  },
  {
    what: "from another unit that may be reached",
    ...copy([OWN, PEER], [segment(1, 0, 5, 8, 1)]),
    unit: "copying",
    after: { 4096: "05*512" },
  },
  { what: "to another unit", ...copy([OWN, PEER], [segment(0, 1, 5, 8, 1)]), unit: "copying" },
  { what: "nothing to transfer", cdb: "83 00 0000000000000000 00000000 00 00" },
  { what: "no segments", ...copy([OWN], []) },
  {
    what: "a unit that may not be reached (CVE-2020-28374)",
    ...copy([OWN, NOBODY], [segment(1, 0, 0, 0, 1)]),
    sense: "0a 0d 02",
    field: "80 0030",
  },
  {
    what: "another unit without a copy group",
    ...copy([OWN, PEER], [segment(1, 0, 5, 8, 1)]),
    sense: "0a 0d 02",
    field: "80 0030",
  },
  {
    what: "blocks beyond the end of a medium (the segment before stays copied)",
    ...copy([OWN], [segment(0, 0, 3, 8, 1), segment(0, 0, 63, 9, 2)]),
    sense: "0a 00 00",
    // Status and sense data of the source at byte 18, segment 1.
    commandSpecific: 0x12000001,
    after: { 4096: "03*512" },
  },
  {
    what: "a segment that names a CSCD descriptor which is not there",
    ...copy([OWN], [segment(0, 1, 3, 8, 1)]),
    sense: "0a 08 04",
  },
  {
    what: "list shorter than its header",
    cdb: "83 00 0000000000000000 0000000f 00 00",
    dataOut: "00*15",
    sense: "05 1a 00",
  },
  {
    what: "not all was sent",
    cdb: WITHIN.cdb,
    dataOut: "00 18 0020 00000000 0000001c 00000000",
    sense: "05 1a 00",
  },
  {
    what: "unknown type of CSCD descriptor",
    ...copy([OWN.replace("e4", "e0")], [segment(0, 0, 3, 8, 1)]),
    sense: "05 26 07",
  },
  {
    what: "unknown type of segment descriptor",
    ...copy([OWN], [segment(0, 0, 3, 8, 1, "04")]),
    sense: "05 26 09",
  },
  {
    what: "too many CSCD descriptors (17)",
    ...copy(Array(17).fill(OWN), [segment(0, 0, 3, 8, 1)]),
    sense: "05 26 06",
  },
  {
    what: "inline data",
    cdb: "83 00 0000000000000000 00000014 00 00",
    dataOut: "00 18 0000 00000000 00000000 00000004 00000000",
    sense: "05 26 0b",
  },
  {
    what: "LIST ID USAGE 01b",
    cdb: "83 00 0000000000000000 00000010 00 00",
    dataOut: "00 08 0000 00000000 00000000 00000000",
    ...badParameter("8c 0001"),
  },
  { what: "the destination is write protected", ...WITHIN, unit: "readOnly", sense: "0a 0d 01" },
  {
    what: "the source cannot be read",
    ...WITHIN,
    before: { fails: { read: "medium-error" } },
    sense: "0a 0d 01",
  },
  { what: "medium gone", ...WITHIN, before: { state: "no-medium" }, ...NO_MEDIUM },
  { what: "NACA", cdb: "83 00 0000000000000000 00000000 00 04", ...badField("ca 000f") },
];

const STATUS_1 = { cdb: "84 00 05 00000000000000 00000100 00 00" };
const DETAILS = { cdb: "84 04 05 00000000000000 00000100 00 00" };

const status1: Case[] = [
  {
    what: "a copy that has ended: one segment, 1 KiB",
    ...STATUS_1,
    before: { steps: [KEPT] },
    dataIn: "00000008 01 0001 00 00000400",
  },
  {
    what: "a copy that has failed",
    ...STATUS_1,
    before: { steps: [FAILED] },
    dataIn: "00000008 02 0001 00 00000000",
  },
  { what: "an unknown list identifier", ...STATUS_1, ...badField("c0 0002") },
  { what: "NACA", cdb: "84 00 05 00000000000000 00000100 00 04", ...badField("ca 000f") },
];

const details: Case[] = [
  { what: "a copy that has failed", ...DETAILS, before: { steps: [FAILED] }, dataIn: "*" },
  { what: "nothing has failed", ...DETAILS, before: { steps: [KEPT] }, dataIn: "00000000" },
  { what: "an unknown list identifier", ...DETAILS, ...badField("c0 0002") },
];

const parameters: Case[] = [
  {
    what: "16 CSCD descriptors, 64 segments, 64 MiB a segment",
    cdb: "84 03 0000000000000000 00000014 00 00",
    dataIn: "[length:4] 01 000000 0010 0040 00000a00 04000000",
  },
  { what: "NACA", cdb: "84 03 0000000000000000 00000014 00 04", ...badField("ca 000f") },
];

/** POPULATE TOKEN for blocks 3 and 4, with list identifier 7 (SBC-4 5.12). */
const POPULATE: Step = {
  cdb: "83 10 00000000 00000007 00000020 00 00",
  dataOut: "001e 00 00 00000000 00000000 0000 0010 0000000000000003 00000002 00000000",
};
/** Header of 32 bytes, length of the descriptors, and one: two bytes and the token. */
const TOKEN_DATA = "[before:36] 0000 [token:512]";
const TOKEN_INFORMATION: Step = {
  cdb: "84 07 00000007 00000000 00000400 00 00",
  dataIn: TOKEN_DATA,
};

const populate: Case[] = [
  { what: "two blocks", ...POPULATE, then: [TOKEN_INFORMATION] },
  { what: "nothing to transfer", cdb: "83 10 00000000 00000007 00000000 00 00" },
  { what: "a unit that is write protected", ...POPULATE, unit: "readOnly" },
  {
    what: "list shorter than its header",
    cdb: "83 10 00000000 00000007 0000000f 00 00",
    dataOut: "00*15",
    sense: "05 1a 00",
  },
  {
    what: "POPULATE TOKEN DATA LENGTH is too short",
    ...POPULATE,
    dataOut: POPULATE.dataOut?.replace("001e", "001d"),
    ...badParameter("80 0000"),
  },
  {
    what: "INACTIVITY TIMEOUT of more than can be",
    ...POPULATE,
    dataOut: POPULATE.dataOut?.replace("00 00 00000000", "00 00 00000259"),
    ...badParameter("80 0004"),
  },
  {
    what: "an unknown type of ROD",
    ...POPULATE,
    dataOut: POPULATE.dataOut?.replace(
      "001e 00 00 00000000 00000000",
      "001e 02 00 00000000 00010000",
    ),
    ...badParameter("80 0008"),
  },
  {
    what: "a list of ranges without one",
    ...POPULATE,
    dataOut: POPULATE.dataOut?.replace("0000 0010", "0000 000f"),
    ...badParameter("80 000e"),
  },
  {
    what: "beyond the end",
    ...POPULATE,
    dataOut: POPULATE.dataOut?.replace("0000000000000003", "000000000000003f"),
    ...LBA_OUT_OF_RANGE,
  },
  { what: "medium gone", ...POPULATE, before: { state: "no-medium" }, ...NO_MEDIUM },
];

/** WRITE USING TOKEN to blocks 8 and 9 (SBC-4 5.59). */
function writeToken(token: string, blocks = "00000002", offset = "0000000000000000"): Step {
  return {
    cdb: "83 11 00000000 00000008 00000228 00 00",
    dataOut: `0226 00 00*5 ${offset} ${token} 00*6 0010 0000000000000008 ${blocks} 00000000`,
  };
}
/** The block device zero ROD token. */
const ZERO_TOKEN = "ffff0001 0000 01f8 00*504";
const WITH_TOKEN = { steps: [POPULATE, TOKEN_INFORMATION] };

const write: Case[] = [
  {
    what: "what the token stands for",
    ...writeToken("[token]"),
    before: WITH_TOKEN,
    after: COPIED,
  },
  {
    what: "from an offset on",
    ...writeToken("[token]", "00000001", "0000000000000001"),
    before: WITH_TOKEN,
    after: { 4096: "04*512" },
  },
  { what: "zeros", ...writeToken(ZERO_TOKEN), after: { 4096: "00*1024" } },
  { what: "nothing to transfer", cdb: "83 11 00000000 00000008 00000000 00 00" },
  {
    what: "more than the token stands for",
    ...writeToken("[token]", "00000003"),
    before: WITH_TOKEN,
    sense: "0a 0d 04",
    information: 2,
    after: COPIED,
  },
  {
    what: "what it stood for was written to",
    ...writeToken("[token]"),
    before: {
      steps: [...WITH_TOKEN.steps, { cdb: "2a 00 00000004 00 0001 00", dataOut: "04*512" }],
    },
    sense: "05 23 08",
  },
  {
    what: "a token that nobody made",
    ...writeToken("00800001 0000 01f8 00*504"),
    sense: "05 23 05",
  },
  { what: "an unknown type", ...writeToken("00000001 0000 01f8 00*504"), sense: "05 23 01" },
  {
    what: "a token of another length",
    ...writeToken("ffff0001 0000 01f9 00*504"),
    sense: "05 23 0a",
  },
  {
    what: "OFFSET INTO ROD beyond the token",
    ...writeToken("[token]", "00000001", "0000000000000002"),
    before: WITH_TOKEN,
    ...badParameter("80 0008"),
  },
  {
    what: "list shorter than its header",
    cdb: "83 11 00000000 00000008 00000217 00 00",
    dataOut: "00*535",
    sense: "05 1a 00",
  },
  { what: "write protected", ...writeToken(ZERO_TOKEN), unit: "readOnly", ...WRITE_PROTECTED },
  { what: "medium gone", ...writeToken(ZERO_TOKEN), before: { state: "no-medium" }, ...NO_MEDIUM },
];

const tokenInformation: Case[] = [
  { what: "of POPULATE TOKEN", ...TOKEN_INFORMATION, before: { steps: [POPULATE] } },
  { what: "an unknown list identifier", cdb: TOKEN_INFORMATION.cdb, ...badField("c0 0002") },
];

const status4: Case[] = [
  {
    what: "of WRITE USING TOKEN: two blocks",
    cdb: "84 05 00000008 00000000 00000020 00 00",
    before: { steps: [writeToken(ZERO_TOKEN)] },
    dataIn:
      "0000001c 11 01 [count:2] fffffffe 00 00 00 f1 0000000000000002 [segments:2] [reserved:6]",
  },
  {
    what: "an unknown list identifier",
    cdb: "84 05 00000008 00000000 00000020 00 00",
    ...badField("c0 0002"),
  },
];

const tokens: Case[] = [
  { what: "none", cdb: "84 08 0000000000000000 00000100 00 00", dataIn: "00000004 00000000" },
  {
    what: "one, without its secret",
    cdb: "84 08 0000000000000000 00000100 00 00",
    before: WITH_TOKEN,
    dataIn: "00000064 00000000 [management:96]",
  },
  { what: "NACA", cdb: "84 08 0000000000000000 00000100 00 04", ...badField("ca 000f") },
];

const abort: Case[] = [
  {
    what: "a copy that has ended",
    cdb: "83 1c 00000008 000000000000000000 00",
    before: { steps: [writeToken(ZERO_TOKEN)] },
    ...badField("c0 0002"),
  },
  {
    what: "an unknown list identifier",
    cdb: "83 1c 00000009 000000000000000000 00",
    ...badField("c0 0002"),
  },
];

export const copyVectors = [
  ...vectorsOf("EXTENDED COPY(LID1)", "SPC-4 6.5", extended),
  ...vectorsOf("RECEIVE COPY STATUS(LID1)", "SPC-4 6.25", status1),
  ...vectorsOf("RECEIVE COPY FAILURE DETAILS(LID1)", "SPC-4 6.23", details),
  ...vectorsOf("RECEIVE COPY OPERATING PARAMETERS", "SPC-4 6.22", parameters),
  ...vectorsOf("POPULATE TOKEN", "SBC-4 5.12", populate),
  ...vectorsOf("WRITE USING TOKEN", "SBC-4 5.59", write),
  ...vectorsOf("RECEIVE ROD TOKEN INFORMATION", "SPC-4 6.26", tokenInformation),
  ...vectorsOf("RECEIVE COPY STATUS(LID4)", "SPC-4 6.24", status4),
  ...vectorsOf("REPORT ALL ROD TOKENS", "SPC-4 6.31", tokens),
  ...vectorsOf("COPY OPERATION ABORT", "SPC-4 6.3", abort),
];
