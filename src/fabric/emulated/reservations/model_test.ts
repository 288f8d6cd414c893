// Random service actions of three initiators against a small model of SPC-4 5.13 that shares no code
// with what it checks, and random bytes as parameter lists.
import assert from "node:assert/strict";
import fc from "fast-check";
import { CONFLICT, CoreRig, outCdb, outcome, portName, Reserver } from "./reserve_rig.ts";
import { encodeTransportId } from "./transport_id.ts";

const RELEASED = 0x062a04;
const CLEARED = 0x062a03;
const PREEMPTED = 0x062a05;
const COUNT = 3;
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];

/** The model: keys by initiator, 0 where not registered; holder -1 is all registrants. */
class Model {
  keys = new Array<number>(COUNT).fill(0);
  type = 0;
  holder = -2;
  generation = 0;
  told: number[][] = Array.from({ length: COUNT }, () => []);

  tell(who: number, code: number) {
    if (!this.told[who].includes(code)) this.told[who].push(code);
  }

  holds(who: number) {
    if (this.type === 0) return false;
    return this.type >= 7 ? this.keys[who] !== 0 : this.holder === who;
  }

  free() {
    this.type = 0;
    this.holder = -2;
  }

  take(who: number, type: number) {
    this.type = type;
    this.holder = type >= 7 ? -1 : who;
  }

  /** A registration goes; with it what it held. */
  drop(who: number) {
    this.keys[who] = 0;
    if (this.holder === who) this.free();
    if (this.type >= 7 && this.keys.every((key) => key === 0)) this.free();
  }

  register(who: number, key: number, next: number, ignore: boolean): number {
    if (!ignore && key !== this.keys[who]) return CONFLICT;
    if (this.keys[who] === 0 && next === 0) return 0;
    this.generation++;
    if (next !== 0) {
      this.keys[who] = next;
      return 0;
    }
    const { type, holder } = this;
    this.drop(who);
    if (holder === who && (type === 5 || type === 6)) {
      for (let other = 0; other < COUNT; other++) {
        if (this.keys[other] !== 0) this.tell(other, RELEASED);
      }
    }
    return 0;
  }

  act(action: number, who: number, key: number, next: number, type: number): number {
    if (action === 0 || action === 6) return this.register(who, key, next, action === 6);
    if (this.keys[who] === 0 || this.keys[who] !== key) return CONFLICT;
    const valid = [1, 3, 5, 6, 7, 8].includes(type);
    if (action === 1) {
      if (!valid) return 0x052400;
      if (this.type === 0) this.take(who, type);
      else if (!this.holds(who) || this.type !== type) return CONFLICT;
      return 0;
    }
    if (action === 2) {
      if (!valid) return 0x052400;
      if (!this.holds(who)) return 0;
      if (this.type !== type) return 0x052604;
      this.free();
      if (type >= 5) this.others(who, (other) => this.tell(other, RELEASED));
      return 0;
    }
    if (action === 3) {
      this.others(who, (other) => this.tell(other, CLEARED));
      this.keys.fill(0);
      this.free();
      this.generation++;
      return 0;
    }
    return this.preempt(who, next, type, valid);
  }

  /** Calls back for the other registered ones. */
  others(who: number, callback: (other: number) => void) {
    for (let other = 0; other < COUNT; other++) {
      if (other !== who && this.keys[other] !== 0) callback(other);
    }
  }

  preempt(who: number, next: number, type: number, valid: boolean): number {
    const all = this.type >= 7;
    if (next === 0 && !all) return 0x052600;
    const replaces = all ? next === 0 : this.type !== 0 && this.keys[this.holder] === next;
    if (replaces) {
      if (!valid) return 0x052400;
      const old = this.type;
      this.others(who, (other) => {
        if (next === 0 || this.keys[other] === next) {
          this.keys[other] = 0;
          this.tell(other, PREEMPTED);
        } else if (old !== type) this.tell(other, RELEASED);
      });
      this.take(who, type);
      this.generation++;
      return 0;
    }
    if (!this.keys.includes(next)) return CONFLICT;
    this.generation++;
    for (let other = 0; other < COUNT; other++) {
      if (this.keys[other] !== next) continue;
      this.drop(other);
      if (other !== who) this.tell(other, PREEMPTED);
    }
    return 0;
  }

  move(who: number, key: number, next: number, to: number, unregister: boolean): number {
    if (this.keys[who] === 0 || this.keys[who] !== key) return CONFLICT;
    if (this.type === 0) return 0x052400;
    if (this.type >= 7 || this.holder !== who) return CONFLICT;
    if (next === 0 || to === who) return 0x052600;
    this.keys[to] = next;
    this.holder = to;
    if (unregister) this.keys[who] = 0;
    this.generation++;
    return 0;
  }

