// Persist through power loss (SPC-4 5.13.5.1), and the loss of nexuses and resets.
import assert from "node:assert/strict";
import { CoreRig, outCdb, outList, portName, ReserveOut, Reserver } from "./reserve_rig.ts";
import { SavedReservationsError } from "./saved.ts";

/** A store that keeps when it is told to. */
class Store {
  readonly saves: { value: unknown; kept: (ok: boolean) => void }[] = [];
  held = false;
  value: unknown = null;

  save(part: string, value: unknown, kept: (ok: boolean) => void): void {
    assert.equal(part, "reservations");
    this.saves.push({ value, kept });
    if (!this.held) this.finish(true);
  }

  finish(ok: boolean): void {
    const { value, kept } = this.saves.shift()!;
    if (ok) this.value = JSON.parse(JSON.stringify(value));
    kept(ok);
  }
}

function makeRig(store: Store, saved?: unknown) {
  const rig = new CoreRig();
  const unit = rig.add(0, {}, { store, saved });
  const [a, b] = [1, 2].map((number) => new Reserver(rig, portName(number)));
  return { rig, unit, a, b };
}

Deno.test("APTPL: everything comes back but PRGENERATION", () => {
  const store = new Store();
  const { a, b } = makeRig(store);
  a.register(0, 1);
  assert.equal(store.value, null, "not asked for");
  b.register(0, 2, { persist: true });
  a.reserve(1, 5);
  assert.equal(a.in(2)[3] & 1, 1, "PTPL_A");
  const again = makeRig(new Store(), store.value);
  assert.deepEqual(again.a.keys(), { generation: 0, keys: [1, 2] });
  assert.deepEqual(again.a.reservation(), { key: 1, type: 5 });
  assert.equal(again.b.reserve(2, 5), 0x18);
  assert.equal(again.a.release(1, 5), 0);
});

Deno.test("the last APTPL counts: 0 forgets what was kept", () => {
  const store = new Store();
  const { a, b } = makeRig(store);
  a.register(0, 1, { persist: true });
  b.register(0, 2);
  assert.equal(store.value, null);
  assert.equal(a.in(2)[3] & 1, 0);
  a.reserve(1, 1);
  assert.equal(store.value, null);
  b.register(2, 2, { persist: true });
  b.out(ReserveOut.CLEAR, { key: 2, persist: false });
  const again = makeRig(new Store(), store.value);
  assert.deepEqual(again.a.keys().keys, []);
  assert.equal(again.a.in(2)[3] & 1, 1, "still activated");
});

function send(each: Reserver, action: number, options: Parameters<typeof outList>[0]) {
  const list = outList(options);
  return each.initiator.start(0, outCdb(action, options, list.length), list);
}

Deno.test("a command is answered, and takes effect, once it is kept", () => {
  const store = new Store();
  const { a, b } = makeRig(store);
  store.held = true;
  const register = send(a, ReserveOut.REGISTER, { actionKey: 1, persist: true });
  const second = send(b, ReserveOut.REGISTER, { actionKey: 2, persist: true });
  assert.deepEqual([register.result, second.result], [undefined, undefined]);
  assert.deepEqual(b.keys().keys, []);
  assert.equal(store.saves.length, 1, "one after the other");
  store.finish(true);
  assert.deepEqual([register.result?.status, second.result], [0, undefined]);
  assert.deepEqual(b.keys().keys, [1]);
  store.finish(true);
  assert.equal(second.result?.status, 0);
  assert.deepEqual(b.keys(), { generation: 2, keys: [1, 2] });
});

Deno.test("what could not be kept has not happened: 4/44/00", () => {
  const store = new Store();
  const { a } = makeRig(store);
  store.held = true;
  const register = send(a, ReserveOut.REGISTER, { actionKey: 1, persist: true });
  store.finish(false);
  assert.deepEqual([register.result?.status, register.result?.sense[2]], [2, 4]);
  assert.deepEqual(a.keys(), { generation: 0, keys: [] });
});

Deno.test("a command that was aborted while it waited has no effect", () => {
  const store = new Store();
  const { a, b } = makeRig(store);
  store.held = true;
  send(a, ReserveOut.REGISTER, { actionKey: 1, persist: true });
  const aborted = send(b, ReserveOut.REGISTER, { actionKey: 2 });
  const responses: number[] = [];
  b.initiator.nexus.manage(1, new Uint8Array(8), aborted.tag, (response) => {
    responses.push(response);
  });
  assert.deepEqual(responses, []);
  store.finish(true);
  assert.deepEqual([responses, aborted.aborted, a.keys().keys], [[0], true, [1]]);
});

Deno.test("a nexus that is lost while its command is kept: the unit goes on", () => {
  const store = new Store();
  const { rig, unit, a, b } = makeRig(store);
  store.held = true;
  send(a, ReserveOut.REGISTER, { actionKey: 1, persist: true });
  a.initiator.close();
  let drained = false;
  rig.core.remove(0, () => drained = true);
  assert.equal(drained, false);
  store.finish(true);
  assert.deepEqual([drained, unit.ring.blocks_used], [true, 0]);
  b.initiator.close();
});

Deno.test("registrations and reservations survive loss of the nexus and resets", () => {
  const { rig, a, b } = makeRig(new Store());
  a.register(0, 1);
  a.reserve(1, 3);
  a.initiator.close();
  assert.equal(b.run(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0), 0x18);
  b.initiator.manage(5, 0);
  b.attentions();
  assert.deepEqual(b.reservation(), { key: 1, type: 3 });
  const back = new Reserver(rig, a.port);
  assert.equal(back.run(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0), 0, "the same port");
  assert.equal(back.release(1, 3), 0);
});

Deno.test("a unit whose reservations cannot be read is not added", () => {
  const rig = new CoreRig();
  assert.throws(() => rig.add(0, {}, { saved: { version: 9 } }), SavedReservationsError);
  rig.add(0);
});
