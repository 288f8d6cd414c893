// Service actions of PERSISTENT RESERVE OUT, clause by clause (SPC-4 5.13, 6.16).
import assert from "node:assert/strict";
import { CONFLICT, CoreRig, portName, ReserveOut, Reserver } from "./reserve_rig.ts";
import { encodeTransportId } from "./transport_id.ts";

const RELEASED = 0x062a04;
const RESERVATIONS_PREEMPTED = 0x062a03;
const REGISTRATIONS_PREEMPTED = 0x062a05;
const INVALID_CDB = 0x052400;
const INVALID_PARAMETER = 0x052600;
const LENGTH_ERROR = 0x051a00;

function makeRig(count = 3) {
  const rig = new CoreRig();
  rig.add(0);
  return Array.from({ length: count }, (_, index) => new Reserver(rig, portName(index + 1)));
}

Deno.test("REGISTER, table 67", () => {
  const [a, b] = makeRig();
  assert.equal(a.register(5, 9), CONFLICT, "not registered, and a key");
  assert.equal(a.register(0, 0), 0, "does nothing");
  assert.deepEqual(a.keys(), { generation: 0, keys: [] });
  assert.equal(a.register(0, 9), 0);
  assert.equal(b.register(0, 9), 0, "two may have one key");
  assert.deepEqual(a.keys(), { generation: 2, keys: [9, 9] });
  assert.equal(a.register(0, 7), CONFLICT);
  assert.equal(a.register(8, 7), CONFLICT);
  assert.equal(a.register(9, 7), 0);
  assert.equal(a.register(7, 0), 0);
  assert.deepEqual(b.keys(), { generation: 4, keys: [9] });
});

Deno.test("REGISTER AND IGNORE EXISTING KEY, table 68", () => {
  const [a] = makeRig();
  const ignore = (actionKey: number) =>
    a.out(ReserveOut.REGISTER_AND_IGNORE_EXISTING_KEY, { key: 77, actionKey });
  assert.equal(ignore(0), 0);
  assert.deepEqual(a.keys(), { generation: 0, keys: [] });
  assert.equal(ignore(3), 0);
  assert.equal(ignore(4), 0);
  assert.deepEqual(a.keys(), { generation: 2, keys: [4] });
  assert.equal(ignore(0), 0);
  assert.deepEqual(a.keys(), { generation: 3, keys: [] });
});

Deno.test("parameter lists: lengths and bits", () => {
  const [a] = makeRig();
  for (const list_length of [0, 23, 25, 28]) {
    assert.equal(a.out(ReserveOut.REGISTER, { actionKey: 1, list_length }), LENGTH_ERROR);
  }
  assert.equal(a.out(ReserveOut.REGISTER, { list_length: 1 << 20 }), LENGTH_ERROR);
  a.register(0, 1);
  for (let action = 1; action <= ReserveOut.REGISTER_AND_IGNORE_EXISTING_KEY; action++) {
    assert.equal(a.out(action, { key: 1, type: 1, transportIds: [] }), INVALID_PARAMETER);
  }
  assert.equal(a.register(1, 2, { transportIds: [] }), INVALID_PARAMETER, "table 67, footnote c");
  assert.equal(a.register(1, 2, { persist: true }), INVALID_PARAMETER, "there is no store");
  assert.equal(a.out(0x08, { key: 1 }), INVALID_CDB, "REPLACE LOST RESERVATION");
  assert.equal(a.out(0x1f, { key: 1 }), INVALID_CDB);
});

Deno.test("RESERVE (5.13.9)", () => {
  const [a, b] = makeRig();
  assert.equal(a.reserve(0, 1), CONFLICT, "not registered");
  a.register(0, 1);
  b.register(0, 2);
  assert.equal(a.reserve(9, 1), CONFLICT, "another key");
  assert.equal(a.out(ReserveOut.RESERVE, { key: 1, type: 1, scope: 1 }), INVALID_CDB);
  for (const type of [0, 2, 4, 9, 15]) assert.equal(a.reserve(1, type), INVALID_CDB);
  assert.equal(a.reserve(1, 1), 0);
  assert.equal(a.reserve(1, 1), 0, "again");
  assert.equal(a.reserve(1, 3), CONFLICT, "another type");
  assert.equal(b.reserve(2, 1), CONFLICT);
  assert.deepEqual(b.reservation(), { key: 1, type: 1 });
  assert.equal(a.keys().generation, 2, "not counted");
});

Deno.test("all registrants: every registered nexus is the holder (5.13.10)", () => {
  const [a, b, c] = makeRig();
  a.register(0, 1);
  b.register(0, 2);
  assert.equal(a.reserve(1, 8), 0);
  assert.deepEqual(b.reservation(), { key: 0, type: 8 });
  assert.equal(b.reserve(2, 8), 0);
  assert.equal(b.reserve(2, 7), CONFLICT);
  a.register(1, 0);
  assert.deepEqual(b.reservation(), { key: 0, type: 8 });
  assert.deepEqual(b.attentions(), [], "nothing was released");
  b.register(2, 0);
  assert.equal(c.reservation(), undefined, "the last one is gone");
});

