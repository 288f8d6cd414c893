import assert from "node:assert/strict";
import { decodeLun, encodeLun, LUN_COUNT, lunField } from "./lun.ts";

function field(...bytes: number[]): Uint8Array {
  return new Uint8Array([...bytes, 0, 0, 0, 0, 0, 0, 0, 0].slice(0, 8));
}

Deno.test("decodeLun() takes peripheral and flat space addressing (SAM-6 4.7.7)", () => {
  assert.equal(decodeLun(field(0, 0)), 0);
  assert.equal(decodeLun(field(0, 255)), 255);
  assert.equal(decodeLun(field(0x40, 5)), 5);
  assert.equal(decodeLun(field(0x7f, 0xff)), 16383);
});

Deno.test("decodeLun() refuses other buses, levels and address methods", () => {
  assert.equal(decodeLun(field(1, 0)), -1, "bus 1");
  assert.equal(decodeLun(field(0x80, 0)), -1, "logical unit addressing");
  assert.equal(decodeLun(field(0xc1, 1)), -1, "well known logical unit");
  assert.equal(decodeLun(field(0, 0, 0, 1)), -1, "second level");
  assert.equal(decodeLun(field(0, 0, 0, 0, 0, 0, 0, 1)), -1, "fourth level");
  assert.equal(decodeLun(new Uint8Array(7)), -1);
});

Deno.test("encodeLun() and decodeLun() agree on every number", () => {
  const bytes = new Uint8Array(8).fill(0xff);
  for (let lun = 0; lun < LUN_COUNT; lun++) {
    encodeLun(lun, bytes);
    assert.equal(decodeLun(bytes), lun);
  }
  assert.deepEqual([...lunField(300)], [0x41, 0x2c, 0, 0, 0, 0, 0, 0]);
});
