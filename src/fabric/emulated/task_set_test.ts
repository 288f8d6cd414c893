// Task attributes (SAM-6 8.9) and the order of the task set.
import assert from "node:assert/strict";
import { type Task, TaskAttribute, TaskFunction } from "../target_port.ts";
import { CoreRig } from "./core_rig.ts";
import { lunField } from "./lun.ts";

const { SIMPLE, ORDERED, HEAD_OF_QUEUE } = TaskAttribute;

/** A rig with one unit; commands are named by CDB byte 1. */
function makeRig() {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const ended: number[] = [];
  const open = (initiator_port: string) => {
    const nexus = rig.core.openNexus({
      initiator_port,
      done: (task) => {
        ended.push(task.tag);
        task.release();
      },
    });
    const prepare = (tag: number, attribute: number = SIMPLE): Task =>
      nexus.prepare({
        lun: lunField(0),
        cdb: new Uint8Array([0x12, tag, 0, 0, 0, 0]),
        attribute,
        tag,
        data_out_length: 0,
        data_in_length: 512,
      })!;
    const start = (tag: number, attribute?: number) => prepare(tag, attribute).execute();
    return { nexus, prepare, start };
  };
  const ids = new Map<number, number>();
  /** Tags that have newly come into the ring. */
  const arrived = () =>
    unit.device.all().map(({ id, cdb }) => {
      ids.set(cdb[1], id);
      return cdb[1];
    });
  const complete = (tag: number) => {
    unit.device.complete(ids.get(tag)!);
    unit.ring.doorbell();
  };
  return { rig, unit, ended, open, arrived, complete };
}

Deno.test("SIMPLE tasks run together", () => {
  const { open, arrived } = makeRig();
  const [a, b] = [open("a"), open("b")];
  a.start(1);
  b.start(2);
  a.start(3);
  assert.deepEqual(arrived(), [1, 2, 3]);
});

Deno.test("an ORDERED task waits for all older ones and blocks the younger ones", () => {
  const { open, arrived, complete, ended } = makeRig();
  const [a, b] = [open("a"), open("b")];
  a.start(1);
  b.start(2);
  a.start(3, ORDERED);
  b.start(4);
  a.start(5, ORDERED);
  a.start(6);
  assert.deepEqual(arrived(), [1, 2]);
  complete(2);
  assert.deepEqual(arrived(), []);
  complete(1);
  assert.deepEqual(arrived(), [3]);
  complete(3);
  assert.deepEqual(arrived(), [4]);
  complete(4);
  assert.deepEqual(arrived(), [5]);
  complete(5);
  assert.deepEqual(arrived(), [6]);
  complete(6);
  assert.deepEqual(ended, [2, 1, 3, 4, 5, 6]);
});

Deno.test("an ORDERED task waits for an older one whose data is still coming", () => {
  const { open, arrived, complete } = makeRig();
  const { prepare, start } = open("a");
  const write = prepare(1);
  start(2, ORDERED);
  assert.deepEqual(arrived(), []);
  write.execute();
  assert.deepEqual(arrived(), [1]);
  complete(1);
  assert.deepEqual(arrived(), [2]);
});

Deno.test("an ORDERED task whose data is still coming blocks younger ones", () => {
  const { open, arrived, complete } = makeRig();
  const { prepare, start } = open("a");
  const ordered = prepare(1, ORDERED);
  start(2);
  assert.deepEqual(arrived(), []);
  ordered.execute();
  assert.deepEqual(arrived(), [1]);
  complete(1);
  assert.deepEqual(arrived(), [2]);
});

Deno.test("release() before execute() takes a task out of the order", () => {
  const { open, arrived, unit } = makeRig();
  const { prepare, start } = open("a");
  const ordered = prepare(1, ORDERED);
  start(2);
  ordered.release();
  assert.deepEqual(arrived(), [2]);
  assert.equal(unit.ring.blocks_used, 1);
});

Deno.test("a HEAD OF QUEUE task runs at once, and others wait for it", () => {
  const { open, arrived, complete } = makeRig();
  const { start } = open("a");
  start(1);
  start(2, ORDERED);
  start(3, HEAD_OF_QUEUE);
  start(4);
  start(5, HEAD_OF_QUEUE);
  assert.deepEqual(arrived(), [1, 3, 5]);
  complete(1);
  complete(3);
  assert.deepEqual(arrived(), []);
  complete(5);
  assert.deepEqual(arrived(), [2]);
  complete(2);
  assert.deepEqual(arrived(), [4]);
});

