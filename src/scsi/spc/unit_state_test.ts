import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple, toHex } from "../../../test/scsi/driver.ts";
import { AccessState, type LogicalUnit } from "../logical_unit.ts";
import { Sense } from "../sense.ts";

const PORT = { relative_target_port: 1, target_port_group: 1 };
const CDBS: Readonly<Record<string, string>> = {
  inquiry: "120000002400",
  luns: "a00000000000000000100000",
  sense: "030000001200",
  ready: "000000000000",
  read: "28000000000000000100",
  capacity: "25000000000000000000",
  mode: "1a003f00ff00",
  caching: "1a000800ff00",
  log: "4d00400000000000ff00",
  temperature: "4d004d0000000000ff00",
  codes: "a30c00000000000000ff0000",
  groups: "a30a00000000000000ff0000",
};

/** The triple that each command ends with; 0 is GOOD. */
function triples(unit: LogicalUnit): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(CDBS).map(([name, cdb]) => {
      const { sense } = run(unit, new ArrayVolume(unit), hex(cdb));
      return [name, sense === undefined ? 0 : senseTriple(sense)];
    }),
  );
}

function refused(unit: LogicalUnit, sense: number): string {
  const ends = triples(unit);
  for (const [name, end] of Object.entries(ends)) {
    assert.ok(end === 0 || end === sense, `${name}: ${end.toString(16)}`);
  }
  return Object.keys(ends).filter((name) => ends[name] !== 0).join(" ");
}

Deno.test("standby and unavailable ports let only what they must pass", () => {
  const unit = makeUnit({ port: PORT });
  assert.equal(refused(unit, -1), "");
  unit.changeAccessState(AccessState.ACTIVE_NON_OPTIMIZED, true);
  assert.equal(refused(unit, -1), "");
  unit.changeAccessState(AccessState.STANDBY, true);
  assert.equal(refused(unit, 0x02040b), "ready read");
  unit.changeAccessState(AccessState.UNAVAILABLE, true);
  assert.equal(refused(unit, 0x02040c), "ready read capacity mode caching log temperature codes");
  const { dataIn } = run(unit, new ArrayVolume(unit), hex(CDBS.sense));
  assert.equal(senseTriple(dataIn as Uint8Array), 0x02040c);
});

Deno.test("an operation on the whole medium refuses the rest and tells how far it is", () => {
  const unit = makeUnit({ port: PORT });
  unit.operation = { kind: "format", failed: false, restricted: false };
  unit.progress = 0.5;
  assert.equal(
    refused(unit, 0x020404),
    "ready read capacity mode caching log temperature codes groups",
  );
  const { dataIn } = run(unit, new ArrayVolume(unit), hex(CDBS.sense));
  assert.equal(toHex(dataIn as Uint8Array), "70000200000000" + "0a" + "00000000" + "040400808000");
  const { sense } = run(unit, new ArrayVolume(unit), hex(CDBS.ready));
  assert.equal(toHex((sense as Uint8Array).subarray(15)), "808000");
  unit.operation = { kind: "sanitize", failed: false, restricted: false };
  assert.equal(refused(unit, 0x02041b), "ready read mode log groups");
});

Deno.test("after a failed operation the medium cannot be used", () => {
  const unit = makeUnit({ port: PORT });
  unit.operation = { kind: "format", failed: true, restricted: false };
  assert.equal(refused(unit, 0x033100), "ready read capacity");
  unit.operation = { kind: "sanitize", failed: true, restricted: false };
  assert.equal(refused(unit, 0x033103), "ready read mode log groups");
});

Deno.test("a deferred error comes in the place of one command, and before an attention", () => {
  const unit = makeUnit();
  unit.defer(Sense.WRITE_ERROR);
  unit.attend(Sense.RESET_OCCURRED);
  const first = (cdb: string) => run(unit, new ArrayVolume(unit), hex(cdb)).sense;
  assert.equal(first(CDBS.inquiry), undefined);
  const deferred = first(CDBS.ready) as Uint8Array;
  assert.deepEqual([deferred[0], senseTriple(deferred)], [0x71, Sense.WRITE_ERROR]);
  assert.equal(senseTriple(first(CDBS.ready) as Uint8Array), Sense.RESET_OCCURRED);
  assert.equal(first(CDBS.ready), undefined);
});

Deno.test("REQUEST SENSE takes a deferred error, in the format that DESC asks for", () => {
  const unit = makeUnit();
  unit.descriptorSense = true;
  for (const [cdb, code] of [["030000001200", 0x71], ["030100001200", 0x73]] as const) {
    unit.defer(Sense.WRITE_ERROR);
    const { dataIn } = run(unit, new ArrayVolume(unit), hex(cdb));
    assert.equal((dataIn as Uint8Array)[0], code);
    assert.equal(senseTriple(dataIn as Uint8Array), Sense.WRITE_ERROR);
    assert.equal(unit.deferredSense, 0);
  }
});
