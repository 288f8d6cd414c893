/** START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: a medium that can be taken out. */
import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple } from "../../../test/scsi/driver.ts";
import type { LogicalUnit, LogicalUnitDescription } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import { Sense } from "../sense.ts";

const EJECT = "1b0000000200";
const LOAD = "1b0000000300";
const PREVENT = "1e0000000100";
const ALLOW = "1e0000000000";

function setUp(description: Partial<LogicalUnitDescription> = {}): {
  unit: LogicalUnit;
  volume: ArrayVolume;
  events: boolean[];
  triple: (cdb: string) => number;
} {
  const unit = makeUnit({ removable: true, ...description });
  const volume = new ArrayVolume(unit);
  const events: boolean[] = [];
  unit.mediumListener = (present) => events.push(present);
  const triple = (cdb: string) => {
    const { sense } = run(unit, volume, hex(cdb));
    return sense === undefined ? 0 : senseTriple(sense);
  };
  return { unit, volume, events, triple };
}

Deno.test("START STOP UNIT takes the medium out, flushed, and in again", () => {
  const { unit, volume, events, triple } = setUp();
  assert.equal(triple(EJECT), 0);
  assert.deepEqual([volume.steps, events, unit.state], [["flush"], [false], "no-medium"]);
  assert.equal(triple("28000000000000000100"), Sense.MEDIUM_NOT_PRESENT);
  assert.equal(triple(EJECT), 0, "it is out");
  assert.equal(triple(LOAD), 0);
  assert.equal(triple("000000000000"), 0, "who has loaded it knows");
  assert.equal(triple(LOAD), 0, "it is in");
  assert.deepEqual(events, [false, true]);
  assert.equal(triple("1b0000000600"), 0, "NO_FLUSH");
  assert.deepEqual(volume.steps, ["flush"]);
});

Deno.test("START STOP UNIT does not take out what could not be flushed", () => {
  const { unit, volume, events, triple } = setUp();
  volume.failures.set("flush", MediaResult.MEDIUM_ERROR);
  assert.equal(triple(EJECT), Sense.WRITE_ERROR);
  assert.deepEqual([events, unit.state], [[], "ready"]);
});

Deno.test("START STOP UNIT does not bring back what is lost", () => {
  const { unit, events, triple } = setUp();
  unit.state = "no-medium";
  assert.equal(triple(LOAD), Sense.MEDIUM_NOT_PRESENT);
  assert.deepEqual([events, unit.state], [[], "no-medium"]);
});

Deno.test("START STOP UNIT without LOEJ or with a power condition leaves the medium in", () => {
  const { unit, events, triple } = setUp();
  for (const cdb of ["1b0000000000", "1b0000000100", "1b0100001200", "1b0100003200"]) {
    assert.equal(triple(cdb), 0, cdb);
  }
  // SBC-4 table 111: 4h to 6h, 8h, 9h and Ch to Fh are reserved or obsolete.
  for (const condition of [0x4, 0x5, 0x6, 0x8, 0x9, 0xc, 0xd, 0xe, 0xf]) {
    assert.equal(triple(`1b000000${condition.toString(16)}200`), Sense.INVALID_FIELD_IN_CDB);
  }
  assert.deepEqual([events, unit.state], [[], "ready"]);
});

Deno.test("a medium whose removal is prevented neither goes nor comes", () => {
  const { unit, triple } = setUp();
  assert.equal(triple(PREVENT), 0);
  assert.equal(triple(EJECT), Sense.MEDIUM_REMOVAL_PREVENTED);
  assert.equal(unit.state, "ready");
  assert.equal(triple(ALLOW), 0);
  assert.equal(triple(EJECT), 0);
  assert.equal(triple(PREVENT), 0);
  assert.equal(triple(LOAD), Sense.MEDIUM_REMOVAL_PREVENTED);
  assert.equal(triple(ALLOW), 0);
  assert.equal(triple(LOAD), 0);
  for (const obsolete of ["1e0000000200", "1e0000000300"]) {
    assert.equal(triple(obsolete), Sense.INVALID_FIELD_IN_CDB);
  }
});

Deno.test("PREVENT ALLOW MEDIUM REMOVAL is the target core's to keep where it knows who asks", () => {
  const { unit, triple } = setUp({ targetCore: "embedded" });
  assert.equal(triple(PREVENT), 0);
  assert.equal(unit.removalPrevented, false);
  unit.removalPrevented = true;
  assert.equal(triple(ALLOW), 0);
  assert.equal(unit.removalPrevented, true);
});

Deno.test("a medium that cannot be removed is not", () => {
  const { unit, triple } = setUp({ removable: false });
  assert.equal(triple(EJECT), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(triple(PREVENT), 0);
  assert.equal(unit.removalPrevented, false);
});

Deno.test("a medium stays in while it is sanitized", () => {
  const { unit, triple } = setUp();
  unit.operation = { kind: "sanitize", failed: false, restricted: true };
  for (const cdb of [EJECT, LOAD, PREVENT, "1b0100001200"]) {
    assert.equal(triple(cdb), Sense.SANITIZE_IN_PROGRESS, cdb);
  }
});

Deno.test("START STOP UNIT with IMMED flushes after its answer", () => {
  const { unit, volume, triple } = setUp();
  volume.failures.set("flush", MediaResult.MEDIUM_ERROR);
  assert.equal(triple("1b0000000000"), Sense.WRITE_ERROR);
  assert.equal(triple("1b0100000000"), 0);
  assert.equal(unit.deferredSense, Sense.WRITE_ERROR);
  assert.deepEqual(volume.steps, ["flush", "flush"]);
});
