/** VERIFY, and WRITE AND VERIFY. */
import {
  cdbOf,
  flagsPointer,
  lengthPointer,
  nacaPointer,
  sizesOf,
  VERIFY,
  WRITE_AND_VERIFY,
} from "../forms.ts";
import {
  badField,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

const VERIFY_CLAUSES: Readonly<Record<number, string>> = {
  10: "SBC-4 5.36",
  12: "SBC-4 5.37",
  16: "SBC-4 5.38",
  32: "SBC-4 5.39",
};
const WRITE_CLAUSES: Readonly<Record<number, string>> = {
  10: "SBC-4 5.44",
  12: "SBC-4 5.45",
  16: "SBC-4 5.46",
  32: "SBC-4 5.47",
};
const READ_FAILS = { fails: { read: "medium-error" }, failingLba: 4 } as const;
const MISCOMPARE = { sense: "0e 1d 00" };

function verifyCases(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(VERIFY, size, flags, lba, blocks);
  return [
    { what: "BYTCHK 00b: the medium can be read", cdb: cdb("00", 3, 2), room: 0 },
    { what: "BYTCHK 00b, DPO: what was sent is ignored", cdb: cdb("10", 3, 1), dataOut: "ff*512" },
    {
      what: "BYTCHK 00b, medium error",
      cdb: cdb("00", 3, 2),
      room: 0,
      before: READ_FAILS,
      sense: "03 11 00",
      information: 4,
    },
    { what: "BYTCHK 01b", cdb: cdb("02", 3, 2), dataOut: "03*512 04*512" },
    {
      what: "BYTCHK 01b, the last byte differs",
      cdb: cdb("02", 3, 2),
      dataOut: "03*512 04*511 05",
      ...MISCOMPARE,
      information: 4,
    },
    {
      what: "BYTCHK 01b, not all sent",
      cdb: cdb("02", 3, 2),
      dataOut: "03*512",
      sense: "05 0e 03",
    },
    {
      what: "BYTCHK 01b, medium error",
      cdb: cdb("02", 3, 2),
      dataOut: "03*512 04*512",
      before: READ_FAILS,
      sense: "03 11 00",
      information: 4,
    },
    {
      what: "BYTCHK 10b",
      cdb: cdb("04", 3, 2),
      dataOut: "03*512",
      ...badField(flagsPointer(size, 2)),
    },
    {
      what: "BYTCHK 11b",
      cdb: cdb("06", 3, 3),
      before: { contents: { 2048: "03*1024" } },
      dataOut: "03*512",
    },
    {
      what: "BYTCHK 11b, second block differs",
      cdb: cdb("06", 3, 2),
      dataOut: "03*512",
      ...MISCOMPARE,
      information: 4,
    },
    { what: "no blocks", cdb: cdb("06", 3, 0) },
    { what: "no blocks at the end", cdb: cdb("00", 64, 0), room: 0 },
    { what: "longer than one piece", cdb: cdb("00", 1, 2049), room: 0, unit: "large" },
    {
      what: "longer than one piece, compared",
      cdb: cdb("02", 0, 2049),
      unit: "large",
      before: { contents: { 0: "a5*1049088" } },
      dataOut: "a5*1049088",
    },
    {
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      room: 0,
      unit: "large",
      ...badField(lengthPointer(size)),
    },
    { what: "a unit that is write protected", cdb: cdb("00", 3, 2), room: 0, unit: "readOnly" },
    { what: "beyond the end", cdb: cdb("00", 63, 2), room: 0, ...LBA_OUT_OF_RANGE },
    {
      what: "medium gone",
      cdb: cdb("00", 3, 2),
      room: 0,
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "VRPROTECT",
      cdb: cdb("22", 3, 1),
      dataOut: "03*512",
      ...badField(flagsPointer(size, 7)),
    },
    {
      what: "NACA",
      cdb: cdbOf(VERIFY, size, "00", 3, 2, "04"),
      room: 0,
      ...badField(nacaPointer(size)),
    },
  ];
}

function writeCases(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(WRITE_AND_VERIFY, size, flags, lba, blocks);
  const dataOut = "a5*1024";
  const after = { 1536: dataOut };
  return [
    {
      what: "BYTCHK 00b: it is on the medium",
      cdb: cdb("00", 3, 2),
      dataOut,
      after,
      durable: true,
    },
    { what: "BYTCHK 01b", cdb: cdb("02", 3, 2), dataOut, after, durable: true },
    { what: "nothing was sent: nothing is written", cdb: cdb("02", 3, 1) },
    { what: "no blocks", cdb: cdb("00", 3, 0) },
    {
      what: "the write fails",
      cdb: cdb("00", 3, 2),
      dataOut,
      before: { fails: { write: "medium-error" }, failingLba: 4 },
      sense: "03 0c 00",
      information: 4,
    },
    {
      what: "it cannot be read back",
      cdb: cdb("02", 3, 2),
      dataOut,
      before: READ_FAILS,
      sense: "03 11 00",
      information: 4,
      after,
    },
    { what: "BYTCHK 10b", cdb: cdb("04", 3, 2), dataOut, ...badField(flagsPointer(size, 2)) },
    { what: "BYTCHK 11b", cdb: cdb("06", 3, 2), dataOut, ...badField(flagsPointer(size, 2)) },
    { what: "beyond the end", cdb: cdb("00", 63, 2), dataOut, ...LBA_OUT_OF_RANGE },
    {
      what: "write protected",
      cdb: cdb("00", 3, 2),
      dataOut,
      unit: "readOnly",
      ...WRITE_PROTECTED,
    },
    {
      what: "medium gone",
      cdb: cdb("00", 3, 2),
      dataOut,
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    { what: "WRPROTECT", cdb: cdb("20", 3, 2), dataOut, ...badField(flagsPointer(size, 7)) },
  ];
}

export const verifyVectors = [
  ...sizesOf(VERIFY).flatMap((size) =>
    vectorsOf(`VERIFY(${size})`, VERIFY_CLAUSES[size], verifyCases(size))
  ),
  ...sizesOf(WRITE_AND_VERIFY).flatMap((size) =>
    vectorsOf(`WRITE AND VERIFY(${size})`, WRITE_CLAUSES[size], writeCases(size))
  ),
];
