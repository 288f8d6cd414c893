import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, toHex } from "../../../test/scsi/driver.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { operationCodes } from "../opcodes.ts";
import { commandTimeouts } from "./timeouts.ts";

const FEATURES = { writable: true, discard: true, writeZeroes: true, writeCache: true };

/** Data-in, or the field pointer of the failure. */
function one(
  unit: LogicalUnit,
  options: number,
  code: number,
  serviceAction = 0,
): string {
  const cdb = Uint8Array.of(0xa3, 0x0c, options, code, 0, serviceAction, 0, 0, 0xff, 0xff, 0, 0);
  const { dataIn, sense } = run(unit, new ArrayVolume(unit), cdb);
  return sense === undefined ? toHex(dataIn as Uint8Array) : toHex(sense.subarray(15));
}

Deno.test("REPORT SUPPORTED OPERATION CODES: each reporting option", () => {
  const unit = makeUnit();
  const inquiry = "00030006" + "1201ffffff04";
  const bad = "ca0002";
  assert.equal(one(unit, 1, 0x12), inquiry);
  assert.equal(one(unit, 1, 0xa3), bad, "it has service actions");
  assert.equal(one(unit, 2, 0x12), bad, "it has none");
  assert.equal(one(unit, 2, 0xa3, 0x0d), "0003000c" + "a30d80000000ffffffff0004");
  assert.equal(one(unit, 2, 0xa3, 0x1e), "00010000");
  assert.equal(one(unit, 3, 0x12), inquiry);
  assert.equal(one(unit, 3, 0x12, 1), "00010000");
  assert.equal(one(unit, 3, 0xa3, 0x0d), "0003000c" + "a30d80000000ffffffff0004");
  assert.equal(one(unit, 3, 0xa3, 0x00), "00010000");
  assert.equal(one(unit, 1, 0xc1), "00010000");
  assert.equal(one(unit, 4, 0x12), bad);
});

Deno.test("REPORT SUPPORTED OPERATION CODES: timeouts in seconds", () => {
  assert.equal(
    one(makeUnit(), 0x81, 0x12),
    "00830006" + "1201ffffff04" + "000a0000" + "00000001" + "0000000a",
  );
  for (const row of operationCodes) {
    const { nominal_s, recommended_s } = commandTimeouts(row);
    assert.ok(nominal_s > 0 && nominal_s < recommended_s, row.name);
  }
});

Deno.test("REPORT SUPPORTED OPERATION CODES lists what a handler has claimed", () => {
  const claim = (code: number, cdb_length: number, serviceAction?: number) => ({
    code,
    serviceAction,
    cdb_length,
    name: "CLAIMED",
    direction: "none" as const,
    replay: false,
  });
  const claims = [claim(0xc1, 10), claim(0x12, 6), claim(0xa3, 12, 0x0d)];
  const unit = makeUnit({ features: { ...FEATURES, claims } });
  assert.equal(one(unit, 1, 0xc1), "0005000a" + "c1" + "ff".repeat(9));
  assert.equal(one(unit, 1, 0x12), "00030006" + "12" + "ff".repeat(5), "in place of the table's");
  assert.equal(one(unit, 2, 0xa3, 0x0d), "0003000c" + "a3ed" + "ff".repeat(10));
  assert.equal(one(unit, 2, 0xa3, 0x0c).slice(0, 12), "0003000ca30c");
  const all = hex(one(unit, 0, 0));
  const codes: string[] = [];
  for (let at = 4; at < all.length; at += 8) codes.push(toHex(all.subarray(at, at + 6)));
  assert.equal(codes.filter((code) => code.startsWith("12")).length, 1);
  assert.equal(codes.filter((code) => code === "a300000d0001").length, 1);
  assert.ok(codes.includes("c10000000000"));
});

Deno.test("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: what the target core does", () => {
  const functions = (unit: LogicalUnit, extended = "00") =>
    toHex(run(unit, new ArrayVolume(unit), hex(`a30d${extended}000000000000ff0000`)).dataIn!);
  assert.equal(functions(makeUnit({ targetCore: "embedded" })), "d8000000");
  assert.equal(functions(makeUnit({ targetCore: "kernel" })), "88000000");
  assert.equal(functions(makeUnit(), "80"), "d800000c" + "00".repeat(12));
});

Deno.test("diagnostics: the default self-test and the list of pages", () => {
  const unit = makeUnit();
  const end = (cdb: string, list = "") => {
    const { dataIn, sense } = run(unit, new ArrayVolume(unit), hex(cdb), { dataOut: hex(list) });
    return sense === undefined ? toHex(dataIn ?? hex("")) : toHex(sense.subarray(12));
  };
  assert.equal(end("1d0400000000"), "");
  assert.equal(end("1d1000000400", "00000000"), "");
  assert.equal(end("1d1000000400", "3f000000"), "260000800000");
  assert.equal(end("1d1000000400", "0000"), "1a0000000000");
  assert.equal(end("1d0000000400", "00000000"), "240000cc0001");
  assert.equal(end("1d1400000400", "00000000"), "240000c00003");
  assert.equal(end("1d2000000000"), "240000cf0001");
  for (const cdb of ["1c010000ff00", "1c000000ff00"]) assert.equal(end(cdb), "0000000100");
  assert.equal(end("1c013f00ff00"), "240000c00002");
});
