/** WRITE SAME: one block, or zeros, over a range. */
import { cdbOf, flagsPointer, lengthPointer, nacaPointer, sizesOf, WRITE_SAME } from "../forms.ts";
import {
  badField,
  type Case,
  LBA_OUT_OF_RANGE,
  NO_MEDIUM,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

const CLAUSES: Readonly<Record<number, string>> = {
  10: "SBC-4 5.52",
  16: "SBC-4 5.53",
  32: "SBC-4 5.54",
};
const ZEROS = "00*512";

function casesOf(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(WRITE_SAME, size, flags, lba, blocks);
  const [four, unmap] = [cdb("00", 3, 4), cdb("08", 3, 4)];
  const zeros = { 1536: "00*2048" };
  return [
    { what: "a pattern", cdb: four, dataOut: "a5*512", after: { 1536: "a5*2048" } },
    {
      what: "a pattern, WCE 0",
      cdb: four,
      dataOut: "a5*512",
      before: { writeCacheOff: true },
      after: { 1536: "a5*2048" },
      durable: true,
    },
    {
      what: "more than one piece",
      cdb: cdb("00", 0, 2049),
      unit: "large",
      dataOut: "a5*512",
      after: { 0: "a5*1049088" },
    },
    {
      what: "zeros without UNMAP stay mapped",
      cdb: four,
      dataOut: ZEROS,
      after: zeros,
      unmapped: [],
    },
    { what: "zeros, UNMAP", cdb: unmap, dataOut: ZEROS, after: zeros, unmapped: [[3, 4]] },
    {
      what: "other data, UNMAP: must be read back (LBPRZ)",
      cdb: unmap,
      dataOut: "a5*512",
      after: { 1536: "a5*2048" },
      unmapped: [],
    },
    {
      what: "zeros, UNMAP, by discarding",
      cdb: unmap,
      unit: "discarding",
      dataOut: ZEROS,
      after: zeros,
      unmapped: [[3, 4]],
    },
    {
      what: "zeros of a volume that can only write",
      cdb: four,
      unit: "plain",
      dataOut: ZEROS,
      after: zeros,
    },
    {
      what: "4096-byte blocks",
      cdb: cdb("00", 3, 2),
      unit: "native4k",
      dataOut: "a5*4096",
      after: { 12288: "a5*8192" },
    },
    {
      what: "UNMAP without discard",
      cdb: unmap,
      unit: "plain",
      dataOut: ZEROS,
      ...badField(flagsPointer(size, 3)),
    },
    {
      what: "ANCHOR without UNMAP",
      cdb: cdb("10", 3, 4),
      dataOut: ZEROS,
      ...badField(flagsPointer(size, 4)),
    },
    {
      what: "ANCHOR and UNMAP: ANC_SUP is 0",
      cdb: cdb("18", 3, 4),
      dataOut: ZEROS,
      ...badField(flagsPointer(size, 4)),
    },
    {
      what: "no blocks: WSNZ",
      cdb: cdb("00", 3, 0),
      dataOut: ZEROS,
      ...badField(lengthPointer(size)),
    },
    {
      what: "more than MAXIMUM WRITE SAME LENGTH",
      cdb: cdb("00", 0, 32769),
      unit: "large",
      dataOut: ZEROS,
      ...badField(lengthPointer(size)),
    },
    { what: "less than a block was sent", cdb: four, dataOut: "00*256", sense: "05 0e 03" },
    { what: "more than a block was sent", cdb: four, dataOut: "00*1024", sense: "05 0e 03" },
    { what: "beyond the end", cdb: cdb("00", 63, 2), dataOut: ZEROS, ...LBA_OUT_OF_RANGE },
    { what: "write protected", cdb: unmap, unit: "readOnly", dataOut: ZEROS, ...WRITE_PROTECTED },
    {
      what: "medium gone",
      cdb: four,
      dataOut: ZEROS,
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "the write fails",
      cdb: four,
      dataOut: "a5*512",
      before: { fails: { write: "medium-error" }, failingLba: 5 },
      sense: "03 0c 00",
      information: 5,
    },
    {
      what: "no space",
      cdb: four,
      dataOut: ZEROS,
      before: { fails: { writeZeroes: "no-space" } },
      sense: "07 27 07",
    },
    { what: "WRPROTECT", cdb: cdb("20", 3, 1), dataOut: ZEROS, ...badField(flagsPointer(size, 7)) },
    {
      what: "NACA",
      cdb: cdbOf(WRITE_SAME, size, "00", 3, 4, "04"),
      dataOut: ZEROS,
      ...badField(nacaPointer(size)),
    },
  ];
}

/** No data-out buffer (SBC-4 5.53): not in the 10-byte form. */
function withoutData(size: number): Case[] {
  const cdb = (flags: string) => cdbOf(WRITE_SAME, size, flags, 3, 4);
  const after = { 1536: "00*2048" };
  return [
    { what: "NDOB", cdb: cdb("01"), after, unmapped: [] },
    { what: "NDOB and UNMAP", cdb: cdb("09"), after, unmapped: [[3, 4]] },
    { what: "NDOB of a volume that can only write", cdb: cdb("01"), unit: "plain", after },
    { what: "NDOB and ANCHOR", cdb: cdb("11"), ...badField(flagsPointer(size, 4)) },
  ];
}

export const writeSameVectors = [
  ...sizesOf(WRITE_SAME).flatMap((size) =>
    vectorsOf(`WRITE SAME(${size})`, CLAUSES[size], casesOf(size))
  ),
  ...[16, 32].flatMap((size) => vectorsOf(`WRITE SAME(${size})`, CLAUSES[size], withoutData(size))),
  ...vectorsOf("WRITE SAME(10)", CLAUSES[10], [
    {
      what: "bit 0, which is NDOB in the longer CDBs only",
      cdb: cdbOf(WRITE_SAME, 10, "01", 3, 4),
      ...badField("c8 0001"),
    },
  ]),
];
