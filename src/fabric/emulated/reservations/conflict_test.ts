// Which commands conflict (SPC-4 table 65, SBC-4 table 13, SPC-2 table 10).
import assert from "node:assert/strict";
import { operationCodes } from "../../../scsi/opcodes.ts";
import { accessOf, rowsWithoutRule } from "./access.ts";
import { CONFLICT, CoreRig, portName, ReserveOut, Reserver } from "./reserve_rig.ts";

const CDBS: Readonly<Record<"always" | "read" | "write", readonly (readonly number[])[]>> = {
  always: [
    [0x00, 0, 0, 0, 0, 0],
    [0x03, 0, 0, 0, 0, 0],
    [0x12, 0, 0, 0, 0, 0],
    [0x1b, 0, 0, 0, 0x01, 0],
    [0x1e, 0, 0, 0, 0, 0],
    [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x4d, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0],
    [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  read: [
    [0x08, 0, 0, 0, 1, 0],
    [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    [0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x09, ...new Array(22).fill(0)],
    [0x2f, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0x34, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0x1a, 0, 0x3f, 0, 0, 0],
    [0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0],
    [0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  write: [
    [0x0a, 0, 0, 0, 1, 0],
    [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0b, ...new Array(22).fill(0)],
    [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    [0x15, 0x10, 0, 0, 0, 0],
    [0x1d, 4, 0, 0, 0, 0],
    [0x1b, 0, 0, 0, 0x00, 0],
    [0x1b, 0, 0, 0, 0x11, 0],
    [0x1e, 0, 0, 0, 1, 0],
  ],
};

function makeRig() {
  const rig = new CoreRig();
  rig.add(0);
  return [1, 2, 3].map((number) => new Reserver(rig, portName(number)));
}

Deno.test("every row of the table of operation codes has a rule", () => {
  assert.deepEqual(rowsWithoutRule(), []);
});

Deno.test("what writes to the medium is no read", () => {
  for (const row of operationCodes) {
    const { commandClass, serviceAction = 0 } = row;
    if (!["WRITE", "WRITE_SAME", "WRITE_AND_VERIFY", "SYNCHRONIZE_CACHE"].includes(commandClass)) {
      continue;
    }
    const cdb = new Uint8Array(32);
    cdb[0] = row.code;
    if (row.code === 0x7f) cdb.set([serviceAction >>> 8, serviceAction & 0xff], 8);
    else cdb[1] = serviceAction;
    assert.equal(accessOf(cdb, []), "write", row.name);
  }
});

// Columns of the tables: holder, registered, not registered.
const EXPECTED: readonly (readonly [type: number, registered: string, stranger: string])[] = [
  [1, "write", "write"],
  [3, "read", "read"],
  [5, "none", "write"],
  [6, "none", "read"],
  [7, "none", "write"],
  [8, "none", "read"],
];

/** Accesses that conflict where those from `least` on do. */
function conflicting(least: string): string[] {
  return least === "none" ? [] : least === "read" ? ["read", "write"] : ["write"];
}

for (const [type, registered, stranger] of EXPECTED) {
  Deno.test(`commands and a reservation of type ${type}`, () => {
    const [a, b, c] = makeRig();
    a.register(0, 1);
    b.register(0, 2);
    a.reserve(1, type);
    for (const access of ["always", "read", "write"] as const) {
      for (const cdb of CDBS[access]) {
        const expect = (least: string) => conflicting(least).includes(access) ? CONFLICT : 0;
        const name = `${access}: ${cdb.map((byte) => byte.toString(16)).join(" ")}`;
        assert.equal(a.run(...cdb), 0, `holder, ${name}`);
        assert.equal(b.run(...cdb), expect(registered), `registered, ${name}`);
        assert.equal(c.run(...cdb), expect(stranger), `not registered, ${name}`);
      }
    }
    assert.equal(c.keys().keys.length, 2, "PERSISTENT RESERVE IN is always allowed");
    assert.equal(c.register(0, 3), 0, "and registering");
  });
}

Deno.test("a command that runs is not looked at again", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const [a, b] = [1, 2].map((number) => new Reserver(rig, portName(number)));
  const running = b.initiator.start(0, new Uint8Array(CDBS.write[1]));
  const [{ id }] = unit.device.all();
  a.register(0, 1);
  assert.equal(a.reserve(1, 3), 0);
  unit.device.complete(id);
  unit.ring.doorbell();
  assert.equal(running.result?.status, 0);
});

Deno.test("a claimed command that no table knows conflicts with every reservation", () => {
  const claim = { code: 0xc0, name: "X", cdb_length: 10, direction: "in", replay: false } as const;
  assert.equal(accessOf(new Uint8Array([0xc0]), [claim]), "write");
  assert.equal(accessOf(new Uint8Array([0xc0]), []), "always", "the device server refuses it");
  const read = { ...claim, code: 0x28 };
  assert.equal(accessOf(new Uint8Array([0x28, 0]), [read]), "read");
});

Deno.test("RESERVE and RELEASE (SPC-2 7.16, 7.17, 7.21, 7.22)", () => {
  for (const [reserve, release, length] of [[0x16, 0x17, 6], [0x56, 0x57, 10]]) {
    const [a, b] = makeRig();
    const rest = new Array(length - 1).fill(0);
    assert.equal(a.run(reserve, ...rest), 0);
    assert.equal(a.run(reserve, ...rest), 0);
    assert.equal(b.run(reserve, ...rest), CONFLICT);
    assert.equal(b.run(release, ...rest), 0, "without effect");
    assert.equal(a.run(...CDBS.write[1]), 0);
    assert.equal(b.run(...CDBS.write[1]), CONFLICT);
    assert.equal(b.run(...CDBS.read[6]), CONFLICT, "MODE SENSE");
    assert.equal(b.run(0, 0, 0, 0, 0, 0), CONFLICT, "TEST UNIT READY");
    for (const cdb of [CDBS.always[1], CDBS.always[2], CDBS.always[4], CDBS.always[6]]) {
      assert.equal(b.run(...cdb), 0, `passes: ${cdb[0].toString(16)}h`);
    }
    assert.equal(a.out(ReserveOut.REGISTER, { actionKey: 1 }), CONFLICT, "SPC-2 7.13");
    assert.throws(() => a.keys(), /24/, "SPC-2 7.12");
    assert.equal(a.run(release, ...rest), 0);
    assert.equal(b.run(reserve, ...rest), 0);
    assert.equal(b.run(reserve, 1, ...rest.slice(1)), 0x052400, "extents are obsolete");
  }
});

Deno.test("RESERVE goes with its nexus, and with a reset", () => {
  const [a, b] = makeRig();
  a.run(0x16, 0, 0, 0, 0, 0);
  a.initiator.close();
  assert.equal(b.run(0x16, 0, 0, 0, 0, 0), 0);
  const rig = new CoreRig();
  rig.add(0);
  const [c, d] = [1, 2].map((number) => new Reserver(rig, portName(number)));
  for (const taskFunction of [5, 6, 7]) {
    assert.equal(c.run(0x16, 0, 0, 0, 0, 0), 0);
    d.initiator.manage(taskFunction, 0);
    for (const each of [c, d]) each.attentions();
    assert.equal(d.run(0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), 0);
  }
});

Deno.test("RESERVE and RELEASE beside registrations (SPC-4 5.13.3)", () => {
  const [a, b, c] = makeRig();
  const reserve = [0x16, 0, 0, 0, 0, 0];
  const release = [0x17, 0, 0, 0, 0, 0];
  a.register(0, 1);
  b.register(0, 2);
  for (const each of [a, b, c]) assert.equal(each.run(...reserve), CONFLICT, "as in SPC-2");
  a.reserve(1, 1);
  for (const cdb of [reserve, release]) {
    assert.equal(a.run(...cdb), 0, "the holder, without effect");
    assert.equal(b.run(...cdb), CONFLICT);
    assert.equal(c.run(...cdb), CONFLICT);
  }
  a.release(1, 1);
  a.reserve(1, 5);
  for (const cdb of [reserve, release]) {
    assert.deepEqual([a.run(...cdb), b.run(...cdb), c.run(...cdb)], [0, 0, CONFLICT]);
  }
  assert.deepEqual(a.reservation(), { key: 1, type: 5 });
  assert.equal(b.run(...CDBS.write[1]), 0, "nothing was reserved");
});
