// What the target core tells a unit that copies depend on.
import assert from "node:assert/strict";
import { makeIdentity } from "../../scsi/identity.ts";
import { LogicalUnit } from "../../scsi/logical_unit.ts";
import { TaskFunction } from "../target_port.ts";
import { lunField } from "./lun.ts";
import {
  CoreRig,
  outCdb,
  outList,
  portName,
  ReserveOut,
  Reserver,
} from "./reservations/reserve_rig.ts";
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

Deno.test("PREEMPT AND ABORT and resets wait for copies in the background", () => {
  const { rig, unit } = makeRig();
  const [a, b] = [1, 2].map((number) => new Reserver(rig, portName(number)));
  a.register(0, 1);
  b.register(0, 2);
  const copies: (() => void)[] = [];
  unit.copyAborter = (ended) => copies.push(ended);
  const responses: number[] = [];
  for (const taskFunction of [TaskFunction.ABORT_TASK_SET, TaskFunction.LOGICAL_UNIT_RESET]) {
    b.initiator.nexus.manage(taskFunction, lunField(0), 0, () => responses.push(taskFunction));
  }
  assert.deepEqual([responses, copies.length], [[TaskFunction.ABORT_TASK_SET], 1]);
  copies.pop()!();
  assert.deepEqual(responses, [TaskFunction.ABORT_TASK_SET, TaskFunction.LOGICAL_UNIT_RESET]);
  for (const each of [a, b]) each.attentions();
  const options = { key: 2, actionKey: 1, type: 1 };
  const cdb = outCdb(ReserveOut.PREEMPT_AND_ABORT, options, 24);
  const command = b.initiator.start(0, cdb, outList(options));
  const status = () => command.result?.status;
  assert.deepEqual([status(), copies.length], [undefined, 1]);
  copies.pop()!();
  assert.equal(status(), 0);
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
