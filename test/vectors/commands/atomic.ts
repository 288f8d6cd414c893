/** ORWRITE and WRITE ATOMIC: nothing comes between their blocks. */
import {
  cdbOf,
  digits,
  flagsPointer,
  lengthPointer,
  nacaPointer,
  ORWRITE,
  sizesOf,
} from "../forms.ts";
import {
  badField,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

const OR_CLAUSES: Readonly<Record<number, string>> = { 16: "SBC-4 5.10", 32: "SBC-4 5.11" };

function orCases(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(ORWRITE, size, flags, lba, blocks);
  const two = { cdb: cdb("00", 3, 2), dataOut: "a5*1024" };
  const after = { 1536: "a7*512 a5*512" };
  return [
    { what: "03h or A5h is A7h, 04h or A5h is A5h", ...two, after },
    { what: "FUA", cdb: cdb("08", 3, 2), dataOut: two.dataOut, after, durable: true },
    { what: "WCE 0", ...two, before: { writeCacheOff: true }, after, durable: true },
    { what: "no blocks", cdb: cdb("00", 3, 0) },
    {
      what: "longer than one piece",
      cdb: cdb("00", 0, 2049),
      unit: "large",
      before: { contents: { 0: "0f*1049088" } },
      dataOut: "f0*1049088",
      after: { 0: "ff*1049088" },
    },
    {
      what: "one block of two was sent",
      cdb: two.cdb,
      dataOut: "a5*512",
      sense: "05 0e 03",
    },
    { what: "beyond the end", cdb: cdb("00", 63, 2), dataOut: two.dataOut, ...LBA_OUT_OF_RANGE },
    {
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      unit: "large",
      dataOut: two.dataOut,
      ...badField(lengthPointer(size)),
    },
    { what: "write protected", ...two, unit: "readOnly", ...WRITE_PROTECTED },
    { what: "medium gone", ...two, before: { state: "no-medium" }, ...NO_MEDIUM },
    {
      what: "it cannot be read",
      ...two,
      before: { fails: { read: "medium-error" }, failingLba: 4 },
      sense: "03 11 00",
      information: 4,
    },
    {
      what: "ORPROTECT",
      cdb: cdb("20", 3, 2),
      dataOut: two.dataOut,
      ...badField(flagsPointer(size, 7)),
    },
    {
      what: "NACA",
      cdb: cdbOf(ORWRITE, size, "00", 3, 2, "04"),
      dataOut: two.dataOut,
      ...badField(nacaPointer(size)),
    },
  ];
}

const generation: Case[] = [
  {
    what: "EXPECTED ORWGENERATION is not the one there is",
    cdb: "7f 00 00 00 0000 00 18 000e 00 00 0000000000000003 00000001 00000000 00000001",
    dataOut: "a5*512",
    sense: "05 2c 0c",
  },
  {
    what: "BMOP other than set: generations cannot be changed",
    cdb: "7f 00 01 00 0000 00 18 000e 00 00 0000000000000000 00000000 00000001 00000000",
    ...badField("ca 0002"),
  },
];

function atomic(flags: string, lba: number, boundary: number, blocks: number): string {
  return `9c ${flags} ${digits(lba, 8)} ${digits(boundary, 2)} ${digits(blocks, 2)} 00 00`;
}

const atomicCases: Case[] = [
  {
    what: "as long as can be",
    cdb: atomic("00", 3, 0, 16),
    unit: "atomic",
    dataOut: "a5*8192",
    after: { 1536: "a5*8192" },
  },
  {
    what: "FUA",
    cdb: atomic("08", 3, 0, 2),
    unit: "atomic",
    dataOut: "a5*1024",
    after: { 1536: "a5*1024" },
    durable: true,
  },
  { what: "no blocks", cdb: atomic("00", 3, 0, 0), unit: "atomic" },
  {
    what: "longer than MAXIMUM ATOMIC TRANSFER LENGTH",
    cdb: atomic("00", 3, 0, 17),
    unit: "atomic",
    dataOut: "a5*8704",
    ...badField("c0 000c"),
  },
  {
    what: "ATOMIC BOUNDARY",
    cdb: atomic("00", 3, 2, 4),
    unit: "atomic",
    dataOut: "a5*2048",
    ...badField("c0 000a"),
  },
  {
    what: "not all was sent",
    cdb: atomic("00", 3, 0, 2),
    unit: "atomic",
    dataOut: "a5*512",
    sense: "05 0e 03",
  },
  {
    what: "beyond the end",
    cdb: atomic("00", 63, 0, 2),
    unit: "atomic",
    dataOut: "a5*1024",
    ...LBA_OUT_OF_RANGE,
  },
  {
    what: "the handler promises no atomic writes",
    cdb: atomic("00", 3, 0, 2),
    dataOut: "a5*1024",
    sense: "05 20 00",
  },
  {
    what: "write protected meanwhile",
    cdb: atomic("00", 3, 0, 2),
    unit: "atomic",
    before: { operatorWriteProtect: true },
    dataOut: "a5*1024",
    ...WRITE_PROTECTED,
  },
  {
    what: "WRPROTECT",
    cdb: atomic("20", 3, 0, 2),
    unit: "atomic",
    dataOut: "a5*1024",
    ...badField("cf 0001"),
  },
];

export const atomicVectors = [
  ...sizesOf(ORWRITE).flatMap((size) =>
    vectorsOf(`ORWRITE(${size})`, OR_CLAUSES[size], orCases(size))
  ),
  ...vectorsOf("ORWRITE(32)", OR_CLAUSES[32], generation),
  ...vectorsOf("WRITE ATOMIC(16)", "SBC-4 5.48", atomicCases),
];
