// PREEMPT AND ABORT (SPC-4 5.13.11.2.6).
import assert from "node:assert/strict";
import { CoreRig, outCdb, outList, portName, ReserveOut, Reserver } from "./reserve_rig.ts";

const WRITE_10 = new Uint8Array([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0]);

function makeRig() {
  const rig = new CoreRig();
  const unit = rig.add(0, { tmr_notification: true });
  const [a, b, c] = [1, 2, 3].map((number) => new Reserver(rig, portName(number)));
  for (const [index, each] of [a, b, c].entries()) each.register(0, index + 1);
  const preempt = (each: Reserver, key: number, actionKey: number, type: number) => {
    const options = { key, actionKey, type };
    const list = outList(options);
    return each.initiator.start(0, outCdb(ReserveOut.PREEMPT_AND_ABORT, options, 24), list);
  };
  return { rig, unit, a, b, c, preempt };
}

Deno.test("the preempted commands end before it does, and get no status", () => {
  const { unit, a, b, c, preempt } = makeRig();
  a.reserve(1, 5);
  const [first, second, kept] = [a, a, c].map(({ initiator }) => initiator.start(0, WRITE_10));
  const seen = unit.device.all();
  const command = preempt(b, 2, 1, 5);
  unit.device.all();
  assert.deepEqual(unit.device.tmrs.at(-1), { type: 2, ids: [seen[0].id, seen[1].id] });
  const status = () => command.result?.status;
  assert.equal(status(), undefined, "it waits for the device");
  unit.device.complete(seen[1].id);
  unit.device.complete(seen[2].id);
  unit.ring.doorbell();
  assert.equal(status(), undefined);
  unit.device.complete(seen[0].id);
  unit.ring.doorbell();
  assert.equal(status(), 0);
  assert.deepEqual([first.aborted, second.aborted, kept.result?.status], [true, true, 0]);
  assert.deepEqual(a.attentions(), [0x062a05]);
  assert.deepEqual(b.reservation(), { key: 2, type: 5 });
});

Deno.test("commands that a lost nexus has left in the device are waited for", () => {
  const { unit, a, b, preempt } = makeRig();
  a.reserve(1, 5);
  a.initiator.start(0, WRITE_10);
  const [{ id }] = unit.device.all();
  a.initiator.close();
  const command = preempt(b, 2, 1, 5);
  const status = () => command.result?.status;
  assert.equal(status(), undefined, "the write may still land");
  unit.device.all();
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.deepEqual([status(), unit.ring.blocks_used], [0, 0]);
});

Deno.test("PREEMPT leaves commands alone", () => {
  const { unit, a, b } = makeRig();
  a.reserve(1, 1);
  const write = a.initiator.start(0, WRITE_10);
  const [{ id }] = unit.device.all();
  assert.equal(b.preempt(2, 1, 1), 0);
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.equal(write.result?.status, 0);
});

Deno.test("a nexus that preempts itself loses its other commands, not this one", () => {
  const { unit, a, preempt } = makeRig();
  a.reserve(1, 1);
  const write = a.initiator.start(0, WRITE_10);
  const [{ id }] = unit.device.all();
  const command = preempt(a, 1, 1, 3);
  unit.device.all();
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.deepEqual([write.aborted, command.result?.status], [true, 0]);
});

Deno.test("two that abort each other both end", () => {
  const { unit, a, b, preempt } = makeRig();
  a.reserve(1, 7);
  const write = a.initiator.start(0, WRITE_10);
  const [{ id }] = unit.device.all();
  const first = preempt(b, 2, 1, 7);
  assert.deepEqual(a.attentions(), [0x062a05]);
  a.register(0, 1);
  const second = preempt(a, 1, 2, 7);
  unit.device.all();
  assert.deepEqual([first.result, second.result], [undefined, undefined]);
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.deepEqual([write.aborted, first.aborted, second.result?.status], [true, true, 0]);
});

Deno.test("without a conflict-free key nothing is aborted", () => {
  const { unit, a, b, preempt } = makeRig();
  const write = a.initiator.start(0, WRITE_10);
  const [{ id }] = unit.device.all();
  assert.equal(preempt(b, 2, 9, 1).result?.status, 0x18);
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.equal(write.result?.status, 0);
});
