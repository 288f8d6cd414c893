/**
 * Vectors of the commands of SBC-4. The unit is `makeUnit()` of `driver.ts`: 64 blocks of 512
 * bytes, block n filled with the byte n.
 */
import { MediaResult } from "../../src/scsi/media.ts";
import {
  badField,
  type Expectation,
  GOOD,
  NO_MEDIUM,
  OUT_OF_RANGE,
  type Vector,
  WRITE_PROTECTED,
} from "./vector.ts";

const READ_ONLY = { writable: false, discard: true, writeZeroes: true, writeCache: true };
const PLAIN = { writable: true, discard: false, writeZeroes: false, writeCache: false };
const MISCOMPARE: Expectation = { sense: "0e 1d 00" };
/** A unit large enough for transfer limits. */
const LARGE = { block_count: 33000 };
const MEDIUM_ERROR = { read: MediaResult.MEDIUM_ERROR, write: MediaResult.MEDIUM_ERROR };

/** The same range in each form of CDB: the 6-byte form has no flags. */
function cdbOf(
  size: number,
  codes: Readonly<Record<number, string>>,
  flags: string,
  lba: number,
  blocks: number,
): string {
  const number = (value: number, bytes: number) => value.toString(16).padStart(bytes * 2, "0");
  const code = codes[size];
  switch (size) {
    case 6:
      return `${code} ${number(lba, 3)} ${number(blocks, 1)} 00`;
    case 10:
      return `${code} ${flags} ${number(lba, 4)} 00 ${number(blocks, 2)} 00`;
    case 12:
      return `${code} ${flags} ${number(lba, 4)} ${number(blocks, 4)} 00 00`;
    case 16:
      return `${code} ${flags} ${number(lba, 8)} ${number(blocks, 4)} 00 00`;
    default:
      return `7f 00 00000000 00 18 ${code} ${flags} 00 ${number(lba, 8)}` +
        ` 00000000 0000 0000 ${number(blocks, 4)}`;
  }
}

const READ = { 6: "08", 10: "28", 12: "a8", 16: "88", 32: "0009" };
const WRITE = { 6: "0a", 10: "2a", 12: "aa", 16: "8a", 32: "000b" };
const VERIFY = { 10: "2f", 12: "af", 16: "8f", 32: "000a" };
const WRITE_AND_VERIFY = { 10: "2e", 12: "ae", 16: "8e", 32: "000c" };
const WRITE_SAME = { 10: "41", 16: "93", 32: "000d" };

function sizesOf(codes: Readonly<Record<number, string>>): number[] {
  return Object.keys(codes).map(Number);
}

function flagsPointer(size: number, bit: number): string {
  return `c${(8 | bit).toString(16)} ${size === 32 ? "000a" : "0001"}`;
}

function readVectors(size: number): Vector[] {
  const row = `READ(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) => cdbOf(size, READ, flags, lba, blocks);
  return [
    {
      row,
      what: "two blocks",
      cdb: cdb("00", 3, 2),
      expect: { dataIn: "03*512 04*512", steps: ["read 1536+1024"] },
    },
    { row, what: "the last block", cdb: cdb("00", 63, 1), expect: { dataIn: "3f*512" } },
    {
      row,
      what: "a buffer that ends inside a block",
      cdb: cdb("00", 3, 2),
      room: 600,
      expect: { dataIn: "03*512 04*88", steps: ["read 1536+1024"] },
    },
    { row, what: "no buffer", cdb: cdb("00", 3, 2), room: 0, expect: { dataIn: "-", steps: [] } },
    { row, what: "one block beyond the end", cdb: cdb("00", 63, 2), expect: OUT_OF_RANGE },
    {
      row,
      what: "medium gone",
      cdb: cdb("00", 3, 2),
      setup: { state: "no-medium" },
      expect: NO_MEDIUM,
    },
    {
      row,
      what: "unrecovered error, with the LBA",
      cdb: cdb("00", 3, 2),
      setup: { failures: MEDIUM_ERROR },
      expect: { sense: "03 11 00", information: 3 },
    },
  ];
}

/** Not in the 6-byte form. */
function longReadVectors(size: number): Vector[] {
  const row = `READ(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) => cdbOf(size, READ, flags, lba, blocks);
  return [
    { row, what: "no blocks", cdb: cdb("00", 64, 0), expect: { dataIn: "-", steps: [] } },
    { row, what: "no blocks beyond the end", cdb: cdb("00", 65, 0), expect: OUT_OF_RANGE },
    { row, what: "DPO and FUA", cdb: cdb("18", 1, 1), expect: { dataIn: "01*512" } },
    { row, what: "RDPROTECT", cdb: cdb("20", 3, 2), expect: badField(flagsPointer(size, 7)) },
    {
      row,
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      setup: { unit: LARGE },
      expect: badField({ 10: "c0 0007", 12: "c0 0006", 16: "c0 000a", 32: "c0 001c" }[size] ?? ""),
    },
  ];
}

