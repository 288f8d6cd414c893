import assert from "node:assert/strict";
import { makeUnit } from "../../test/scsi/driver.ts";
import { locallyAssignedNaa, makeIdentity } from "./identity.ts";
import { UNIT_ATTENTION_COUNT_MAX } from "./limits.ts";
import { AccessState } from "./logical_unit.ts";
import { Sense } from "./sense.ts";

Deno.test("LogicalUnit is hot only where nothing stands before a media command", () => {
  const unit = makeUnit();
  assert.equal(unit.hot, true);
  unit.attend(Sense.CAPACITY_DATA_CHANGED);
  assert.equal(unit.hot, false, "a unit attention waits");
  unit.takeAttention();
  assert.equal(unit.hot, true);
  unit.state = "becoming-ready";
  assert.equal(unit.hot, false, "not ready");
  unit.state = "ready";
  unit.writeCacheEnabled = false;
  assert.equal(unit.hot, true, "a write may be durable on the short way too");
  assert.equal(unit.forceUnitAccess, true);
  unit.writeCacheEnabled = true;
  assert.equal(unit.hot, true);
  unit.changeAccessState(AccessState.STANDBY, true);
  assert.equal(unit.hot, false, "the port does not serve");
  unit.changeAccessState(AccessState.ACTIVE_NON_OPTIMIZED, true);
  assert.equal(unit.hot, true);
  unit.defer(Sense.WRITE_ERROR);
  assert.equal(unit.hot, false, "a deferred error waits");
  assert.equal(unit.takeDeferred(), Sense.WRITE_ERROR);
  assert.equal(unit.hot, true);
});

Deno.test("LogicalUnit.resize() is reported once", () => {
  const unit = makeUnit();
  unit.resize(unit.block_count);
  assert.equal(unit.takeAttention(), 0, "no change");
  unit.resize(128);
  unit.resize(256);
  assert.equal(unit.block_count, 256);
  assert.equal(unit.takeAttention(), Sense.CAPACITY_DATA_CHANGED);
  assert.equal(unit.takeAttention(), 0);
});

Deno.test("LogicalUnit.attend() keeps order, no doubles and a limit", () => {
  const unit = makeUnit();
  for (let count = 0; count < 2; count++) {
    for (let ascq = 0; ascq < UNIT_ATTENTION_COUNT_MAX + 3; ascq++) unit.attend(0x062900 + ascq);
  }
  for (let ascq = 0; ascq < UNIT_ATTENTION_COUNT_MAX; ascq++) {
    assert.equal(unit.takeAttention(), 0x062900 + ascq);
  }
  assert.equal(unit.takeAttention(), 0);
});

Deno.test("LogicalUnit reports a medium that has come, not a handler that has started", () => {
  const unit = makeUnit();
  unit.state = "becoming-ready";
  unit.state = "ready";
  assert.equal(unit.takeAttention(), 0);
  unit.state = "no-medium";
  unit.state = "ready";
  assert.equal(unit.takeAttention(), Sense.MEDIUM_MAY_HAVE_CHANGED);
});

Deno.test("LogicalUnit.reset() restores the mode parameters", () => {
  const unit = makeUnit();
  unit.softwareWriteProtect = true;
  unit.descriptorSense = true;
  unit.writeCacheEnabled = false;
  unit.reset();
  assert.deepEqual(
    [unit.softwareWriteProtect, unit.descriptorSense, unit.writeCacheEnabled, unit.hot],
    [false, false, true, true],
  );
});

Deno.test("LogicalUnit.reset() restores saved parameters, which are current from the start", () => {
  const saved = { "mode-pages": { writeCacheEnabled: false, descriptorSense: true } };
  const unit = makeUnit({ saved });
  const values = () => [unit.writeCacheEnabled, unit.descriptorSense, unit.softwareWriteProtect];
  assert.deepEqual(values(), [false, true, false]);
  unit.writeCacheEnabled = true;
  unit.softwareWriteProtect = true;
  unit.reset();
  assert.deepEqual(values(), [false, true, false]);
});