Deno.test("RELEASE (5.13.11.2.2)", () => {
  const [a, b, c] = makeRig();
  a.register(0, 1);
  b.register(0, 2);
  assert.equal(a.release(1, 1), 0, "there is none");
  for (const [type, told] of [[1, []], [3, []], [5, [RELEASED]], [6, [RELEASED]]] as const) {
    a.reserve(1, type);
    assert.equal(c.release(0, type), CONFLICT, "not registered");
    assert.equal(b.release(2, type), 0, "not the holder: nothing happens");
    assert.equal(b.release(1, type), CONFLICT, "not its key");
    assert.equal(a.release(1, type === 1 ? 3 : 1), 0x052604);
    assert.deepEqual(b.reservation(), { key: 1, type });
    assert.equal(a.release(1, type), 0);
    assert.equal(a.reservation(), undefined);
    assert.deepEqual([a.attentions(), b.attentions(), c.attentions()], [[], told, []]);
  }
  a.reserve(1, 7);
  assert.equal(b.release(2, 7), 0, "a holder as well");
  assert.deepEqual([a.attentions(), b.attentions(), c.attentions()], [[RELEASED], [], []]);
  assert.equal(b.keys().keys.length, 2);
});

Deno.test("unregistering releases what one holds (5.13.11.2.3)", () => {
  const [a, b] = makeRig();
  b.register(0, 2);
  for (const [type, told] of [[1, []], [3, []], [5, [RELEASED]], [6, [RELEASED]]] as const) {
    a.register(0, 1);
    a.reserve(1, type);
    assert.equal(a.register(1, 0), 0);
    assert.deepEqual([a.attentions(), b.attentions()], [[], told]);
    assert.equal(b.reservation(), undefined);
  }
});

Deno.test("CLEAR (5.13.11.2.7)", () => {
  const [a, b, c] = makeRig();
  a.register(0, 1);
  b.register(0, 2);
  a.reserve(1, 3);
  assert.equal(c.out(ReserveOut.CLEAR), CONFLICT);
  assert.equal(b.out(ReserveOut.CLEAR, { key: 1 }), CONFLICT);
  assert.equal(b.out(ReserveOut.CLEAR, { key: 2, scope: 3, type: 15 }), 0);
  assert.deepEqual(c.keys(), { generation: 3, keys: [] });
  assert.equal(c.reservation(), undefined);
  assert.deepEqual(
    [a.attentions(), b.attentions(), c.attentions()],
    [[RESERVATIONS_PREEMPTED], [], []],
  );
});

Deno.test("PREEMPT of the holder (5.13.11.2.4.3)", () => {
  const [a, b, c, d] = makeRig(4);
  a.register(0, 1);
  b.register(0, 2);
  c.register(0, 1);
  d.register(0, 4);
  a.reserve(1, 5);
  assert.equal(b.preempt(2, 1, 2), INVALID_CDB);
  assert.equal(b.preempt(2, 1, 6), 0);
  assert.deepEqual(b.keys(), { generation: 5, keys: [2, 4] });
  assert.deepEqual(b.reservation(), { key: 2, type: 6 });
  assert.deepEqual(a.attentions(), [REGISTRATIONS_PREEMPTED]);
  assert.deepEqual(c.attentions(), [REGISTRATIONS_PREEMPTED], "it had the same key");
  assert.deepEqual(d.attentions(), [RELEASED], "the type has changed");
  assert.deepEqual(b.attentions(), []);
  assert.equal(d.preempt(4, 2, 6), 0);
  assert.deepEqual([b.attentions(), d.attentions()], [[REGISTRATIONS_PREEMPTED], []]);
  assert.equal(d.preempt(4, 4, 1), 0, "it may preempt itself, and stays registered");
  assert.deepEqual(d.reservation(), { key: 4, type: 1 });
  assert.deepEqual(d.keys().keys, [4]);
});

Deno.test("PREEMPT of others (5.13.11.2.5)", () => {
  const [a, b, c] = makeRig();
  a.register(0, 1);
  b.register(0, 2);
  c.register(0, 2);
  assert.equal(a.preempt(1, 9, 1), CONFLICT, "nobody has that key");
  assert.equal(a.preempt(1, 0, 1), INVALID_PARAMETER);
  assert.equal(a.preempt(1, 2, 15), 0, "the type does not count");
  assert.deepEqual(a.keys().keys, [1]);
  assert.equal(a.reservation(), undefined);
  assert.deepEqual(b.attentions(), [REGISTRATIONS_PREEMPTED]);
  assert.deepEqual(c.attentions(), [REGISTRATIONS_PREEMPTED]);
  assert.equal(a.preempt(1, 1, 1), 0, "its own key: without word of it");
  assert.deepEqual([a.keys().keys, a.attentions()], [[], []]);
  a.register(0, 1);
  b.register(0, 2);
  a.reserve(1, 1);
  assert.equal(b.preempt(2, 0, 1), INVALID_PARAMETER);
  assert.equal(b.preempt(2, 2, 1), 0);
  assert.deepEqual(a.reservation(), { key: 1, type: 1 });
});

