// PERSISTENT RESERVE IN (SPC-4 6.15).
import assert from "node:assert/strict";
import { CoreRig, inCdb, outcome, portName, Reserver } from "./reserve_rig.ts";
import { encodeTransportId } from "./transport_id.ts";

function makeRig() {
  const rig = new CoreRig();
  rig.add(0);
  return [1, 2].map((number) => new Reserver(rig, portName(number)));
}

Deno.test("READ KEYS and READ RESERVATION", () => {
  const [a, b] = makeRig();
  assert.deepEqual([...a.in(0)], [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...a.in(1)], [0, 0, 0, 0, 0, 0, 0, 0]);
  a.register(0, 0x0102);
  b.register(0, 3);
  a.reserve(0x0102, 6);
  const keys = [0, 0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3];
  assert.deepEqual([...b.in(0)], keys);
  const held = [0, 0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 6, 0, 0];
  assert.deepEqual([...b.in(1)], held);
  assert.deepEqual([...b.in(0, 12)], keys.slice(0, 12), "the length says what there is");
});

Deno.test("REPORT CAPABILITIES", () => {
  const [a] = makeRig();
  assert.deepEqual([...a.in(2)], [0, 8, 0x1c, 0xc0, 0xea, 0x01, 0, 0]);
  assert.deepEqual([...a.in(2, 3)], [0, 8, 0x1c]);
});

Deno.test("READ FULL STATUS", () => {
  const [a, b] = makeRig();
  a.register(0, 1, { allTargetPorts: true });
  b.register(0, 2);
  b.reserve(2, 3);
  const [one, two] = [a, b].map(({ port }) => encodeTransportId(port));
  const data = a.in(3);
  const length = 48 + one.length + two.length;
  assert.deepEqual([...data.subarray(0, 8)], [0, 0, 0, 2, 0, 0, 0, length]);
  const first = data.subarray(8, 32);
  assert.deepEqual([first[7], first[12], first[19], first[23]], [1, 2, 1, one.length]);
  assert.deepEqual([...data.subarray(32, 32 + one.length)], [...one]);
  const second = data.subarray(32 + one.length, 56 + one.length);
  assert.deepEqual([second[7], second[12], second[13], second[19]], [2, 1, 3, 1]);
  assert.deepEqual([...data.subarray(56 + one.length)], [...two]);
  assert.equal(data.length, 8 + length);
});

Deno.test("service actions that are not there, and NACA", () => {
  const [a] = makeRig();
  for (let action = 4; action < 32; action++) {
    const result = a.initiator.execute(0, inCdb(action), undefined, 64);
    assert.equal(outcome(result), 0x052400);
    assert.deepEqual([...result.sense.subarray(15, 18)], [0xcc, 0, 1], "field pointer");
  }
  const cdb = inCdb(0);
  cdb[9] = 4;
  assert.equal(outcome(a.initiator.execute(0, cdb, undefined, 64)), 0x052400);
});
