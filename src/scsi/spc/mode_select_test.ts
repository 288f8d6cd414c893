import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, toHex } from "../../../test/scsi/driver.ts";
import { Status } from "../answer.ts";

const CONTROL = "1a080a00ff00";

function modeSense(unit: ReturnType<typeof makeUnit>, cdb: string): Uint8Array {
  return run(unit, new ArrayVolume(unit), hex(cdb)).dataIn as Uint8Array;
}

function modeSelect(unit: ReturnType<typeof makeUnit>, list: Uint8Array): number {
  const cdb = Uint8Array.of(0x15, 0x10, 0, 0, list.length, 0);
  return run(unit, new ArrayVolume(unit), cdb, { dataOut: list }).status;
}

Deno.test("MODE SELECT takes back what MODE SENSE has returned", () => {
  for (const cdb of ["1a003f00ff00", "1a083fffff00"]) {
    const unit = makeUnit();
    const list = modeSense(unit, cdb).slice();
    list[0] = 0;
    assert.equal(modeSelect(unit, list), Status.GOOD);
    assert.equal(toHex(modeSense(unit, cdb).subarray(1)), toHex(list.subarray(1)));
  }
});

Deno.test("MODE SELECT of SWP protects, and WP says so", () => {
  const unit = makeUnit();
  const list = modeSense(unit, CONTROL).slice();
  list[8] |= 0x08;
  assert.equal(modeSelect(unit, list), Status.GOOD);
  assert.equal(unit.writeProtected, true);
  assert.equal(modeSense(unit, CONTROL)[2], 0x90);
  list[8] &= ~0x08;
  assert.equal(modeSelect(unit, list), Status.GOOD);
  assert.equal(unit.writeProtected, false);
});

Deno.test("MODE SELECT of D_SENSE changes the format of sense data", () => {
  const unit = makeUnit();
  const list = modeSense(unit, CONTROL).slice();
  list[6] |= 0x04;
  assert.equal(modeSelect(unit, list), Status.GOOD);
  const { sense } = run(unit, new ArrayVolume(unit), hex("c1"));
  assert.equal(toHex(sense as Uint8Array), "7205200000000000");
});

Deno.test("MODE SELECT changes nothing where one page of the list is wrong", () => {
  const unit = makeUnit();
  const good = modeSense(unit, CONTROL).slice();
  good[8] |= 0x08;
  const list = new Uint8Array(good.length + 12);
  list.set(good);
  list.set(hex("1c0a08010000000000000000"), good.length);
  assert.equal(modeSelect(unit, list), Status.CHECK_CONDITION);
  assert.equal(unit.softwareWriteProtect, false);
});

Deno.test("MODE SELECT leaves the cache on where the flush has failed", () => {
  const unit = makeUnit();
  const list = modeSense(unit, "1a080800ff00").slice();
  list[6] &= ~0x04;
  const volume = new ArrayVolume(unit);
  volume.failures.set("flush", 1);
  const cdb = Uint8Array.of(0x15, 0x10, 0, 0, list.length, 0);
  assert.equal(run(unit, volume, cdb, { dataOut: list }).status, Status.CHECK_CONDITION);
  assert.equal(unit.writeCacheEnabled, true);
  volume.failures.clear();
  assert.equal(run(unit, volume, cdb, { dataOut: list }).status, Status.GOOD);
  assert.equal(unit.writeCacheEnabled, false);
});

Deno.test("MODE SELECT with SP keeps the values for a restart and for a reset", () => {
  const unit = makeUnit();
  const list = modeSense(unit, CONTROL).slice();
  list[6] |= 0x04;
  const volume = new ArrayVolume(unit);
  const cdb = Uint8Array.of(0x15, 0x11, 0, 0, list.length, 0);
  assert.equal(run(unit, volume, cdb, { dataOut: list }).status, Status.GOOD);
  unit.descriptorSense = false;
  assert.equal(toHex(modeSense(unit, "1a08ca00ff00").subarray(4, 7)), "8a0a06", "saved values");
  unit.reset();
  assert.equal(unit.descriptorSense, true);
  const saved = JSON.parse(JSON.stringify(Object.fromEntries(volume.saved)));
  assert.equal(makeUnit({ saved }).descriptorSense, true);
});

Deno.test("MODE SELECT with SP changes nothing where the values cannot be kept", () => {
  const unit = makeUnit();
  const list = modeSense(unit, CONTROL).slice();
  list[6] |= 0x04;
  const volume = new ArrayVolume(unit);
  volume.failures.set("save", 6);
  const cdb = Uint8Array.of(0x15, 0x11, 0, 0, list.length, 0);
  assert.equal(run(unit, volume, cdb, { dataOut: list }).status, Status.CHECK_CONDITION);
  assert.equal(unit.descriptorSense, false);
  assert.equal(unit.savedModeParameters.descriptorSense, false);
});

Deno.test("MODE SELECT tells the others where something has changed", () => {
  const unit = makeUnit();
  const told: unknown[] = [];
  unit.attentionListener = (sense, scope) => told.push([sense, scope]);
  const list = modeSense(unit, CONTROL).slice();
  assert.equal(modeSelect(unit, list), Status.GOOD);
  assert.deepEqual(told, [], "no change");
  list[6] |= 0x04;
  assert.equal(modeSelect(unit, list), Status.GOOD);
  assert.deepEqual(told, [[0x062a01, "others"]]);
});

const THIN = { writable: true, discard: true, writeZeroes: true, writeCache: true, space: true };
const PROVISIONING = "1a081c02ff00";

Deno.test("Logical Block Provisioning mode page is there where storage can be measured", () => {
  const unit = makeUnit();
  assert.equal(run(unit, new ArrayVolume(unit), hex(PROVISIONING)).status, Status.CHECK_CONDITION);
  const page = modeSense(makeUnit({ features: THIN }), PROVISIONING).subarray(4);
  assert.equal(
    toHex(page),
    "dc02001c" + "00".repeat(12) + "0001000000000000" + "0102000000000000",
  );
  const all = modeSense(makeUnit({ features: THIN }), "1a081cffff00");
  assert.equal(all.length, 4 + 12 + 32);
});

Deno.test("a provisioning threshold is reported once, and again after it was left", () => {
  const unit = makeUnit({ features: THIN });
  const list = modeSense(unit, PROVISIONING).slice();
  list[4 + 16] |= 0x80;
  list[4 + 23] = 2; // two threshold sets, 8 MiB
  assert.equal(unit.watchesSpace, false);
  assert.equal(modeSelect(unit, list), Status.GOOD);
  assert.equal(unit.watchesSpace, true);
  const measure = (available_mib: number) => {
    unit.measured({ used_bytes: 0, available_bytes: available_mib * 2 ** 20 });
    return unit.takeAttention();
  };
  assert.equal(measure(100), 0);
  assert.equal(measure(12), 0);
  assert.equal(measure(11), 0x063807);
  assert.equal(measure(1), 0, "once");
  assert.equal(measure(12), 0);
  assert.equal(measure(8), 0x063807);
});
