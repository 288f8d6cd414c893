/** UNMAP and GET LBA STATUS: what is mapped. */
import {
  badField,
  badParameter,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

/** UNMAP parameter list (SBC-4 5.35): descriptors of 3 to 4 and of 8. */
const TWO = "0026 0020 00000000" +
  "0000000000000003 00000002 00000000" + "0000000000000008 00000001 00000000";
const UNMAP = "42 00 00000000 00 0028 00";

const unmap = vectorsOf("UNMAP", "SBC-4 5.35", [
  {
    what: "two descriptors",
    cdb: UNMAP,
    dataOut: TWO,
    after: { 1536: "00*1024", 4096: "00*512" },
    unmapped: [[3, 2], [8, 1]],
  },
  {
    what: "overlapping, and one that is empty at the end",
    cdb: "42 00 00000000 00 0038 00",
    dataOut: "0036 0030 00000000 0000000000000003 00000002 00000000" +
      "0000000000000040 00000000 00000000 0000000000000004 00000002 00000000",
    after: { 1536: "00*1536" },
    unmapped: [[3, 3]],
  },
  {
    what: "a last descriptor that is not whole",
    cdb: "42 00 00000000 00 0020 00",
    dataOut: "001e 0018 00000000 0000000000000003 00000002 00000000 0000000000000008",
    after: { 1536: "00*1024" },
  },
  { what: "no descriptors", cdb: "42 00 00000000 00 0008 00", dataOut: "0006 0000 00000000" },
  { what: "nothing to transfer", cdb: "42 00 00000000 00 0000 00" },
  {
    what: "4096-byte blocks",
    cdb: "42 00 00000000 00 0018 00",
    unit: "native4k",
    dataOut: "0016 0010 00000000 0000000000000003 00000002 00000000",
    after: { 12288: "00*8192" },
  },
  {
    what: "list shorter than its header",
    cdb: "42 00 00000000 00 0007 00",
    dataOut: "0006 0000 000000",
    sense: "05 1a 00",
  },
  {
    what: "more descriptors announced than sent",
    cdb: "42 00 00000000 00 0018 00",
    dataOut: TWO,
    sense: "05 1a 00",
  },
  {
    what: "the second is out of range: the first is not done either",
    cdb: UNMAP,
    dataOut: TWO.replace("0000000000000008", "0000000000000040"),
    ...LBA_OUT_OF_RANGE,
  },
  {
    what: "LBA and number wrap around",
    cdb: UNMAP,
    dataOut: TWO.replace("0000000000000008", "ffffffffffffffff"),
    sense: "05 21 00",
  },
  {
    what: "more than MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (257)",
    cdb: "42 00 00000000 00 1018 00",
    dataOut: "1016 1010 00000000 00*4112",
    ...badParameter("80 0002"),
  },
  {
    what: "more blocks than MAXIMUM UNMAP LBA COUNT",
    cdb: "42 00 00000000 00 0018 00",
    unit: "twoTebibytes",
    dataOut: "0016 0010 00000000 0000000000000000 00100001 00000000",
    ...badParameter("80 0010"),
  },
  { what: "ANCHOR", cdb: "42 01 00000000 00 0028 00", dataOut: TWO, ...badField("c8 0001") },
  {
    what: "the handler cannot discard",
    cdb: UNMAP,
    unit: "plain",
    dataOut: TWO,
    sense: "05 20 00",
  },
  { what: "write protected", cdb: UNMAP, unit: "readOnly", dataOut: TWO, ...WRITE_PROTECTED },
  { what: "medium gone", cdb: UNMAP, dataOut: TWO, before: { state: "no-medium" }, ...NO_MEDIUM },
  {
    what: "the discard fails",
    cdb: UNMAP,
    dataOut: TWO,
    before: { fails: { discard: "internal" } },
    sense: "04 44 00",
  },
  { what: "NACA", cdb: "42 00 00000000 00 0028 04", dataOut: TWO, ...badField("ca 0009") },
]);

/** Byte 7: COMPLETION CONDITION (011b: end of the medium) and RTP. */
const HOLES = { unmapped: [[8, 4], [32, 32]] } as const;
const MAPPED_8 = "0000000000000000 00000008 00 000000";

function statusCases(
  cdb: (lba: string, allocation: string, type: string) => string,
  type: string,
): Case[] {
  return [
    {
      what: "a volume that cannot tell: all mapped from the LBA on",
      cdb: cdb("0000000000000003", "00000018", "00"),
      dataIn: "00000014 000000 07 0000000000000003 0000003d 00 000000",
    },
    {
      what: "a volume that can",
      cdb: cdb("0000000000000000", "00000100", "00"),
      unit: "provisioned",
      before: HOLES,
      dataIn: `00000044 000000 07 ${MAPPED_8} 0000000000000008 00000004 01 000000` +
        "000000000000000c 00000014 00 000000 0000000000000020 00000020 01 000000",
    },
    {
      what: "room for one descriptor",
      cdb: cdb("0000000000000000", "00000018", "00"),
      unit: "provisioned",
      before: HOLES,
      dataIn: `00000014 000000 03 ${MAPPED_8}`,
    },
    {
      what: "from inside of a hole",
      cdb: cdb("0000000000000022", "00000100", "00"),
      unit: "provisioned",
      before: HOLES,
      dataIn: "00000014 000000 07 0000000000000022 0000001e 01 000000",
    },
    {
      what: "what is not mapped",
      cdb: cdb("0000000000000000", "00000100", "01"),
      unit: "provisioned",
      before: HOLES,
      dataIn: "00000024 000000 07 0000000000000008 00000004 01 000000" +
        "0000000000000020 00000020 01 000000",
    },
    {
      what: "allocation length 4",
      cdb: cdb("0000000000000000", "00000004", "00"),
      dataIn: "00000014",
    },
    { what: "at the end", cdb: cdb("0000000000000040", "00000018", "00"), ...LBA_OUT_OF_RANGE },
    { what: "LBA -1", cdb: cdb("ffffffffffffffff", "00000018", "00"), sense: "05 21 00" },
    {
      what: "reserved report type",
      cdb: cdb("0000000000000003", "00000018", "05"),
      ...badField(type),
    },
    {
      what: "medium gone",
      cdb: cdb("0000000000000003", "00000018", "00"),
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "the handler cannot tell after all",
      cdb: cdb("0000000000000000", "00000100", "00"),
      unit: "provisioned",
      before: { fails: { extents: "medium-error" } },
      dataIn: "00000014 000000 07 0000000000000000 00000040 00 000000",
    },
  ];
}

const lbaStatus = [
  ...vectorsOf("GET LBA STATUS(16)", "SBC-4 5.6", [
    ...statusCases((lba, allocation, type) => `9e 12 ${lba} ${allocation} ${type} 00`, "c0 000e"),
    { what: "NACA", cdb: "9e 12 0000000000000003 00000018 00 04", ...badField("ca 000f") },
  ]),
  ...vectorsOf("GET LBA STATUS(32)", "SBC-4 5.7", [
    ...statusCases(
      (lba, allocation, type) =>
        `7f 00 00000000 00 18 0012 ${type} 00 ${lba} 00000000 00000000 ${allocation}`,
      "c0 000a",
    ),
    {
      what: "SCAN LENGTH ends it",
      cdb: "7f 00 00000000 00 18 0012 00 00 0000000000000004 00000002 00000000 00000100",
      dataIn: "00000014 000000 05 0000000000000004 00000002 00 000000",
    },
    {
      what: "ELEMENT IDENTIFIER",
      cdb: "7f 00 00000000 00 18 0012 00 00 0000000000000004 00000000 00000001 00000100",
      ...badField("c0 0018"),
    },
    {
      what: "NACA",
      cdb: "7f 04 00000000 00 18 0012 00 00 0000000000000003 00000000 00000000 00000018",
      ...badField("ca 0001"),
    },
  ]),
];

export const provisioningVectors = [...unmap, ...lbaStatus];