Deno.test("LogicalUnit takes only what is right of saved parameters", () => {
  const wrong: unknown[] = [
    null,
    7,
    "x",
    [],
    { writeCacheEnabled: "no", descriptorSense: 1, softwareWriteProtect: null },
    { availableThreshold: { enabled: true, count: -1 }, usedThreshold: { count: 2 ** 32 } },
    { usedThreshold: { enabled: true, count: 0.5 }, availableThreshold: 3 },
    { usedThreshold: { enabled: true, count: NaN }, thresholdsReported: {} },
  ];
  const features = {
    writable: true,
    discard: true,
    writeZeroes: true,
    writeCache: true,
    space: true,
  };
  const { modeParameters } = makeUnit({ features });
  for (const value of wrong) {
    const unit = makeUnit({ features, saved: { "mode-pages": value } });
    assert.deepEqual(unit.modeParameters, modeParameters, JSON.stringify(value));
  }
  const saved = { "mode-pages": { writeCacheEnabled: true } };
  const unit = makeUnit({ features: { ...features, writeCache: false }, saved });
  assert.equal(unit.writeCacheEnabled, false, "the volume has no cache any more");
});

Deno.test("LogicalUnit has no cache to switch on where the volume has none", () => {
  const features = { writable: true, discard: true, writeZeroes: true, writeCache: false };
  const unit = makeUnit({ features });
  unit.writeCacheEnabled = true;
  assert.equal(unit.writeCacheEnabled, false);
  assert.equal(unit.forceUnitAccess, false);
});

Deno.test("locallyAssignedNaa() is NAA 3h, stable and different for different units", () => {
  const designators = new Set<string>();
  for (let index = 0; index < 1000; index++) {
    const naa = makeIdentity(`disk${index}`, "1").naa;
    assert.equal(naa.length, 8);
    assert.equal(naa[0] >> 4, 3);
    designators.add(naa.join());
  }
  assert.equal(designators.size, 1000);
  assert.deepEqual(locallyAssignedNaa("a"), locallyAssignedNaa("a"));
});

Deno.test("LogicalUnit.operation hides that the medium is ready, whatever else happens to it", () => {
  const unit = makeUnit();
  unit.operation = { kind: "sanitize", failed: false, restricted: true };
  assert.equal(unit.state, "sanitizing");
  assert.equal(unit.hot, false);
  // Its handler starts anew meanwhile.
  unit.state = "becoming-ready";
  assert.equal(unit.state, "becoming-ready");
  unit.state = "ready";
  assert.equal(unit.state, "sanitizing");
  unit.operation = { kind: "sanitize", failed: true, restricted: true };
  assert.equal(unit.state, "sanitize-failed");
  unit.operation = undefined;
  assert.equal(unit.state, "ready");
  assert.equal(unit.hot, true);
});

Deno.test("LogicalUnit takes an operation that a restart has cut off for a failed one", () => {
  assert.equal(makeUnit({ saved: { sanitize: { restricted: true } } }).state, "sanitize-failed");
  assert.equal(makeUnit({ saved: { format: {} } }).state, "format-failed");
  assert.equal(makeUnit({ saved: { sanitize: null, format: null } }).state, "ready");
  assert.equal(makeUnit({ saved: { sanitize: {}, format: {} } }).operation?.restricted, true);
  const open = makeUnit({ saved: { sanitize: { restricted: false } } });
  assert.equal(open.operation?.restricted, false);
});

Deno.test("LogicalUnit.load() takes in what was ejected, and nothing that is lost", () => {
  const unit = makeUnit({ removable: true });
  unit.removalPrevented = true;
  unit.eject();
  assert.deepEqual([unit.state, unit.removalPrevented], ["no-medium", false]);
  assert.equal(unit.load(), true);
  assert.equal(unit.state, "ready");
  // Who has loaded it knows, and nobody here knows the others.
  assert.equal(unit.takeAttention(), 0);
  unit.state = "no-medium";
  assert.equal(unit.load(), false);
  assert.equal(unit.state, "no-medium");
});
