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

Deno.test("deferred errors have response codes of their own", () => {
  assert.equal(buildFixedSense(Sense.WRITE_ERROR, { deferred: true })[0], 0x71);
  assert.equal(buildDescriptorSense(Sense.WRITE_ERROR, { deferred: true })[0], 0x73);
});

Deno.test("COMMAND-SPECIFIC INFORMATION in both formats", () => {
  const details = { information: 1, commandSpecific: 0x01020304 };
  assert.equal(
    toHex(buildFixedSense(Sense.INVALID_FIELD_IN_CDB, details)),
    "f000" + "05" + "00000001" + "0a" + "01020304" + "2400" + "00" + "000000",
  );
  assert.equal(
    toHex(buildDescriptorSense(Sense.INVALID_FIELD_IN_CDB, details)),
    "72052400000000" + "18" + "000a8000" + "0000000000000001" + "010a0000" + "0000000001020304",
  );
  const long = buildFixedSense(Sense.INVALID_FIELD_IN_CDB, { commandSpecific: 2 ** 32 });
  assert.equal(toHex(long.subarray(8, 12)), "00000000", "no part of a number");
});

Deno.test("progress and segment pointer are sense key specific", () => {
  const progress = (value: number) =>
    toHex(buildFixedSense(Sense.FORMAT_IN_PROGRESS, { progress: value }).subarray(15));
  assert.deepEqual([0, 0.5, 1, 7, -1].map(progress), [
    "800000",
    "808000",
    "80ffff",
    "80ffff",
    "800000",
  ]);
  assert.equal(
    toHex(buildDescriptorSense(Sense.FORMAT_IN_PROGRESS, { progress: 0.25 })),
    "72020404000000" + "08" + "02060000" + "80400000",
  );
  const segment = { inSegment: true, byte: 5, bit: 3 };
  assert.equal(
    toHex(buildFixedSense(Sense.THIRD_PARTY_DEVICE_FAILURE, { segment }).subarray(15)),
    "ab0005",
  );
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
    [WRITE, MediaResult.LOST, 0x040800],
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
