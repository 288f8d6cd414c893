// What the target core tells a unit that copies depend on.
import assert from "node:assert/strict";
import { makeIdentity } from "../../scsi/identity.ts";
import { LogicalUnit } from "../../scsi/logical_unit.ts";
import { CoreRig, portName, Reserver } from "./reservations/reserve_rig.ts";
import { ReservationType } from "./reservations/state.ts";

function makeRig(): { rig: CoreRig; unit: LogicalUnit } {
  const unit = new LogicalUnit({
    name: "disk0",
    identity: makeIdentity("disk0", "0123456789abcdef"),
    block_length: 512,
    block_count: 64,
    features: { writable: true, discard: false, writeZeroes: false, writeCache: false },
    targetCore: "embedded",
  });
  const rig = new CoreRig();
  rig.add(0, {}, { unit });
  return { rig, unit };
}

Deno.test("a reservation keeps copies of other units out, as it does an unregistered port", () => {
  const { rig, unit } = makeRig();
  const holder = new Reserver(rig, portName(1));
  const keepsOut = () => [unit.reservedFromCopies?.(false), unit.reservedFromCopies?.(true)];
  assert.deepEqual(keepsOut(), [false, false]);
  holder.register(0, 7);
  assert.deepEqual(keepsOut(), [false, false]);
  for (const type of Object.values(ReservationType)) {
    holder.reserve(7, type);
    const { EXCLUSIVE_ACCESS: ea, EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: ro } = ReservationType;
    const exclusive = [ea, ro, ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS] as number[];
    assert.deepEqual(keepsOut(), [exclusive.includes(type), true], `type ${type}`);
    holder.release(7, type);
  }
  assert.deepEqual(keepsOut(), [false, false]);
  holder.register(7, 0);
  // RESERVE(6) of SPC-2.
  assert.equal(holder.run(0x16, 0, 0, 0, 0, 0), 0);
  assert.deepEqual(keepsOut(), [true, true]);
});

Deno.test("the loss of a nexus is told to the unit", () => {
  const { rig, unit } = makeRig();
  let lost = 0;
  unit.nexusLossListener = () => lost++;
  const { initiator } = new Reserver(rig, portName(1));
  assert.equal(lost, 0);
  initiator.close();
  assert.equal(lost, 1);
});
