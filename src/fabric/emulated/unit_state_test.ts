// What the core does for the device server's unit behind a ring.
import assert from "node:assert/strict";
import { makeUnit } from "../../../test/scsi/driver.ts";
import { AccessState } from "../../scsi/logical_unit.ts";
import { Sense as ScsiSense } from "../../scsi/sense.ts";
import { CoreRig } from "./core_rig.ts";
import { Initiator } from "./initiator.ts";
import { lunField } from "./lun.ts";
import type { Response } from "./reference_device.ts";

const MODE_SELECT_6 = [0x15, 0x10, 0, 0, 0, 0];
const READ_10 = new Uint8Array([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
const PREVENT = new Uint8Array([0x1e, 0, 0, 0, 1, 0]);
const ALLOW = new Uint8Array([0x1e, 0, 0, 0, 0, 0]);

function makeRig(names = ["a", "b", "c"]) {
  const rig = new CoreRig();
  const scsi = makeUnit();
  const unit = rig.add(0, {}, { unit: scsi });
  const initiators = names.map((name) => new Initiator(rig.core, rig.pump, name));
  for (const initiator of initiators) initiator.clearAttentions(0);
  return { rig, unit, scsi, initiators };
}

Deno.test("the unit's attentions go to all nexuses, or to those who did not cause them", () => {
  const { rig, scsi, initiators } = makeRig();
  const [a, b, c] = initiators;
  scsi.attend(ScsiSense.CAPACITY_DATA_CHANGED);
  for (const each of initiators) assert.deepEqual(each.clearAttentions(0), [0x062a09]);
  rig.server = ({ cdb }): Response => {
    if (cdb[0] === MODE_SELECT_6[0]) scsi.attend(ScsiSense.MODE_PARAMETERS_CHANGED, "others");
    return {};
  };
  assert.equal(b.execute(0, new Uint8Array(MODE_SELECT_6)).status, 0);
  assert.deepEqual(b.clearAttentions(0), []);
  for (const each of [a, c]) assert.deepEqual(each.clearAttentions(0), [0x062a01]);
  scsi.attend(ScsiSense.MODE_PARAMETERS_CHANGED, "others");
  for (const each of initiators) {
    assert.deepEqual(each.clearAttentions(0), [0x062a01], "of nobody's command");
  }
});

Deno.test("commands of two that change something: both are told", () => {
  const { unit, scsi, initiators: [a, b, c] } = makeRig();
  const commands = [a, b].map((each) => each.start(0, new Uint8Array(MODE_SELECT_6)));
  scsi.attend(ScsiSense.MODE_PARAMETERS_CHANGED, "others");
  unit.serve(() => ({}));
  assert.deepEqual(commands.map(({ result }) => result?.status), [0, 0]);
  for (const each of [a, b, c]) assert.deepEqual(each.clearAttentions(0), [0x062a01]);
});

Deno.test("a unit that leaves the core keeps its attentions itself", () => {
  const { rig, scsi } = makeRig([]);
  rig.core.remove(0, () => {});
  scsi.attend(ScsiSense.CAPACITY_DATA_CHANGED);
  assert.equal(scsi.takeAttention(), ScsiSense.CAPACITY_DATA_CHANGED);
  scsi.attend(ScsiSense.CAPACITY_DATA_CHANGED);
  rig.core.add(1, rig.units.get(0)!.ring, { unit: scsi });
  assert.equal(scsi.hot, true, "nothing is left in the unit");
});

Deno.test("sense data of the core follows D_SENSE", () => {
  const { rig, unit, scsi, initiators: [a] } = makeRig();
  scsi.descriptorSense = true;
  const code = (sense: Uint8Array) => [sense[0], sense[1], sense[2], sense[3]];
  scsi.attend(ScsiSense.CAPACITY_DATA_CHANGED);
  assert.deepEqual(code(a.execute(0, READ_10).sense), [0x72, 6, 0x2a, 0x09]);
  const luns = new Uint8Array([0xa0, 0, 0x77, 0, 0, 0, 0, 0, 0, 16, 0, 0]);
  assert.deepEqual(code(a.execute(0, luns, undefined, 16).sense), [0x72, 5, 0x24, 0]);
  const reserve = new Uint8Array([0x5f, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(code(a.execute(0, reserve).sense), [0x72, 5, 0x1a, 0]);
  rig.server = () => assert.fail("nothing is served");
  const lost = a.start(0, READ_10);
  unit.ring.resetRing(2);
  assert.deepEqual(code(lost.result!.sense), [0x72, 2, 8, 0], "the ring's own");
  const aca = a.start(0, READ_10, undefined, 0, 3);
  assert.deepEqual(code(aca.result!.sense), [0x72, 0xb, 0x49, 0]);
});

Deno.test("each nexus prevents the removal of the medium for itself (SBC-4 5.15)", () => {
  const { rig, scsi, initiators: [a, b, c] } = makeRig();
  const prevented: boolean[] = [];
  const step = (action: () => unknown) => {
    action();
    prevented.push(scsi.removalPrevented);
  };
  step(() => a.execute(0, PREVENT));
  step(() => b.execute(0, PREVENT));
  step(() => a.execute(0, ALLOW));
  step(() => c.execute(0, ALLOW));
  step(() => b.execute(0, ALLOW));
  assert.deepEqual(prevented, [true, true, true, true, false]);
  prevented.length = 0;
  step(() => a.execute(0, PREVENT));
  step(() => a.close());
  step(() => b.execute(0, PREVENT));
  step(() => c.manage(5, 0));
  assert.deepEqual(prevented, [true, false, true, false], "loss of the nexus, reset");
  b.clearAttentions(0);
  rig.server = () => ({ status: 2, sense: new Uint8Array([0x70, 0, 5]) });
  b.execute(0, PREVENT);
  assert.equal(scsi.removalPrevented, false, "the command failed");
});

Deno.test("PREEMPT AND ABORT allows the removal (SPC-4 5.13.11.2.6 h)", () => {
  const { scsi, initiators: [a, b] } = makeRig();
  const out = (each: Initiator, action: number, key: number, actionKey: number) => {
    const list = new Uint8Array(24);
    [list[7], list[15]] = [key, actionKey];
    const cdb = new Uint8Array([0x5f, action, 0, 0, 0, 0, 0, 0, 24, 0]);
    return each.execute(0, cdb, list).status;
  };
  assert.deepEqual([out(a, 0, 0, 1), out(b, 0, 0, 2)], [0, 0]);
  a.execute(0, PREVENT);
  assert.equal(out(b, 5, 2, 1), 0);
  assert.equal(scsi.removalPrevented, false);
});

Deno.test("a reset brings mode parameters back", () => {
  for (const taskFunction of [5, 6, 7]) {
    const { scsi, initiators: [a] } = makeRig();
    scsi.descriptorSense = true;
    a.manage(taskFunction, 0);
    assert.equal(scsi.descriptorSense, false);
  }
});

Deno.test("reservations and the access state (SPC-4 5.16.2.4)", () => {
  const { scsi, initiators: [a] } = makeRig();
  const reserveIn = new Uint8Array([0x5e, 0, 0, 0, 0, 0, 0, 0, 16, 0]);
  const reserve = new Uint8Array([0x16, 0, 0, 0, 0, 0]);
  scsi.accessState = AccessState.STANDBY;
  assert.equal(a.execute(0, reserveIn, undefined, 16).status, 0);
  assert.deepEqual([...a.execute(0, reserve).sense.subarray(12, 14)], [4, 0x0b]);
  scsi.accessState = AccessState.UNAVAILABLE;
  const { sense } = a.execute(0, reserveIn, undefined, 16);
  assert.deepEqual([sense[2], sense[12], sense[13]], [2, 4, 0x0c]);
});

Deno.test("a port that comes again hears of the loss, or of what it missed (SAM-5 6.2)", () => {
  const { rig, initiators: [a, b] } = makeRig();
  const reopen = () => new Initiator(rig.core, rig.pump, "a");
  a.close();
  const second = reopen();
  second.close();
  const third = reopen();
  assert.deepEqual(third.clearAttentions(0), [0x062907]);
  third.close();
  b.manage(5, 0);
  assert.deepEqual(reopen().clearAttentions(0), [0x062900], "there was a reset");
  const { rig: other } = makeRig([]);
  const early = new Initiator(other.core, other.pump, "a");
  early.close();
  const again = new Initiator(other.core, other.pump, "a");
  assert.deepEqual(again.clearAttentions(0), [0x062900], "it was never told of the power");
});

Deno.test("unit attentions: resets first, the one that says most; a limit", () => {
  const { rig, scsi, initiators: [a, b] } = makeRig();
  for (let ascq = 0; ascq < 20; ascq++) scsi.attend(0x063f00 + ascq);
  b.manage(5, 0);
  b.manage(6, 0);
  b.manage(5, 0);
  const codes = a.clearAttentions(0);
  assert.deepEqual([codes.length, codes[0], codes[1], codes[7]], [8, 0x062902, 0x063f00, 0x063f06]);
  assert.ok(rig.core.nexuses.size > 0);
});

Deno.test("claimed and bidirectional commands have the residual of what came", () => {
  const rig = new CoreRig();
  const claim = { code: 0xc1, name: "X", cdb_length: 10, direction: "in", replay: false } as const;
  const plain = makeUnit();
  const scsi = makeUnit({
    features: { ...plain.features, claims: [claim, { ...claim, code: 0x28 }] },
  });
  rig.add(0, {}, { unit: scsi });
  rig.server = () => ({ read_length: 100 });
  const residuals: (number | undefined)[] = [];
  const nexus = rig.core.openNexus({
    initiator_port: "a",
    done: (task) => {
      residuals.push(task.residual_length, task.data_in_valid);
      task.release();
    },
  });
  const run = (cdb: number[], data_out_length: number, data_in_length: number) => {
    nexus.prepare({
      lun: lunField(0),
      cdb: new Uint8Array(cdb),
      attribute: 0,
      tag: 1,
      data_out_length,
      data_in_length,
    })!.execute();
    rig.core.kick();
    rig.pump();
  };
  run([0, 0, 0, 0, 0, 0], 0, 0);
  residuals.length = 0;
  run([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], 0, 512);
  run([0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0], 512, 0);
  assert.deepEqual(residuals, [undefined, 100, 512, 0]);
});
