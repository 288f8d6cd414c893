import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple, toHex } from "../../../test/scsi/driver.ts";
import { Status } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { THRESHOLD_SET_BYTES } from "../provisioning_threshold.ts";
import { Sense } from "../sense.ts";

const THIN = { writable: true, discard: true, writeZeroes: true, writeCache: true, space: true };

/** The page, or the triple and the field pointer of the failure. */
function sense(unit: LogicalUnit, cdb: string): string {
  const answer = run(unit, new ArrayVolume(unit), hex(cdb));
  if (answer.sense !== undefined) {
    return senseTriple(answer.sense).toString(16) + " " + toHex(answer.sense.subarray(15));
  }
  return toHex(answer.dataIn ?? new Uint8Array(0));
}

Deno.test("LOG SENSE lists its pages, with and without subpages", () => {
  assert.equal(sense(makeUnit(), "4d004000000000010000"), "00000005" + "000d0e192f");
  assert.equal(
    sense(makeUnit({ features: THIN }), "4d004000000000010000"),
    "00000006" + "000c0d0e192f",
  );
  assert.equal(
    sense(makeUnit(), "4d0040ff000000010000"),
    "40ff000c" + "000000ff" + "0d000e0019002f00",
  );
});

Deno.test("LOG SENSE: every page that is listed is there and has its length", () => {
  const unit = makeUnit({ features: THIN });
  const codes = hex(sense(unit, "4d004000000000010000")).subarray(5);
  for (const code of codes) {
    const page = hex(sense(unit, `4d00${toHex(Uint8Array.of(0x40 | code))}00000000010000`));
    assert.equal(page[0], 0x80 | code);
    assert.equal(page[2] << 8 | page[3], page.length - 4);
    let at = 4;
    while (at < page.length) at += 4 + page[at + 3];
    assert.equal(at, page.length);
  }
});

Deno.test("LOG SENSE: temperature is not available", () => {
  assert.equal(
    sense(makeUnit(), "4d004d00000000010000"),
    "8d00000c" + "0000230200ff" + "0001230200ff",
  );
  assert.equal(sense(makeUnit(), "4d004d00000001010000"), "8d000006" + "0001230200ff");
});

Deno.test("LOG SENSE measures storage, and thresholds with it", () => {
  const unit = makeUnit({ features: THIN });
  const measured: unknown[] = [];
  unit.measured = (space) => measured.push(space);
  const volume = new ArrayVolume(unit);
  volume.perform = () => ({
    result: 0,
    bytes: new Uint8Array(0),
    space: { used_bytes: 3 * THRESHOLD_SET_BYTES, available_bytes: 7 * THRESHOLD_SET_BYTES - 1 },
  });
  const { dataIn } = run(unit, volume, hex("4d004c00000000010000"));
  assert.equal(
    toHex(dataIn as Uint8Array),
    "8c000018" + "00012308" + "0000000602000000" + "00022308" + "0000000301000000",
  );
  assert.equal(measured.length, 1);
  assert.equal(sense(makeUnit(), "4d004c00000000010000"), "52400 cd0002");
});

Deno.test("LOG SENSE and LOG SELECT: counters of commands and blocks", () => {
  const unit = makeUnit();
  // The device counts on in one object.
  const now = { reads: 0, writes: 0, read_bytes: 0, written_bytes: 0 };
  const count = (times: number) => {
    now.reads = 10 * times;
    now.writes = 3 * times;
    now.read_bytes = 10240 * times;
    now.written_bytes = 512 * times;
  };
  unit.statistics = () => now;
  count(1);
  const counters = (cdb: string) => hex(sense(unit, cdb)).subarray(8, 40);
  const values = (reads: number, writes: number, written: number, read: number) =>
    [reads, writes, written, read].map((value) => value.toString(16).padStart(16, "0")).join("");
  assert.equal(toHex(counters("4d005900000000010000")), values(10, 3, 1, 20));
  assert.equal(toHex(counters("4d00d900000000010000")), values(0, 0, 0, 0), "default values");
  assert.equal(sense(unit, "4d001900000000010000"), "52400 cf0002", "no thresholds");
  const told: unknown[] = [];
  unit.attentionListener = (code, scope) => told.push([code, scope]);
  const volume = new ArrayVolume(unit);
  assert.equal(run(unit, volume, hex("4c024000000000000000")).status, Status.GOOD);
  assert.deepEqual(told, [[Sense.LOG_PARAMETERS_CHANGED, "others"]]);
  count(3);
  assert.equal(toHex(counters("4d005900000000010000")), values(20, 6, 2, 40), "since the reset");
});

Deno.test("LOG SELECT resets nothing that it is not told to", () => {
  const unit = makeUnit();
  const told: unknown[] = [];
  unit.attentionListener = (code) => told.push(code);
  for (const cdb of ["4c004000000000000000", "4c024d00000000000000"]) {
    assert.equal(run(unit, new ArrayVolume(unit), hex(cdb)).status, Status.GOOD);
  }
  assert.deepEqual(told, []);
});

Deno.test("what LOG SENSE and LOG SELECT refuse", () => {
  const expected: [string, string][] = [
    ["4d014000000000010000", "53900 000000"],
    ["4d007f00000000010000", "52400 cd0002"],
    ["4d004001000000010000", "52400 c00003"],
    ["4d004d01000000010000", "52400 c00003"],
    ["4d004d00000002010000", "52400 c00005"],
    ["4d004000000001010000", "52400 c00005"],
    ["4c014000000000000000", "52400 c80001"],
    ["4c027f00000000000000", "52400 cd0002"],
    ["4c024000000000000800", "52400 c90001"],
    ["4c005900000000000800", "52400 cd0002"],
  ];
  for (const [cdb, end] of expected) assert.equal(sense(makeUnit(), cdb), end, cdb);
});

Deno.test("LOG SELECT of values points at what cannot be changed", () => {
  const unit = makeUnit();
  const end = (list: string) => {
    const cdb = hex(`4c0040000000000000${"00"}`.slice(0, 20));
    cdb[8] = list.length / 2;
    const answer = run(unit, new ArrayVolume(unit), cdb, { dataOut: hex(list) });
    return answer.sense === undefined
      ? ""
      : senseTriple(answer.sense).toString(16) + " " + toHex(answer.sense.subarray(15));
  };
  assert.equal(end("19000008" + "0002020400000000"), "52600 800004");
  assert.equal(end("19000000"), "");
  assert.equal(end("3f000000"), "52600 8d0000");
  assert.equal(end("1900"), "51a00 000000");
});
