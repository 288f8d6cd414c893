import assert from "node:assert/strict";
import { hex, toHex } from "../../test/scsi/driver.ts";
import { MediaOperation, MediaResult } from "./media.ts";
import {
  buildDescriptorSense,
  buildFixedSense,
  mediaSense,
  Sense,
  senseForResult,
} from "./sense.ts";

Deno.test("buildFixedSense() lays out SPC-4 table 57", () => {
  assert.equal(
    toHex(buildFixedSense(Sense.INVALID_FIELD_IN_CDB, {
      information: 0x01020304,
      field: { inCdb: true, byte: 0x0102, bit: 5 },
    })),
    "f000" + "05" + "01020304" + "0a" + "00000000" + "2400" + "00" + "cd0102",
  );
});

Deno.test("buildFixedSense() clears VALID for information of more than 32 bits", () => {
  const data = buildFixedSense(Sense.UNRECOVERED_READ_ERROR, { information: 2 ** 32 });
  assert.equal(toHex(data.subarray(0, 8)), "700003000000000a");
});

Deno.test("buildDescriptorSense() lays out SPC-4 tables 28, 31 and 35", () => {
  assert.equal(
    toHex(buildDescriptorSense(Sense.INVALID_FIELD_IN_PARAMETER_LIST, {
      information: 2 ** 40 + 7,
      field: { inCdb: false, byte: 3 },
    })),
    "72052600000000" + "14" + "000a8000" + "0000010000000007" + "02060000" + "80000300",
  );
  assert.equal(toHex(buildDescriptorSense(Sense.MEDIUM_NOT_PRESENT)), "72023a0000000000");
});

Deno.test("mediaSense() names each result", () => {
  const { READ, WRITE, FLUSH, DISCARD } = MediaOperation;
  const expected: [number, number, number][] = [
    [READ, MediaResult.MEDIUM_ERROR, 0x031100],
    [WRITE, MediaResult.MEDIUM_ERROR, 0x030c00],
    [FLUSH, MediaResult.MEDIUM_ERROR, 0x030c00],
    [WRITE, MediaResult.NO_SPACE, 0x072707],
    [WRITE, MediaResult.WRITE_PROTECTED, 0x072700],
    [READ, MediaResult.NOT_READY, 0x020400],
    [READ, MediaResult.NO_MEDIUM, 0x023a00],
    [DISCARD, MediaResult.INTERNAL, 0x044400],
    // A result that nobody knows is not taken for success.
    [READ, 99, 0x044400],
  ];
  for (const [operation, result, sense] of expected) {
    assert.equal(mediaSense(operation, result), sense);
  }
});

Deno.test("senseForResult() follows D_SENSE", () => {
  const { READ } = MediaOperation;
  const { NO_MEDIUM } = MediaResult;
  assert.equal(senseForResult({ descriptorSense: false }, READ, NO_MEDIUM)[0], 0x70);
  assert.deepEqual(
    senseForResult({ descriptorSense: true }, READ, NO_MEDIUM),
    hex("72023a0000000000"),
  );
});
