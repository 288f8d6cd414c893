/** WRITE: six bytes to thirty-two. */
import { cdbOf, flagsPointer, lengthPointer, nacaPointer, sizesOf, WRITE } from "../forms.ts";
import {
  badField,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  outOfRange,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

const CLAUSES: Readonly<Record<number, string>> = {
  6: "SBC-2 5.24",
  10: "SBC-4 5.40",
  12: "SBC-4 5.41",
  16: "SBC-4 5.42",
  32: "SBC-4 5.43",
};
const DATA = "a5*1024";

function casesOf(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(WRITE, size, flags, lba, blocks);
  const two = { cdb: cdb("00", 3, 2), dataOut: DATA };
  return [
    { what: "two blocks", ...two, after: { 1536: DATA }, durable: false },
    { what: "no cache: it is durable", ...two, unit: "uncached", after: { 1536: DATA } },
    {
      what: "WCE 0",
      ...two,
      before: { writeCacheOff: true },
      after: { 1536: DATA },
      durable: true,
    },
    {
      what: "what was not mapped is",
      ...two,
      before: { unmapped: [[2, 2]] },
      after: { 1536: DATA },
      unmapped: [[2, 1]],
    },
    {
      what: "one block of two was sent",
      cdb: two.cdb,
      dataOut: "a5*512",
      after: { 1536: "a5*512" },
    },
    { what: "a part of a block was sent", cdb: two.cdb, dataOut: "a5*600", sense: "05 0e 03" },
    {
      what: "4096-byte blocks",
      cdb: cdb("00", 3, 1),
      unit: "native4k",
      dataOut: "a5*4096",
      after: { 12288: "a5*4096" },
    },
    { what: "beyond the end", cdb: cdb("00", 63, 2), dataOut: DATA, ...LBA_OUT_OF_RANGE },
    { what: "a volume that cannot be written", ...two, unit: "readOnly", ...WRITE_PROTECTED },
    { what: "write protected by the operator", ...two, unit: "protected", ...WRITE_PROTECTED },
    {
      what: "write protected meanwhile",
      ...two,
      before: { operatorWriteProtect: true },
      ...WRITE_PROTECTED,
    },
    { what: "SWP", ...two, before: { softwareWriteProtect: true }, sense: "07 27 02" },
    { what: "medium gone", ...two, before: { state: "no-medium" }, ...NO_MEDIUM },
    { what: "sanitizing", ...two, before: { state: "sanitizing" }, sense: "02 04 1b" },
    {
      what: "port in standby",
      ...two,
      before: { accessState: 2 },
      unit: "ported",
      sense: "02 04 0b",
    },
    {
      what: "no space",
      cdb: cdb("00", 3, 1),
      dataOut: "a5*512",
      before: { fails: { write: "no-space" } },
      sense: "07 27 07",
    },
    {
      what: "write error at the block the handler names",
      ...two,
      before: { fails: { write: "medium-error" }, failingLba: 4 },
      sense: "03 0c 00",
      information: 4,
    },
    {
      what: "NACA",
      cdb: cdbOf(WRITE, size, "00", 3, 2, "04"),
      dataOut: DATA,
      ...badField(nacaPointer(size)),
    },
  ];
}

/** Not in the 6-byte form. */
function longCasesOf(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(WRITE, size, flags, lba, blocks);
  return [
    {
      what: "FUA",
      cdb: cdb("08", 3, 1),
      dataOut: "a5*512",
      after: { 1536: "a5*512" },
      durable: true,
    },
    { what: "DPO", cdb: cdb("10", 3, 1), dataOut: "a5*512", after: { 1536: "a5*512" } },
    { what: "no blocks", cdb: cdb("00", 3, 0) },
    {
      what: "no blocks, write protected",
      cdb: cdb("00", 3, 0),
      unit: "readOnly",
      ...WRITE_PROTECTED,
    },
    { what: "no blocks beyond the end", cdb: cdb("00", 65, 0), ...outOfRange(65) },
    {
      what: "WRPROTECT",
      cdb: cdb("e0", 3, 1),
      dataOut: "a5*512",
      ...badField(flagsPointer(size, 7)),
    },
    {
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      unit: "large",
      dataOut: DATA,
      ...badField(lengthPointer(size)),
    },
  ];
}

export const writeVectors = [
  ...sizesOf(WRITE).flatMap((size) => vectorsOf(`WRITE(${size})`, CLAUSES[size], casesOf(size))),
  ...[10, 12, 16, 32].flatMap((size) =>
    vectorsOf(`WRITE(${size})`, CLAUSES[size], longCasesOf(size))
  ),
  ...vectorsOf("WRITE(6)", CLAUSES[6], [
    {
      what: "0 blocks are 256",
      cdb: "0a e00002 00 00",
      unit: "large",
      dataOut: "a5*131072",
      after: { 1024: "a5*131072" },
    },
  ]),
  ...vectorsOf("WRITE(16)", CLAUSES[16], [
    {
      what: "the last block of 8 PiB",
      cdb: cdbOf(WRITE, 16, "00", 2 ** 44 - 1, 1),
      unit: "eightPebibytes",
      dataOut: "a5*512",
      after: { [(2 ** 44 - 1) * 512]: "a5*512" },
    },
  ]),
];