Deno.test("PREEMPT of all registrants (table 72)", () => {
  const [a, b, c] = makeRig();
  for (const [index, each] of [a, b, c].entries()) each.register(0, index + 1);
  a.reserve(1, 7);
  assert.equal(b.preempt(2, 3, 1), 0, "removes registrations only");
  assert.deepEqual(b.reservation(), { key: 0, type: 7 });
  assert.deepEqual([a.attentions(), c.attentions()], [[], [REGISTRATIONS_PREEMPTED]]);
  assert.equal(b.preempt(2, 0, 3), 0, "replaces it");
  assert.deepEqual(b.reservation(), { key: 2, type: 3 });
  assert.deepEqual([b.keys().keys, a.attentions()], [[2], [REGISTRATIONS_PREEMPTED]]);
  b.release(2, 3);
  b.reserve(2, 8);
  assert.equal(b.preempt(2, 2, 8), 0, "the last registration, its own");
  assert.equal(b.reservation(), undefined);
});

Deno.test("SPEC_I_PT registers ports that are not there (table 67, 69)", () => {
  const [a, b] = makeRig();
  const elsewhere = "iqn.2026-01.example:9,i,0x000000000009";
  const id = encodeTransportId(elsewhere);
  const device = encodeTransportId("iqn.2026-01.example:2");
  assert.equal(a.register(0, 1, { transportIds: [id, device] }), 0);
  assert.deepEqual(a.keys(), { generation: 1, keys: [1, 1, 1] });
  assert.equal(b.reserve(1, 1), 0, "the device's one port");
  a.register(1, 0);
  assert.equal(a.register(0, 1, { transportIds: [id] }), INVALID_PARAMETER, "footnote b");
  const unknown = encodeTransportId("iqn.unknown");
  assert.equal(a.register(0, 1, { transportIds: [unknown] }), INVALID_PARAMETER);
  assert.equal(b.keys().keys.length, 2, "none was made");
  assert.equal(a.register(0, 1, { transportIds: [id.subarray(0, 20)] }), INVALID_PARAMETER);
  const cut = { transportIds: [id], list_length: 30 };
  assert.equal(a.register(0, 1, cut), LENGTH_ERROR);
  assert.equal(a.register(0, 1, { transportIds: [], list_length: 27 }), LENGTH_ERROR);
});

Deno.test("REGISTER AND MOVE (5.13.8)", () => {
  const [a, b, c] = makeRig();
  const transportId = encodeTransportId(b.port);
  const move = { key: 1, actionKey: 5, transportId };
  assert.equal(a.move(move), CONFLICT, "not registered");
  a.register(0, 1);
  assert.equal(a.move({ ...move, key: 2 }), CONFLICT);
  assert.equal(a.move(move), INVALID_CDB, "nothing to move");
  c.register(0, 3);
  c.reserve(3, 5);
  assert.equal(a.move(move), CONFLICT, "not the holder");
  c.release(3, 5);
  a.attentions();
  a.reserve(1, 7);
  assert.equal(a.move(move), CONFLICT, "all registrants");
  a.release(1, 7);
  c.attentions();
  a.reserve(1, 5);
  assert.equal(a.move({ ...move, actionKey: 0 }), INVALID_PARAMETER);
  assert.equal(a.move({ ...move, relative_target_port: 2 }), INVALID_PARAMETER);
  assert.equal(a.move({ ...move, transportId: encodeTransportId(a.port) }), INVALID_PARAMETER);
  assert.equal(a.move({ ...move, transportId: transportId.slice(0, 16) }), INVALID_PARAMETER);
  assert.equal(a.move({ ...move, persist: true }), INVALID_PARAMETER);
  const { generation } = a.keys();
  assert.equal(a.move(move), 0);
  assert.deepEqual(b.reservation(), { key: 5, type: 5 });
  assert.deepEqual(b.keys(), { generation: generation + 1, keys: [1, 3, 5] });
  const back = { key: 5, actionKey: 6, transportId: encodeTransportId(a.port), unregister: true };
  assert.equal(b.move(back), 0);
  assert.deepEqual(a.reservation(), { key: 6, type: 5 });
  assert.deepEqual(a.keys().keys, [6, 3]);
  for (const each of [a, b, c]) assert.deepEqual(each.attentions(), []);
});

Deno.test("registrations are bounded (5/55/04)", () => {
  const [a] = makeRig();
  const ids = Array.from(
    { length: 512 },
    (_, index) => encodeTransportId(`iqn.${index},i,0x${index.toString(16)}`),
  );
  assert.equal(a.register(0, 1, { transportIds: ids }), 0x055504);
  assert.equal(a.register(0, 1, { transportIds: ids.slice(1) }), 0);
  assert.equal(a.keys().keys.length, 512);
});