function writeVectors(size: number): Vector[] {
  const row = `WRITE(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(size, WRITE, flags, lba, blocks);
  return [
    {
      row,
      what: "two blocks",
      cdb: cdb("00", 3, 2),
      dataOut: "a5*1024",
      expect: { steps: ["write 1536+1024"] },
    },
    {
      row,
      what: "cache switched off",
      cdb: cdb("00", 3, 2),
      setup: { writeCacheOff: true },
      dataOut: "a5*1024",
      expect: { steps: ["write 1536+1024 fua"] },
    },
    {
      row,
      what: "one block of two was sent",
      cdb: cdb("00", 3, 2),
      dataOut: "a5*512",
      expect: { steps: ["write 1536+512"] },
    },
    {
      row,
      what: "a part of a block was sent",
      cdb: cdb("00", 3, 2),
      dataOut: "a5*600",
      expect: { sense: "05 0e 03", steps: [] },
    },
    {
      row,
      what: "beyond the end",
      cdb: cdb("00", 63, 2),
      dataOut: "a5*1024",
      expect: OUT_OF_RANGE,
    },
    {
      row,
      what: "write protected",
      cdb: cdb("00", 3, 2),
      setup: { unit: { features: READ_ONLY } },
      dataOut: "a5*1024",
      expect: WRITE_PROTECTED,
    },
    {
      row,
      what: "SWP",
      cdb: cdb("00", 3, 2),
      setup: { softwareWriteProtect: true },
      dataOut: "a5*1024",
      expect: { sense: "07 27 02", steps: [] },
    },
    {
      row,
      what: "no space",
      cdb: cdb("00", 3, 2),
      setup: { failures: { write: MediaResult.NO_SPACE } },
      dataOut: "a5*1024",
      expect: { sense: "07 27 07", information: 3 },
    },
  ];
}

function longWriteVectors(size: number): Vector[] {
  const row = `WRITE(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(size, WRITE, flags, lba, blocks);
  return [
    {
      row,
      what: "FUA",
      cdb: cdb("08", 3, 1),
      dataOut: "a5*512",
      expect: { steps: ["write 1536+512 fua"] },
    },
    { row, what: "no blocks", cdb: cdb("00", 3, 0), dataOut: "", expect: { steps: [] } },
    {
      row,
      what: "WRPROTECT",
      cdb: cdb("e0", 3, 1),
      dataOut: "a5*512",
      expect: badField(flagsPointer(size, 7)),
    },
  ];
}

function verifyVectors(size: number): Vector[] {
  const row = `VERIFY(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(size, VERIFY, flags, lba, blocks);
  return [
    {
      row,
      what: "BYTCHK 00b reads the medium",
      cdb: cdb("00", 3, 2),
      expect: { steps: ["read 1536+1024"] },
    },
    {
      row,
      what: "BYTCHK 00b ignores what was sent",
      cdb: cdb("10", 3, 1),
      dataOut: "ff*512",
      expect: { steps: ["read 1536+512"] },
    },
    {
      row,
      what: "BYTCHK 00b, medium error",
      cdb: cdb("00", 3, 2),
      setup: { failures: MEDIUM_ERROR },
      expect: { sense: "03 11 00", information: 3 },
    },
    { row, what: "BYTCHK 01b", cdb: cdb("02", 3, 2), dataOut: "03*512 04*512", expect: GOOD },
    {
      row,
      what: "BYTCHK 01b, last byte differs",
      cdb: cdb("02", 3, 2),
      dataOut: "03*512 04*511 05",
      expect: MISCOMPARE,
    },
    {
      row,
      what: "BYTCHK 01b, not all sent",
      cdb: cdb("02", 3, 2),
      dataOut: "03*512",
      expect: { sense: "05 0e 03", steps: [] },
    },
    {
      row,
      what: "BYTCHK 10b",
      cdb: cdb("04", 3, 2),
      dataOut: "03*512",
      expect: badField(flagsPointer(size, 2)),
    },
    {
      row,
      what: "BYTCHK 11b",
      cdb: cdb("06", 3, 3),
      setup: { contents: { 2048: "03*1024" } },
      dataOut: "03*512",
      expect: { steps: ["read 1536+1536"] },
    },
    {
      row,
      what: "BYTCHK 11b, second block differs",
      cdb: cdb("06", 3, 2),
      dataOut: "03*512",
      expect: MISCOMPARE,
    },
    { row, what: "no blocks", cdb: cdb("06", 3, 0), dataOut: "", expect: { steps: [] } },
    {
      row,
      what: "pieces of 1 MiB",
      cdb: cdb("00", 1, 2049),
      setup: { unit: LARGE },
      expect: { steps: ["read 512+1048576", "read 1049088+512"] },
    },
    {
      row,
      what: "more than the transfer limit",
      cdb: cdb("00", 0, 8193),
      setup: { unit: LARGE },
      expect: badField({ 10: "c0 0007", 12: "c0 0006", 16: "c0 000a", 32: "c0 001c" }[size] ?? ""),
    },
    { row, what: "beyond the end", cdb: cdb("00", 63, 2), expect: OUT_OF_RANGE },
    {
      row,
      what: "VRPROTECT",
      cdb: cdb("22", 3, 1),
      dataOut: "03*512",
      expect: badField(flagsPointer(size, 7)),
    },
  ];
}

function writeAndVerifyVectors(size: number): Vector[] {
  const row = `WRITE AND VERIFY(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(size, WRITE_AND_VERIFY, flags, lba, blocks);
  const dataOut = "a5*1024";
  return [
    {
      row,
      what: "BYTCHK 00b",
      cdb: cdb("00", 3, 2),
      dataOut,
      expect: { steps: ["write 1536+1024 fua", "read 1536+1024"] },
    },
    {
      row,
      what: "BYTCHK 01b",
      cdb: cdb("02", 3, 2),
      dataOut,
      expect: { steps: ["write 1536+1024 fua", "read 1536+1024"] },
    },
    {
      row,
      what: "nothing was sent: nothing is written",
      cdb: cdb("02", 3, 1),
      dataOut: "",
      expect: { steps: [] },
    },
    {
      row,
      what: "the write fails",
      cdb: cdb("00", 3, 2),
      setup: { failures: MEDIUM_ERROR },
      dataOut,
      expect: { sense: "03 0c 00", information: 3 },
    },
    {
      row,
      what: "it cannot be read back",
      cdb: cdb("02", 3, 2),
      setup: { failures: { read: MediaResult.MEDIUM_ERROR } },
      dataOut,
      expect: { sense: "03 11 00", information: 3 },
    },
    {
      row,
      what: "BYTCHK 11b",
      cdb: cdb("06", 3, 2),
      dataOut,
      expect: badField(flagsPointer(size, 2)),
    },
    { row, what: "beyond the end", cdb: cdb("00", 63, 2), dataOut, expect: OUT_OF_RANGE },
    {
      row,
      what: "write protected",
      cdb: cdb("00", 3, 2),
      setup: { unit: { features: READ_ONLY } },
      dataOut,
      expect: WRITE_PROTECTED,
    },
  ];
}

function writeSameVectors(size: number): Vector[] {
  const row = `WRITE SAME(${size})`;
  const cdb = (flags: string, lba: number, blocks: number) =>
    cdbOf(size, WRITE_SAME, flags, lba, blocks);
  const length = { 10: "c0 0007", 16: "c0 000a", 32: "c0 001c" }[size] ?? "";
  const zeros = "00*512";
  return [
    {
      row,
      what: "a pattern",
      cdb: cdb("00", 3, 4),
      dataOut: "a5*512",
      expect: { steps: ["write 1536+2048"] },
    },
    {
      row,
      what: "a pattern in pieces of 1 MiB",
      cdb: cdb("00", 0, 2049),
      setup: { unit: LARGE },
      dataOut: "a5*512",
      expect: { steps: ["write 0+1048576", "write 1048576+512"] },
    },
    {
      row,
      what: "zeros",
      cdb: cdb("00", 3, 4),
      dataOut: zeros,
      expect: { steps: ["write-zeroes 1536+2048"] },
    },
    {
      row,
      what: "zeros, UNMAP",
      cdb: cdb("08", 3, 4),
      dataOut: zeros,
      expect: { steps: ["write-zeroes 1536+2048 unmap"] },
    },
    {
      row,
      what: "other data, UNMAP: must be read back (LBPRZ)",
      cdb: cdb("08", 3, 4),
      dataOut: "a5*512",
      expect: { steps: ["write 1536+2048"] },
    },
    {
      row,
      what: "zeros, UNMAP, by discarding",
      cdb: cdb("08", 3, 4),
      setup: { unit: { features: { ...PLAIN, discard: true } } },
      dataOut: zeros,
      expect: { steps: ["discard 1536+2048"] },
    },
    {
      row,
      what: "zeros of a volume that can only write",
      cdb: cdb("00", 3, 4),
      setup: { unit: { features: PLAIN } },
      dataOut: zeros,
      expect: { steps: ["write 1536+2048"] },
    },
    {
      row,
      what: "UNMAP without discard",
      cdb: cdb("08", 3, 4),
      setup: { unit: { features: PLAIN } },
      dataOut: zeros,
      expect: badField(flagsPointer(size, 3)),
    },
    {
      row,
      what: "ANCHOR without UNMAP",
      cdb: cdb("10", 3, 4),
      dataOut: zeros,
      expect: badField(flagsPointer(size, 4)),
    },
    {
      row,
      what: "ANCHOR and UNMAP: ANC_SUP is 0",
      cdb: cdb("18", 3, 4),
      dataOut: zeros,
      expect: badField(flagsPointer(size, 4)),
    },
    {
      row,
      what: "WSNZ",
      cdb: cdb("00", 3, 0),
      dataOut: zeros,
      expect: badField(length),
    },
    {
      row,
      what: "MAXIMUM WRITE SAME LENGTH",
      cdb: cdb("00", 0, 32769),
      setup: { unit: LARGE },
      dataOut: zeros,
      expect: badField(length),
    },
    {
      row,
      what: "less than a block",
      cdb: cdb("00", 3, 4),
      dataOut: "00*256",
      expect: { sense: "05 0e 03", steps: [] },
    },
    {
      row,
      what: "more than a block",
      cdb: cdb("00", 3, 4),
      dataOut: "00*1024",
      expect: { sense: "05 24 00", steps: [] },
    },
    { row, what: "beyond the end", cdb: cdb("00", 63, 2), dataOut: zeros, expect: OUT_OF_RANGE },
    {
      row,
      what: "write protected",
      cdb: cdb("08", 3, 4),
      setup: { unit: { features: READ_ONLY } },
      dataOut: "",
      expect: WRITE_PROTECTED,
    },
    {
      row,
      what: "WRPROTECT",
      cdb: cdb("20", 3, 1),
      dataOut: zeros,
      expect: badField(flagsPointer(size, 7)),
    },
  ];
}

const ndobVectors: readonly Vector[] = [16, 32].flatMap((size) => [
  {
    row: `WRITE SAME(${size})`,
    what: "NDOB",
    cdb: cdbOf(size, WRITE_SAME, "01", 3, 4),
    dataOut: "",
    expect: { steps: ["write-zeroes 1536+2048"] },
  },
  {
    row: `WRITE SAME(${size})`,
    what: "NDOB and UNMAP",
    cdb: cdbOf(size, WRITE_SAME, "09", 3, 4),
    dataOut: "",
    expect: { steps: ["write-zeroes 1536+2048 unmap"] },
  },
]);

function cacheVectors(): Vector[] {
  const codes = [
    { name: "SYNCHRONIZE CACHE", 10: "35", 16: "91", steps: ["flush"] },
    { name: "PRE-FETCH", 10: "34", 16: "90", steps: [] },
  ];
  return codes.flatMap(({ name, steps, ...byLength }) =>
    [10, 16].flatMap((size): Vector[] => {
      const row = `${name}(${size})`;
      return [
        { row, what: "a range", cdb: cdbOf(size, byLength, "00", 3, 2), expect: { steps } },
        { row, what: "all, IMMED", cdb: cdbOf(size, byLength, "02", 0, 0), expect: { steps } },
        {
          row,
          what: "beyond the end",
          cdb: cdbOf(size, byLength, "00", 63, 2),
          expect: OUT_OF_RANGE,
        },
        {
          row,
          what: "medium gone",
          cdb: cdbOf(size, byLength, "00", 0, 1),
          setup: { state: "no-medium" },
          expect: NO_MEDIUM,
        },
      ];
    })
  );
}

const UNMAP_TWO = "0026 0020 00000000" +
  "0000000000000003 00000002 00000000" + "0000000000000008 00000001 00000000";

const otherVectors: readonly Vector[] = [
  {
    row: "SYNCHRONIZE CACHE(10)",
    what: "the flush fails",
    cdb: "35 00 00000000 00 0000 00",
    setup: { failures: { flush: MediaResult.MEDIUM_ERROR } },
    expect: { sense: "03 0c 00" },
  },
  // SBC-4 5.31
  { row: "START STOP UNIT", what: "START", cdb: "1b 00 00 00 01 00", expect: { steps: [] } },
  { row: "START STOP UNIT", what: "stop", cdb: "1b 00 00 00 00 00", expect: { steps: ["flush"] } },
  {
    row: "START STOP UNIT",
    what: "stop, NO_FLUSH",
    cdb: "1b 00 00 00 04 00",
    expect: { steps: [] },
  },
  {
    row: "START STOP UNIT",
    what: "STANDBY",
    cdb: "1b 00 00 00 30 00",
    expect: { steps: ["flush"] },
  },
  {
    row: "START STOP UNIT",
    what: "stop without medium",
    cdb: "1b 00 00 00 00 00",
    setup: { state: "no-medium" },
    expect: { steps: [] },
  },
  {
    row: "START STOP UNIT",
    what: "LOEJ: nothing can be ejected",
    cdb: "1b 00 00 00 02 00",
    expect: badField("c9 0004"),
  },
  {
    row: "START STOP UNIT",
    what: "reserved power condition",
    cdb: "1b 00 00 00 50 00",
    expect: badField("cf 0004"),
  },
  // SBC-4 5.14
  { row: "PREVENT ALLOW MEDIUM REMOVAL", what: "prevent", cdb: "1e 00 00 00 01 00", expect: GOOD },
  {
    row: "PREVENT ALLOW MEDIUM REMOVAL",
    what: "obsolete",
    cdb: "1e 00 00 00 02 00",
    expect: badField("c9 0004"),
  },
  // SBC-4 5.19
  {
    row: "READ CAPACITY(10)",
    what: "64 blocks",
    cdb: "25 00 00000000 0000 00 00",
    expect: { dataIn: "0000003f 00000200" },
  },
  {
    row: "READ CAPACITY(10)",
    what: "2 TiB and a block: ask READ CAPACITY(16)",
    cdb: "25 00 00000000 0000 00 00",
    setup: { unit: { block_count: 2 ** 32 + 1 }, state: "ready" },
    expect: { dataIn: "ffffffff 00000200" },
  },
  {
    row: "READ CAPACITY(10)",
    what: "medium gone",
    cdb: "25 00 00000000 0000 00 00",
    setup: { state: "no-medium" },
    expect: NO_MEDIUM,
  },
  // SBC-4 5.20
  {
    row: "READ CAPACITY(16)",
    what: "4096-byte blocks, thin",
    cdb: "9e 10 0000000000000000 00000020 00 00",
    setup: { unit: { block_length: 4096, block_count: 16 } },
    expect: { dataIn: `000000000000000f 00001000 00 00 c000 ${"00".repeat(16)}` },
  },
  {
    row: "READ CAPACITY(16)",
    what: "8 blocks in a physical block, not thin, cut to 15",
    cdb: "9e 10 0000000000000000 0000000f 00 00",
    setup: { unit: { features: PLAIN, physical_block_exponent: 3 } },
    expect: { dataIn: "000000000000003f 00000200 00 03 00" },
  },
  {
    row: "READ CAPACITY(16)",
    what: "2 TiB and a block",
    cdb: "9e 10 0000000000000000 00000008 00 00",
    setup: { unit: { block_count: 2 ** 32 + 1 } },
    expect: { dataIn: "0000000100000000" },
  },
  {
    row: "READ CAPACITY(16)",
    what: "handler starting",
    cdb: "9e 10 0000000000000000 00000020 00 00",
    setup: { state: "becoming-ready" },
    expect: { sense: "02 04 01" },
  },
  {
    row: "READ CAPACITY(16)",
    what: "a reserved service action",
    cdb: "9e 1f 0000000000000000 00000020 00 00",
    expect: badField("cc 0001"),
  },
  // SBC-4 5.5
  {
    row: "GET LBA STATUS(16)",
    what: "all mapped from the LBA on",
    cdb: "9e 12 0000000000000003 00000018 00 00",
    expect: { dataIn: "00000014 00000000 0000000000000003 0000003d 00 000000" },
  },
  {
    row: "GET LBA STATUS(16)",
    what: "at the end",
    cdb: "9e 12 0000000000000040 00000018 00 00",
    expect: OUT_OF_RANGE,
  },
  {
    row: "GET LBA STATUS(16)",
    what: "LBA -1",
    cdb: "9e 12 ffffffffffffffff 00000018 00 00",
    expect: OUT_OF_RANGE,
  },
  {
    row: "GET LBA STATUS(16)",
    what: "report type",
    cdb: "9e 12 0000000000000003 00000018 01 00",
    expect: badField("c0 000e"),
  },
  // SBC-4 5.35
  {
    row: "UNMAP",
    what: "two descriptors",
    cdb: "42 00 00000000 00 0028 00",
    dataOut: UNMAP_TWO,
    expect: { steps: ["discard 1536+1024", "discard 4096+512"] },
  },
  {
    row: "UNMAP",
    what: "overlapping, and one that is empty at the end",
    cdb: "42 00 00000000 00 0038 00",
    dataOut: "0036 0030 00000000 0000000000000003 00000002 00000000" +
      "0000000000000040 00000000 00000000 0000000000000004 00000002 00000000",
    expect: { steps: ["discard 1536+1024", "discard 2048+1024"] },
  },
  {
    row: "UNMAP",
    what: "a last descriptor that is not whole",
    cdb: "42 00 00000000 00 0020 00",
    dataOut: "001e 0018 00000000 0000000000000003 00000002 00000000 0000000000000008",
    expect: { steps: ["discard 1536+1024"] },
  },
  {
    row: "UNMAP",
    what: "no descriptors",
    cdb: "42 00 00000000 00 0008 00",
    dataOut: "0006 0000 00000000",
    expect: { steps: [] },
  },
  { row: "UNMAP", what: "nothing to transfer", cdb: "42 00 00000000 00 0000 00", expect: GOOD },
  {
    row: "UNMAP",
    what: "list shorter than its header",
    cdb: "42 00 00000000 00 0007 00",
    dataOut: "0006 0000 000000",
    expect: { sense: "05 1a 00", steps: [] },
  },
  {
    row: "UNMAP",
    what: "more descriptors announced than sent",
    cdb: "42 00 00000000 00 0018 00",
    dataOut: UNMAP_TWO,
    expect: { sense: "05 1a 00", steps: [] },
  },
  {
    row: "UNMAP",
    what: "the second is out of range: the first is not done either",
    cdb: "42 00 00000000 00 0028 00",
    dataOut: UNMAP_TWO.replace("0000000000000008", "0000000000000040"),
    expect: OUT_OF_RANGE,
  },
  {
    row: "UNMAP",
    what: "257 descriptors",
    cdb: "42 00 00000000 00 1018 00",
    dataOut: "1016 1010 00000000 00*4112",
    expect: { sense: "05 26 00", field: "80 0002", steps: [] },
  },
  {
    row: "UNMAP",
    what: "more blocks than MAXIMUM UNMAP LBA COUNT",
    cdb: "42 00 00000000 00 0018 00",
    setup: { unit: { block_count: 2 ** 32 } },
    dataOut: "0016 0010 00000000 0000000000000000 00100001 00000000",
    expect: { sense: "05 26 00", field: "80 0010", steps: [] },
  },
  {
    row: "UNMAP",
    what: "ANCHOR",
    cdb: "42 01 00000000 00 0028 00",
    dataOut: UNMAP_TWO,
    expect: badField("c8 0001"),
  },
  {
    row: "UNMAP",
    what: "not supported without discard",
    cdb: "42 00 00000000 00 0028 00",
    setup: { unit: { features: PLAIN } },
    dataOut: UNMAP_TWO,
    expect: { sense: "05 20 00", steps: [] },
  },
  {
    row: "UNMAP",
    what: "write protected",
    cdb: "42 00 00000000 00 0028 00",
    setup: { unit: { features: READ_ONLY } },
    dataOut: UNMAP_TWO,
    expect: WRITE_PROTECTED,
  },
  {
    row: "UNMAP",
    what: "the discard fails",
    cdb: "42 00 00000000 00 0028 00",
    setup: { failures: { discard: MediaResult.INTERNAL } },
    dataOut: UNMAP_TWO,
    expect: { sense: "04 44 00" },
  },
  // SBC-4 5.3
  {
    row: "COMPARE AND WRITE",
    what: "two blocks that are equal",
    cdb: "89 00 0000000000000003 000000 02 00 00",
    dataOut: "03*512 04*512 a5*1024",
    expect: { steps: ["read 1536+1024", "write 1536+1024"] },
  },
  {
    row: "COMPARE AND WRITE",
    what: "FUA",
    cdb: "89 08 0000000000000003 000000 01 00 00",
    dataOut: "03*512 a5*512",
    expect: { steps: ["read 1536+512", "write 1536+512 fua"] },
  },
  {
    row: "COMPARE AND WRITE",
    what: "byte 600 differs",
    cdb: "89 00 0000000000000003 000000 02 00 00",
    dataOut: "03*512 04*88 ff 04*423 a5*1024",
    expect: { sense: "0e 1d 00", information: 600, steps: ["read 1536+1024"] },
  },
  {
    row: "COMPARE AND WRITE",
    what: "byte 0 differs, descriptor format sense",
    cdb: "89 00 0000000000000003 000000 01 00 00",
    setup: { descriptorSense: true },
    dataOut: "00 03*511 a5*512",
    expect: { sense: "0e 1d 00", information: 0 },
  },
  {
    row: "COMPARE AND WRITE",
    what: "no blocks",
    cdb: "89 00 0000000000000003 000000 00 00 00",
    dataOut: "",
    expect: { steps: [] },
  },
  {
    row: "COMPARE AND WRITE",
    what: "no blocks, but data: 256 blocks do not fit into the field",
    cdb: "89 00 0000000000000003 000000 00 00 00",
    dataOut: "03*1024",
    expect: badField("c0 000d"),
  },
  {
    row: "COMPARE AND WRITE",
    what: "too much sent",
    cdb: "89 00 0000000000000003 000000 01 00 00",
    dataOut: "03*2048",
    expect: badField("c0 000d"),
  },
  {
    row: "COMPARE AND WRITE",
    what: "too little sent",
    cdb: "89 00 0000000000000003 000000 01 00 00",
    dataOut: "03*512",
    expect: badField("c0 000d"),
  },
  {
    row: "COMPARE AND WRITE",
    what: "beyond the end",
    cdb: "89 00 000000000000003f 000000 02 00 00",
    dataOut: "00*2048",
    expect: OUT_OF_RANGE,
  },
  {
    row: "COMPARE AND WRITE",
    what: "WRPROTECT",
    cdb: "89 20 0000000000000003 000000 01 00 00",
    dataOut: "00*1024",
    expect: badField("cf 0001"),
  },
  {
    row: "COMPARE AND WRITE",
    what: "write protected",
    cdb: "89 00 0000000000000003 000000 01 00 00",
    setup: { unit: { features: READ_ONLY } },
    dataOut: "03*512 a5*512",
    expect: WRITE_PROTECTED,
  },
];

export const blockVectors: readonly Vector[] = [
  ...sizesOf(READ).flatMap(readVectors),
  ...[10, 12, 16, 32].flatMap(longReadVectors),
  ...sizesOf(WRITE).flatMap(writeVectors),
  ...[10, 12, 16, 32].flatMap(longWriteVectors),
  ...sizesOf(VERIFY).flatMap(verifyVectors),
  ...sizesOf(WRITE_AND_VERIFY).flatMap(writeAndVerifyVectors),
  ...sizesOf(WRITE_SAME).flatMap(writeSameVectors),
  ...ndobVectors,
  ...cacheVectors(),
  ...otherVectors,
];
