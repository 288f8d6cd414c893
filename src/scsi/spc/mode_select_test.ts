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
