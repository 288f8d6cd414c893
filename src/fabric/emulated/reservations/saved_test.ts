import assert from "node:assert/strict";
import fc from "fast-check";
import { restoreReservations, SavedReservationsError, saveReservations } from "./saved.ts";
import { NO_RESERVATIONS, type ReservationState } from "./state.ts";

const STATE: ReservationState = {
  generation: 7,
  registrations: new Map([
    ["iqn.a,i,0x1", { key: 0xfedcba9876543210n, allTargetPorts: true }],
    ["iqn.b,i,0x2", { key: 1n, allTargetPorts: false }],
  ]),
  reservation: { type: 5, holder: "iqn.b,i,0x2" },
  persistent: true,
};

/** Through JSON, as a store does it. */
function roundTrip(state: ReservationState): ReservationState {
  return restoreReservations(JSON.parse(JSON.stringify(saveReservations(state))));
}

Deno.test("what was kept comes back, with PRGENERATION 0 (SPC-4 6.15.2)", () => {
  assert.deepEqual(roundTrip(STATE), { ...STATE, generation: 0 });
  const all = { ...STATE, reservation: { type: 8, holder: undefined } };
  assert.deepEqual(roundTrip(all), { ...all, generation: 0 });
  assert.deepEqual(roundTrip({ ...STATE, reservation: undefined }).reservation, undefined);
});

Deno.test("nothing is kept without APTPL", () => {
  assert.equal(saveReservations({ ...STATE, persistent: false }), null);
  assert.deepEqual(restoreReservations(null), NO_RESERVATIONS);
  assert.deepEqual(restoreReservations(undefined), NO_RESERVATIONS);
});

Deno.test("what cannot be right is refused as a whole", () => {
  type Json = Record<string, unknown>;
  const saved = () => JSON.parse(JSON.stringify(saveReservations(STATE))) as Json;
  const refused = (change: (json: Json & { registrations: Json[] }) => void) => {
    const json = saved() as Json & { registrations: Json[] };
    change(json);
    assert.throws(() => restoreReservations(json), SavedReservationsError);
  };
  refused((json) => json.version = 2);
  refused((json) => Object.assign(json, { registrations: {} }));
  refused((json) => json.registrations[0].key = "0000000000000000");
  refused((json) => json.registrations[0].key = "1");
  refused((json) => json.registrations[0].key = 1);
  refused((json) => json.registrations[0].initiator_port = "");
  refused((json) => json.registrations[0].initiator_port = "a".repeat(300));
  refused((json) => json.registrations[0].initiator_port = json.registrations[1].initiator_port);
  refused((json) => json.reservation = { type: 2, holder: "iqn.b,i,0x2" });
  refused((json) => json.reservation = { type: 1, holder: "iqn.c,i,0x2" });
  refused((json) => json.reservation = { type: 1, holder: null });
  refused((json) => Object.assign(json, { registrations: [], reservation: { type: 7 } }));
  refused((json) => {
    const entry = json.registrations[0];
    json.registrations = Array.from({ length: 513 }, (_, index) => ({
      ...entry,
      initiator_port: `iqn.${index}`,
    }));
  });
  for (const bad of [1, "a", [], true]) {
    assert.throws(() => restoreReservations(bad), SavedReservationsError);
  }
});

Deno.test("any JSON is either a sound state or refused", () => {
  fc.assert(fc.property(fc.jsonValue(), (json) => {
    try {
      assert.ok(restoreReservations(json).registrations.size <= 512);
    } catch (error) {
      assert.ok(error instanceof SavedReservationsError);
    }
  }));
});
