/** SYNCHRONIZE CACHE and PRE-FETCH. */
import { cdbOf, nacaPointer, PRE_FETCH, SYNCHRONIZE_CACHE } from "../forms.ts";
import { badField, type Case, LBA_OUT_OF_RANGE, NO_MEDIUM, vectorsOf } from "../vector.ts";

const unflushed = { unflushed: [[3, 2], [40, 1]] } as const;

function synchronizeCases(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(SYNCHRONIZE_CACHE, size, flags, lba, blocks);
  const room = 0;
  return [
    { what: "a range", cdb: cdb("00", 3, 2), room, before: unflushed, durable: true },
    { what: "all", cdb: cdb("00", 0, 0), room, before: unflushed, durable: true },
    { what: "IMMED", cdb: cdb("02", 0, 0), room, before: unflushed, durable: true },
    { what: "a volume without cache", cdb: cdb("00", 0, 0), room, unit: "uncached" },
    { what: "a unit that is write protected", cdb: cdb("00", 0, 0), room, unit: "readOnly" },
    { what: "beyond the end", cdb: cdb("00", 63, 2), room, ...LBA_OUT_OF_RANGE },
    {
      what: "medium gone",
      cdb: cdb("00", 0, 1),
      room,
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "the flush fails",
      cdb: cdb("00", 0, 0),
      room,
      before: { fails: { flush: "medium-error" } },
      sense: "03 0c 00",
    },
    {
      what: "NACA",
      cdb: cdbOf(SYNCHRONIZE_CACHE, size, "00", 0, 0, "04"),
      room,
      ...badField(nacaPointer(size)),
    },
  ];
}

/** CONDITION MET says that it fits into the cache (SBC-4 5.13); there is none to fit into. */
function preFetchCases(size: number): Case[] {
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(PRE_FETCH, size, flags, lba, blocks);
  const room = 0;
  return [
    { what: "a range", cdb: cdb("00", 3, 2), room },
    { what: "all, IMMED", cdb: cdb("02", 0, 0), room },
    { what: "beyond the end", cdb: cdb("00", 63, 2), room, ...LBA_OUT_OF_RANGE },
    {
      what: "medium gone",
      cdb: cdb("00", 0, 1),
      room,
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "NACA",
      cdb: cdbOf(PRE_FETCH, size, "00", 0, 0, "04"),
      room,
      ...badField(nacaPointer(size)),
    },
  ];
}

export const cacheVectors = [
  ...vectorsOf("SYNCHRONIZE CACHE(10)", "SBC-4 5.33", synchronizeCases(10)),
  ...vectorsOf("SYNCHRONIZE CACHE(16)", "SBC-4 5.34", synchronizeCases(16)),
  ...vectorsOf("PRE-FETCH(10)", "SBC-4 5.13", preFetchCases(10)),
  ...vectorsOf("PRE-FETCH(16)", "SBC-4 5.14", preFetchCases(16)),
];
