/** COMPARE AND WRITE. */
import { badField, LBA_OUT_OF_RANGE, NO_MEDIUM, vectorsOf, WRITE_PROTECTED } from "../vector.ts";

const TWO = "89 00 0000000000000003 000000 02 00 00";
const ONE = "89 00 0000000000000003 000000 01 00 00";
const EQUAL = "03*512 04*512 a5*1024";

export const compareAndWriteVectors = vectorsOf("COMPARE AND WRITE", "SBC-4 5.3", [
  { what: "two blocks that are equal", cdb: TWO, dataOut: EQUAL, after: { 1536: "a5*1024" } },
  {
    what: "FUA",
    cdb: "89 08 0000000000000003 000000 01 00 00",
    dataOut: "03*512 a5*512",
    after: { 1536: "a5*512" },
    durable: true,
  },
  {
    what: "WCE 0",
    cdb: ONE,
    dataOut: "03*512 a5*512",
    before: { writeCacheOff: true },
    after: { 1536: "a5*512" },
    durable: true,
  },
  {
    what: "4096-byte blocks",
    cdb: ONE,
    unit: "native4k",
    dataOut: "03*4096 a5*4096",
    after: { 12288: "a5*4096" },
  },
  {
    what: "a byte differs (byte 600)",
    cdb: TWO,
    dataOut: "03*512 04*88 ff 04*423 a5*1024",
    sense: "0e 1d 00",
    information: 600,
  },
  {
    what: "a byte differs (byte 0, descriptor format sense)",
    cdb: ONE,
    before: { descriptorSense: true },
    dataOut: "00 03*511 a5*512",
    sense: "0e 1d 00",
    information: 0,
  },
  {
    what: "255 blocks",
    cdb: "89 00 0000000000000000 000000 ff 00 00",
    unit: "large",
    before: { contents: { 0: "00*130560" } },
    dataOut: "00*130560 a5*130560",
    after: { 0: "a5*130560" },
  },
  { what: "no blocks", cdb: "89 00 0000000000000003 000000 00 00 00" },
  {
    what: "no blocks, but data: 256 blocks do not fit into the field",
    cdb: "89 00 0000000000000003 000000 00 00 00",
    dataOut: "03*1024",
    sense: "05 24 00",
    field: "c0 000d",
  },
  { what: "too much sent", cdb: ONE, dataOut: "03*2048", sense: "05 0e 03" },
  { what: "too little sent", cdb: ONE, dataOut: "03*512", sense: "05 0e 03" },
  {
    what: "beyond the end",
    cdb: "89 00 000000000000003f 000000 02 00 00",
    dataOut: "00*2048",
    ...LBA_OUT_OF_RANGE,
  },
  {
    what: "WRPROTECT",
    cdb: "89 20 0000000000000003 000000 01 00 00",
    dataOut: "00*1024",
    ...badField("cf 0001"),
  },
  {
    what: "write protected",
    cdb: ONE,
    unit: "readOnly",
    dataOut: "03*512 a5*512",
    ...WRITE_PROTECTED,
  },
  {
    what: "medium gone",
    cdb: ONE,
    dataOut: "03*512 a5*512",
    before: { state: "no-medium" },
    ...NO_MEDIUM,
  },
  {
    what: "it cannot be read",
    cdb: TWO,
    dataOut: EQUAL,
    before: { fails: { read: "medium-error" }, failingLba: 4 },
    sense: "03 11 00",
    information: 4,
  },
  {
    what: "it cannot be written",
    cdb: TWO,
    dataOut: EQUAL,
    before: { fails: { write: "medium-error" }, failingLba: 4 },
    sense: "03 0c 00",
    information: 4,
  },
]);