for (const way of ["released", "lost", "aborted", "ended"]) {
  Deno.test(`a HEAD OF QUEUE task that is ${way} blocks others no more`, () => {
    const { open, arrived, complete } = makeRig();
    const [a, b] = [open("a"), open("b")];
    const task = a.prepare(1, HEAD_OF_QUEUE);
    b.start(2);
    assert.deepEqual(arrived(), []);
    if (way === "released") task.release();
    else if (way === "lost") a.nexus.close();
    else if (way === "aborted") {
      a.nexus.manage(TaskFunction.ABORT_TASK, lunField(0), 1, () => {});
      task.release();
    } else {
      task.execute();
      assert.deepEqual(arrived(), [1]);
      complete(1);
    }
    assert.deepEqual(arrived(), [2]);
    b.prepare(3, HEAD_OF_QUEUE);
    b.start(4);
    assert.deepEqual(arrived(), [], "the next one blocks again");
  });
}

Deno.test("a long chain of ORDERED tasks that the core answers itself needs no stack", () => {
  const { rig, open, arrived, complete, ended } = makeRig();
  const { nexus, start } = open("a");
  start(1);
  for (let tag = 1000; tag < 21_000; tag++) {
    nexus.prepare({
      lun: lunField(0),
      cdb: new Uint8Array([0xa0]),
      attribute: ORDERED,
      tag,
      data_out_length: 0,
      data_in_length: 0,
    })!.execute();
  }
  start(2);
  assert.deepEqual(arrived(), [1]);
  complete(1);
  assert.equal(ended.length, 20_001);
  assert.deepEqual(ended.slice(1), Array.from({ length: 20_000 }, (_, index) => 1000 + index));
  rig.core.kick();
  assert.deepEqual(arrived(), [2]);
});

Deno.test("a lost nexus: no done(), and blocks come back as the device ends its commands", () => {
  const { open, arrived, complete, ended, unit } = makeRig();
  const [a, b] = [open("a"), open("b")];
  const unexecuted = a.prepare(1);
  a.start(2);
  b.start(3);
  a.start(4, ORDERED);
  b.start(5);
  assert.deepEqual(arrived(), [2, 3]);
  a.nexus.close();
  assert.deepEqual(arrived(), [5], "what its tasks held up goes on");
  assert.equal(unit.ring.blocks_used, 3);
  // Late calls of the fabric do nothing.
  unexecuted.execute();
  unexecuted.release();
  unexecuted.release();
  for (const tag of [5, 2, 3]) complete(tag);
  assert.deepEqual([ended, unit.ring.blocks_used], [[5, 3], 0]);
  assert.equal(
    a.nexus.prepare({
      lun: lunField(0),
      cdb: new Uint8Array(6),
      attribute: 0,
      tag: 9,
      data_out_length: 0,
      data_in_length: 0,
    }),
    undefined,
  );
});

Deno.test("an initiator that comes back waits for what its lost nexus has in flight", () => {
  const { open, arrived, complete, ended } = makeRig();
  const [first, other] = [open("a"), open("b")];
  first.start(1);
  assert.deepEqual(arrived(), [1]);
  first.nexus.close();
  const second = open("a");
  second.start(2, HEAD_OF_QUEUE);
  second.start(3);
  assert.deepEqual(arrived(), []);
  complete(1);
  assert.deepEqual(arrived(), [2]);
  complete(2);
  assert.deepEqual(arrived(), [3]);
  other.start(4);
  assert.deepEqual(arrived(), [4]);
  assert.deepEqual(ended, [2]);
});

Deno.test("tasks that have ended are freed when the nexus is lost before their release", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const kept: Task[] = [];
  const nexus = rig.core.openNexus({ initiator_port: "a", done: (task) => kept.push(task) });
  const request = {
    lun: lunField(0),
    cdb: new Uint8Array([0x12, 0, 0, 0, 0, 0]),
    attribute: 0,
    tag: 1,
    data_out_length: 0,
    data_in_length: 4096,
  };
  nexus.prepare(request)!.execute();
  rig.pump();
  assert.equal(unit.ring.blocks_used, 1);
  nexus.close();
  assert.equal(unit.ring.blocks_used, 0);
  const next = rig.core.openNexus({ initiator_port: "b", done: () => {} });
  const task = next.prepare(request)!;
  kept[0].release();
  assert.deepEqual([unit.ring.blocks_used, task === kept[0]], [1, false], "a late release is none");
});

Deno.test("a fabric that releases a running task gets no done()", () => {
  const { open, arrived, complete, ended, unit } = makeRig();
  const { prepare } = open("a");
  const task = prepare(1);
  task.execute();
  arrived();
  task.release();
  complete(1);
  assert.deepEqual([ended, unit.ring.blocks_used], [[], 0]);
});

Deno.test("tasks may be neither executed nor released twice", () => {
  const { open } = makeRig();
  const { prepare } = open("a");
  const task = prepare(1);
  task.execute();
  assert.throws(() => task.execute(), /assertion/);
  const other = prepare(2);
  other.release();
  assert.throws(() => other.release(), /assertion/);
});
