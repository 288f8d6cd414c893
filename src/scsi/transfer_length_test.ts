import assert from "node:assert/strict";
import { hex } from "../../test/scsi/driver.ts";
import { requestedLength } from "./transfer_length.ts";

const cases: readonly [string, string, number][] = [
  ["TEST UNIT READY", "000000000000", 0],
  ["READ(6) of 0 blocks is 256", "080000000000", 256 * 512],
  ["READ(6)", "080000000200", 1024],
  ["READ(10)", "28000000000000010200", 0x102 * 512],
  ["READ(12)", "a80000000000000100020000", 0x10002 * 512],
  ["WRITE(16)", "8a000000000000000000000100030000", 0x10003 * 512],
  ["WRITE(32)", "7f00000000000018000b0000 0000000000000000 00000000 00000000 00000003", 1536],
  ["VERIFY(10), BYTCHK 00b", "2f000000000000000400", 0],
  ["VERIFY(10), BYTCHK 01b", "2f020000000000000400", 2048],
  ["VERIFY(10), BYTCHK 11b", "2f060000000000000400", 512],
  [
    "VERIFY(32), BYTCHK 01b",
    "7f00000000000018000a0200 0000000000000000 0000000000000000 00000004",
    2048,
  ],
  ["WRITE AND VERIFY(12)", "ae0000000000000000020000", 1024],
  ["WRITE SAME(10)", "41010000000000000400", 512],
  ["WRITE SAME(16)", "93000000000000000000000000040000", 512],
  ["WRITE SAME(16), NDOB", "93010000000000000000000000040000", 0],
  [
    "WRITE SAME(32), NDOB",
    "7f00000000000018000d0100 0000000000000000 0000000000000000 00000004",
    0,
  ],
  ["COMPARE AND WRITE", "89000000000000000000000000030000", 3072],
  ["UNMAP", "42000000000000010800", 0x108],
  ["MODE SELECT(6)", "151000001800", 0x18],
  ["SYNCHRONIZE CACHE(10)", "35000000000000000000", 0],
  ["INQUIRY: as much as there is", "120000006000", -1],
  ["READ CAPACITY(16): as much as there is", "9e100000000000000000000000200000", -1],
  ["a code that is not there", "c10000000000", -1],
  ["a variable length CDB that is cut off", "7f00000000000018000b", -1],
];

for (const [what, cdb, expected] of cases) {
  Deno.test(`requestedLength() ${what}`, () => {
    assert.equal(requestedLength(hex(cdb), 512), expected);
  });
}
