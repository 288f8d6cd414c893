/** READ CAPACITY. */
import { badField, LBA_OUT_OF_RANGE, NO_MEDIUM, vectorsOf } from "../vector.ts";

const TEN = "25 00 00000000 0000 00 00";
const SIXTEEN = "9e 10 0000000000000000 00000020 00 00";

export const capacityVectors = [
  ...vectorsOf("READ CAPACITY(10)", "SBC-4 5.20", [
    { what: "64 blocks", cdb: TEN, dataIn: "0000003f 00000200" },
    { what: "4096-byte blocks", cdb: TEN, unit: "native4k", dataIn: "0000000f 00001000" },
    { what: "2 TiB", cdb: TEN, unit: "twoTebibytes", dataIn: "ffffffff 00000200" },
    {
      what: "2 TiB and a block: ask READ CAPACITY(16)",
      cdb: TEN,
      unit: "beyondTwoTebibytes",
      dataIn: "ffffffff 00000200",
    },
    { what: "a buffer that is too short", cdb: TEN, room: 4, dataIn: "0000003f" },
    {
      what: "PMI (SBC-2): there is no delay before the last block",
      cdb: "25 00 00000003 0000 01 00",
      dataIn: "0000003f 00000200",
    },
    { what: "PMI beyond the end", cdb: "25 00 00000040 0000 01 00", ...LBA_OUT_OF_RANGE },
    { what: "an address without PMI", cdb: "25 00 00000003 0000 00 00", ...badField("c0 0002") },
    { what: "medium gone", cdb: TEN, before: { state: "no-medium" }, ...NO_MEDIUM },
    {
      what: "while sanitizing",
      cdb: TEN,
      before: { state: "sanitizing" },
      dataIn: "0000003f 00000200",
    },
    { what: "NACA", cdb: "25 00 00000000 0000 00 04", ...badField("ca 0009") },
  ]),
  ...vectorsOf("READ CAPACITY(16)", "SBC-4 5.21", [
    {
      what: "4096-byte blocks, thin",
      cdb: SIXTEEN,
      unit: "native4k",
      dataIn: "000000000000000f 00001000 00 00 c000 00*16",
    },
    {
      what: "8 blocks in a physical block, not thin, cut to 15",
      cdb: "9e 10 0000000000000000 0000000f 00 00",
      unit: "emulated512",
      dataIn: "000000000000003f 00000200 00 03 00",
    },
    {
      what: "2 TiB and a block",
      cdb: "9e 10 0000000000000000 00000008 00 00",
      unit: "beyondTwoTebibytes",
      dataIn: "0000000100000000",
    },
    {
      what: "8 PiB",
      cdb: "9e 10 0000000000000000 0000000c 00 00",
      unit: "eightPebibytes",
      dataIn: "00000fffffffffff 00000200",
    },
    { what: "allocation length 0", cdb: "9e 10 0000000000000000 00000000 00 00" },
    {
      what: "handler starting",
      cdb: SIXTEEN,
      before: { state: "becoming-ready" },
      sense: "02 04 01",
    },
    {
      what: "an address without PMI",
      cdb: "9e 10 0000000000000003 00000020 00 00",
      ...badField("c0 0002"),
    },
    {
      what: "PMI beyond the end",
      cdb: "9e 10 0000000000000040 00000020 01 00",
      ...LBA_OUT_OF_RANGE,
    },
    {
      what: "a reserved service action",
      cdb: "9e 1f 0000000000000000 00000020 00 00",
      ...badField("cc 0001"),
    },
    { what: "NACA", cdb: "9e 10 0000000000000000 00000020 00 04", ...badField("ca 000f") },
  ]),
];
