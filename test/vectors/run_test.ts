/** The runner of vectors sees what is wrong. */
import assert from "node:assert/strict";
import { assertBytes, bytesOf, type Names, toHex } from "./notation.ts";
import { runVector } from "./run.ts";
import { parseSense } from "./sense.ts";
import { makeServerSite } from "./server_site.ts";
import type { Vector } from "./vector.ts";

const READ: Vector = {
  row: "READ(10)",
  clause: "SBC-4 5.16",
  what: "a block",
  cdb: "28 00 00000003 00 0001 00",
  dataIn: "03*512",
};
const WRITE: Vector = {
  ...READ,
  cdb: "2a 00 00000003 00 0001 00",
  dataOut: "a5*512",
  dataIn: undefined,
  after: { 1536: "a5*512" },
};

function run(vector: Vector): void {
  runVector(vector, makeServerSite(vector.unit ?? "disk"));
}

const WRONG: readonly (readonly [string, Vector, RegExp])[] = [
  ["other data-in", { ...READ, dataIn: "03*511 04" }, /data-in/],
  ["data-in that is not expected", { ...READ, dataIn: undefined }, /data-in/],
  ["no sense data", { ...READ, dataIn: undefined, sense: "05 24 00" }, /sense data/],
  ["another sense", { ...READ, cdb: "28 20 00000003 00 0001 00", sense: "05 21 00" }, /ASC/],
  ["another pointer", {
    ...READ,
    cdb: "28 20 00000003 00 0001 00",
    sense: "05 24 00",
    field: "ce 0001",
  }, /specific/],
  [
    "a change that is not expected",
    { ...WRITE, after: undefined },
    /the medium has 165 at byte 1536/,
  ],
  [
    "a change that did not come",
    { ...WRITE, after: { 1536: "a5*512", 4096: "a5*512" } },
    /byte 4096/,
  ],
  ["another change", { ...WRITE, after: { 1536: "a6*512" } }, /not 166/],
  ["not durable", { ...WRITE, durable: true }, /durable/],
  [
    "another state afterwards",
    { ...WRITE, then: [{ cdb: READ.cdb, dataIn: "03*512" }] },
    /afterwards/,
  ],
];

Deno.test("runVector() passes what is right", () => {
  run(READ);
  run(WRITE);
});

for (const [what, vector, message] of WRONG) {
  Deno.test(`runVector() sees ${what}`, () => assert.throws(() => run(vector), message));
}

Deno.test("bytesOf() writes repetitions out, and refuses what is no hexadecimal", () => {
  assert.equal(toHex(bytesOf("00 a5*3 [name]", new Map([["name", "0102"]]))), "00a5a5a50102");
  assert.throws(() => bytesOf("0"), /no bytes/);
  assert.throws(() => bytesOf("[name]"), /nothing is named/);
});

Deno.test("assertBytes() takes named bytes, the same wherever they come again", () => {
  const names: Names = new Map();
  assertBytes(bytesOf("01 02 03 02"), "01 [two:1] 03 [two]", names);
  assert.equal(names.get("two"), "02");
  assert.throws(() => assertBytes(bytesOf("03"), "[two]", names));
  assert.throws(() => assertBytes(bytesOf("01"), "[four:4]", new Map()));
});

Deno.test("parseSense() refuses sense data that are not well formed", () => {
  const good = bytesOf("72 05 24 00 000000 08 02 06 0000 c0 0002 00");
  assert.deepEqual(parseSense(good).field, "c00002");
  assert.throws(() => parseSense(good.slice(0, 12)), /ADDITIONAL SENSE LENGTH/);
  assert.throws(() => parseSense(bytesOf("72 05 24 00 000000 08 02 05 0000 c0 0002 00")));
  assert.throws(() => parseSense(bytesOf("60 00*17")), /RESPONSE CODE/);
});
