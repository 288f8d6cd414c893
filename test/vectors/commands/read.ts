/** READ: six bytes to thirty-two. */
import { cdbOf, flagsPointer, lengthPointer, nacaPointer, READ, sizesOf } from "../forms.ts";
import {
  badField,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  outOfRange,
  vectorsOf,
} from "../vector.ts";

const CLAUSES: Readonly<Record<number, string>> = {
  6: "SBC-2 5.5",
  10: "SBC-4 5.16",
  12: "SBC-4 5.17",
  16: "SBC-4 5.18",
  32: "SBC-4 5.19",
};

function casesOf(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) => cdbOf(READ, size, flags, lba, blocks);
  const two = cdb("00", 3, 2);
  return [
    { what: "two blocks", cdb: two, dataIn: "03*512 04*512" },
    { what: "the last block", cdb: cdb("00", 63, 1), dataIn: "3f*512" },
    { what: "a buffer that ends inside a block", cdb: two, room: 600, dataIn: "03*512 04*88" },
    { what: "no buffer", cdb: two, room: 0 },
    {
      what: "what is not mapped is zeros",
      cdb: two,
      before: { unmapped: [[4, 1]] },
      dataIn: "03*512 00*512",
    },
    { what: "4096-byte blocks", cdb: cdb("00", 3, 1), unit: "native4k", dataIn: "03*4096" },
    { what: "a unit that is write protected", cdb: two, unit: "readOnly", dataIn: "03*512 04*512" },
    { what: "one block beyond the end", cdb: cdb("00", 63, 2), ...LBA_OUT_OF_RANGE },
    { what: "medium gone", cdb: two, before: { state: "no-medium" }, ...NO_MEDIUM },
    { what: "handler starting", cdb: two, before: { state: "becoming-ready" }, sense: "02 04 01" },
    { what: "a unit attention", cdb: two, before: { attention: 0x062a09 }, sense: "06 2a 09" },
    {
      what: "a deferred error",
      cdb: two,
      before: { deferred: 0x030c00 },
      sense: "03 0c 00",
      deferred: true,
    },
    { what: "sanitizing", cdb: two, before: { state: "sanitizing" }, sense: "02 04 1b" },
    {
      what: "a sanitize operation has failed",
      cdb: two,
      before: { state: "sanitize-failed" },
      sense: "03 31 03",
    },
    { what: "formatting", cdb: two, before: { state: "formatting" }, sense: "02 04 04" },
    {
      what: "a format operation has failed",
      cdb: two,
      before: { state: "format-failed" },
      sense: "03 31 00",
    },
    {
      what: "port in standby",
      cdb: two,
      before: { accessState: 2 },
      unit: "ported",
      sense: "02 04 0b",
    },
    {
      what: "port unavailable",
      cdb: two,
      before: { accessState: 3 },
      unit: "ported",
      sense: "02 04 0c",
    },
    {
      what: "unrecovered error at the block the handler names",
      cdb: two,
      before: { fails: { read: "medium-error" }, failingLba: 4 },
      sense: "03 11 00",
      information: 4,
    },
    {
      what: "unrecovered error of the one block there is",
      cdb: cdb("00", 3, 1),
      before: { fails: { read: "medium-error" } },
      sense: "03 11 00",
      information: 3,
    },
    {
      what: "the handler is not ready",
      cdb: two,
      before: { fails: { read: "not-ready" } },
      sense: "02 04 00",
    },
    {
      what: "the handler has a bug",
      cdb: two,
      before: { fails: { read: "internal" } },
      sense: "04 44 00",
    },
    {
      what: "NACA",
      cdb: cdbOf(READ, size, "00", 3, 2, "04"),
      ...badField(nacaPointer(size)),
    },
  ];
}

/** Not in the 6-byte form. */
function longCasesOf(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) => cdbOf(READ, size, flags, lba, blocks);
  return [
    { what: "no blocks", cdb: cdb("00", 64, 0) },
    { what: "no blocks beyond the end", cdb: cdb("00", 65, 0), ...outOfRange(65) },
    { what: "DPO and FUA", cdb: cdb("18", 1, 1), dataIn: "01*512" },
    { what: "RDPROTECT", cdb: cdb("20", 3, 2), ...badField(flagsPointer(size, 7)) },
    {
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      unit: "large",
      ...badField(lengthPointer(size)),
    },
    {
      what: "more than the transfer limit, 4096-byte blocks",
      cdb: cdb("00", 0, 1025),
      unit: "native4k",
      ...outOfRange(16),
    },
  ];
}

const beyond32Bits: Case[] = [
  {
    what: "block 2^32",
    cdb: cdbOf(READ, 16, "00", 2 ** 32, 1),
    unit: "beyondTwoTebibytes",
    dataIn: "00*512",
  },
  {
    what: "the last block of 8 PiB",
    cdb: cdbOf(READ, 16, "00", 2 ** 44 - 1, 1),
    unit: "eightPebibytes",
    dataIn: "ff*512",
  },
  {
    what: "LBA 2^64 - 1, which fixed format has no room for",
    cdb: cdbOf(READ, 16, "00", 2n ** 64n - 1n, 1),
    sense: "05 21 00",
  },
  {
    what: "failing LBA beyond four bytes, fixed format: VALID is 0",
    cdb: cdbOf(READ, 16, "00", 2 ** 32, 1),
    unit: "beyondTwoTebibytes",
    before: { fails: { read: "medium-error" } },
    sense: "03 11 00",
  },
  {
    what: "failing LBA beyond four bytes, descriptor format",
    cdb: cdbOf(READ, 16, "00", 2 ** 32, 1),
    unit: "beyondTwoTebibytes",
    before: { fails: { read: "medium-error" }, descriptorSense: true },
    sense: "03 11 00",
    information: 2 ** 32,
  },
];

export const readVectors = [
  ...sizesOf(READ).flatMap((size) => vectorsOf(`READ(${size})`, CLAUSES[size], casesOf(size))),
  ...[10, 12, 16, 32].flatMap((size) =>
    vectorsOf(`READ(${size})`, CLAUSES[size], longCasesOf(size))
  ),
  ...vectorsOf("READ(16)", CLAUSES[16], beyond32Bits),
  ...vectorsOf("READ(6)", CLAUSES[6], [
    { what: "0 blocks are 256", cdb: "08 000001 00 00", unit: "large", room: 131073, dataIn: "*" },
    {
      what: "the upper three bits of byte 1 are not of the LBA",
      cdb: "08 e00003 01 00",
      dataIn: "03*512",
    },
  ]),
  ...vectorsOf("READ(32)", CLAUSES[32], [
    {
      what: "another ADDITIONAL CDB LENGTH",
      clause: "SPC-4 4.2.3",
      cdb: "7f 00 00000000 00 10 0009 00 00 0000000000000003 00000000 0000",
      ...badField("c0 0007"),
    },
  ]),
];