  conflict(who: number, write: boolean): number {
    if (this.type === 0 || this.holds(who)) return 0;
    if (this.type >= 5 && this.keys[who] !== 0) return 0;
    return write || [3, 6, 8].includes(this.type) ? CONFLICT : 0;
  }
}

const key = fc.nat(3);
const step = fc.record({
  who: fc.nat(COUNT - 1),
  // Registering comes often, or there is nothing to reserve.
  action: fc.constantFrom(0, 0, 6, 6, 1, 1, 2, 3, 4, 5, 7, 7),
  /** Mostly the right key. */
  key: fc.oneof({ arbitrary: fc.constant(-1), weight: 4 }, { arbitrary: key, weight: 1 }),
  next: key,
  type: fc.oneof(
    { arbitrary: fc.constantFrom(1, 3, 5, 6, 7, 8), weight: 9 },
    { arbitrary: fc.nat(15), weight: 1 },
  ),
  to: fc.nat(COUNT - 1),
  unregister: fc.boolean(),
});

/** All are registered and one holds a reservation, so that there is something to lose. */
const opening = fc.record({
  keys: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: COUNT, maxLength: COUNT }),
  who: fc.nat(COUNT - 1),
  type: fc.constantFrom(1, 3, 5, 6, 7, 8),
});

Deno.test("random service actions do what the model does", () => {
  fc.assert(
    fc.property(opening, fc.array(step, { minLength: 1, maxLength: 30 }), (opening, steps) => {
      const rig = new CoreRig();
      rig.add(0);
      const model = new Model();
      const reservers = Array.from(
        { length: COUNT },
        (_, index) => new Reserver(rig, portName(index)),
      );
      opening.keys.forEach((key, who) => {
        assert.equal(reservers[who].register(0, key), model.act(0, who, 0, key, 0));
      });
      const { who, type } = opening;
      const key = opening.keys[who];
      assert.equal(reservers[who].reserve(key, type), model.act(1, who, key, 0, type));
      for (const { who, action, key, next, type, to, unregister } of steps) {
        const right = key < 0 ? model.keys[who] : key;
        const each = reservers[who];
        if (action === 7) {
          const transportId = encodeTransportId(portName(to));
          const result = each.move({ key: right, actionKey: next, transportId, unregister });
          assert.equal(result, model.move(who, right, next, to, unregister));
        } else {
          const result = each.out(action, { key: right, actionKey: next, type });
          assert.equal(result, model.act(action, who, right, next, type));
        }
        compare(reservers, model);
      }
    }),
    { numRuns: 300 },
  );
});

function compare(reservers: readonly Reserver[], model: Model): void {
  reservers.forEach((each, who) => {
    assert.deepEqual(each.attentions().sort(), model.told[who].sort());
    model.told[who] = [];
    assert.equal(each.run(...WRITE), model.conflict(who, true));
    assert.equal(each.run(...READ), model.conflict(who, false));
  });
  const { generation, keys } = reservers[0].keys();
  assert.equal(generation, model.generation);
  assert.deepEqual(keys.sort(), model.keys.filter((key) => key !== 0).sort());
  const held = model.type === 0
    ? undefined
    : { key: model.type >= 7 ? 0 : model.keys[model.holder], type: model.type };
  assert.deepEqual(reservers[0].reservation(), held);
}

Deno.test("any parameter list gets an answer, and leaves a sound state", () => {
  const id = encodeTransportId("iqn.2026-01.example:9,i,0x000000000009");
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    // A list that is nearly right, so that its depths are reached.
    fc.tuple(fc.nat(3), fc.constantFrom(0, 1, 8, 9, 12), fc.nat(200), fc.nat(119), fc.nat(255)).map(
      ([key, flags, length, at, value]) => {
        const list = new Uint8Array(120);
        list[15] = key;
        list[20] = flags;
        list[23] = flags === 8 ? 0 : length;
        list[27] = length;
        list.set(id, 28);
        list.set(id, 28 + id.length);
        list[at] = value;
        return list;
      },
    ),
  );
  const command = fc.record({ action: fc.nat(31), type: fc.nat(255), bytes, short: fc.nat(8) });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
      const rig = new CoreRig();
      const unit = rig.add(0);
      const [a, b] = [1, 2].map((number) => new Reserver(rig, portName(number)));
      for (const { action, type, bytes, short } of commands) {
        const cdb = outCdb(action, {}, Math.max(0, bytes.length - short));
        cdb[2] = type;
        const result = outcome(a.initiator.execute(0, cdb, bytes));
        assert.ok([0, CONFLICT, 0x052400, 0x051a00, 0x052600, 0x052604].includes(result));
        b.attentions();
        const { keys } = b.keys();
        assert.ok(keys.length < 5 && !keys.includes(0));
        const reservation = b.reservation();
        if (reservation?.key) assert.ok(keys.includes(reservation.key));
        assert.ok(b.in(3).length >= 8);
      }
      assert.equal(unit.ring.blocks_used, 0);
    }),
    { numRuns: 200 },
  );
});
