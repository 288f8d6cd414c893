// Task management functions (SAM-6 7), and the TMR entries of the ring.
import assert from "node:assert/strict";
import { type Task, TaskFunction, TaskResponse } from "../target_port.ts";
import { CoreRig } from "./core_rig.ts";
import { Initiator } from "./initiator.ts";
import { lunField } from "./lun.ts";
import type { RingSettings } from "./ring_options.ts";

const READ_10 = new Uint8Array([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
const ORDERED = 1;

/** A unit at LUN 0 and initiators without unit attentions. */
function makeRig(settings: RingSettings = { tmr_notification: true }) {
  const rig = new CoreRig();
  const unit = rig.add(0, settings);
  const open = (name: string) => {
    const initiator = new Initiator(rig.core, rig.pump, name);
    initiator.clearAttentions(0);
    return initiator;
  };
  /** Starts a function; the response is the last element once it is there. */
  const manage = (initiator: Initiator, taskFunction: number, tag = 0, lun = 0) => {
    const responses: number[] = [];
    initiator.nexus.manage(taskFunction, lunField(lun), tag, (response) => {
      responses.push(response);
    });
    return responses;
  };
  return { rig, unit, open, manage };
}

for (const tmr_notification of [true, false]) {
  Deno.test(`ABORT TASK waits for the device, with notification ${tmr_notification}`, () => {
    const { unit, open, manage } = makeRig({ tmr_notification });
    const initiator = open("a");
    const [kept, aborted] = [0, 0].map(() => initiator.start(0, READ_10, undefined, 512));
    const [first, second] = unit.device.all();
    const responses = manage(initiator, TaskFunction.ABORT_TASK, aborted.tag);
    unit.device.all();
    const expected = tmr_notification ? [{ type: 1, ids: [second.id] }] : [];
    assert.deepEqual(unit.device.tmrs, expected);
    assert.deepEqual(responses, []);
    unit.device.complete(first.id);
    unit.ring.doorbell();
    assert.deepEqual([responses, kept.result?.status], [[], 0]);
    unit.device.complete(second.id);
    unit.ring.doorbell();
    assert.deepEqual(responses, [TaskResponse.FUNCTION_COMPLETE]);
    assert.deepEqual([aborted.aborted, aborted.result], [true, undefined], "no response");
    assert.equal(unit.ring.blocks_used, 0);
  });
}

Deno.test("ABORT TASK of a task that is not there", () => {
  const { open, manage } = makeRig();
  const [a, b] = [open("a"), open("b")];
  const command = a.start(0, READ_10, undefined, 512);
  const { ABORT_TASK } = TaskFunction;
  assert.deepEqual(manage(b, ABORT_TASK, command.tag), [TaskResponse.TASK_DOES_NOT_EXIST]);
  assert.deepEqual(manage(a, ABORT_TASK, 9999), [TaskResponse.TASK_DOES_NOT_EXIST]);
  assert.deepEqual(manage(a, ABORT_TASK, command.tag, 7), [TaskResponse.INCORRECT_LUN]);
});

Deno.test("ABORT TASK of a task whose data is still coming: done() follows execute()", () => {
  const { rig, unit } = makeRig();
  const done: Task[] = [];
  const nexus = rig.core.openNexus({ initiator_port: "a", done: (task) => done.push(task) });
  for (const lun of [0, 5]) {
    const prepare = (tag: number) =>
      nexus.prepare({
        lun: lunField(lun),
        cdb: READ_10,
        attribute: 0,
        tag,
        data_out_length: 512,
        data_in_length: 0,
      })!;
    const responses: number[] = [];
    const [task, released] = [prepare(1), prepare(2)];
    for (const tag of [1, 2]) {
      nexus.manage(
        TaskFunction.ABORT_TASK,
        lunField(lun),
        tag,
        (response) => responses.push(response),
      );
    }
    assert.deepEqual(responses, [0, 0]);
    assert.deepEqual([task.aborted, released.aborted, done], [true, true, []]);
    released.release();
    task.execute();
    assert.deepEqual(done, [task]);
    task.release();
    done.length = 0;
  }
  assert.deepEqual([unit.device.all(), unit.ring.blocks_used], [[], 0]);
});

Deno.test("ABORT TASK of a task that waits for its turn ends it at once", () => {
  const { unit, open, manage } = makeRig();
  const initiator = open("a");
  initiator.start(0, READ_10);
  const waiting = initiator.start(0, READ_10, undefined, 0, ORDERED);
  const younger = initiator.start(0, READ_10);
  assert.equal(unit.device.all().length, 1);
  assert.deepEqual(manage(initiator, TaskFunction.ABORT_TASK, waiting.tag), [0]);
  assert.deepEqual([waiting.aborted, younger.result], [true, undefined]);
  assert.equal(unit.device.all().length, 1, "the younger one has come in");
  initiator.start(0, READ_10, undefined, 0, ORDERED);
  assert.equal(unit.device.all().length, 0, "the next ORDERED one waits again");
});

Deno.test("a task that a report takes away is not reported itself", () => {
  const { rig, unit } = makeRig();
  const tasks: Task[] = [];
  const done: number[] = [];
  const nexus = rig.core.openNexus({
    initiator_port: "a",
    done: (task) => {
      done.push(task.tag);
      task.release();
      if (task.tag === 2) tasks[2].release();
    },
  });
  for (const tag of [1, 2, 3]) {
    const task = nexus.prepare({
      lun: lunField(0),
      cdb: new Uint8Array([0x12]),
      attribute: ORDERED,
      tag,
      data_out_length: 0,
      data_in_length: 512,
    })!;
    tasks.push(task);
    task.execute();
  }
  nexus.manage(TaskFunction.ABORT_TASK_SET, lunField(0), 0, () => done.push(-1));
  assert.deepEqual(done, [2]);
  rig.pump();
  assert.deepEqual([done, unit.ring.blocks_used], [[2, 1, -1], 0]);
});

Deno.test("ABORT TASK of a command that waits for room in the ring ends it at once", () => {
  const { unit, open, manage } = makeRig({ tmr_notification: true, ring_size_bytes: 4096 });
  const initiator = open("a");
  const commands = Array.from({ length: 40 }, () => initiator.start(0, READ_10));
  assert.deepEqual(manage(initiator, TaskFunction.ABORT_TASK, commands[39].tag), [0]);
  assert.equal(commands[39].aborted, true);
  const seen = unit.device.all();
  for (const { id } of seen) unit.device.complete(id);
  unit.ring.doorbell();
  const rest = unit.device.all();
  assert.equal(seen.length + rest.length, 39);
});

Deno.test("ABORT TASK SET takes the tasks of its own nexus", () => {
  const { unit, open, manage } = makeRig();
  const [a, b] = [open("a"), open("b")];
  const own = [1, 2].map(() => a.start(0, READ_10));
  const other = b.start(0, READ_10);
  const responses = manage(a, TaskFunction.ABORT_TASK_SET);
  const seen = unit.device.all();
  assert.deepEqual(unit.device.tmrs, [{ type: 2, ids: [seen[0].id, seen[1].id] }]);
  for (const { id } of seen) unit.device.complete(id);
  unit.ring.doorbell();
  assert.deepEqual(responses, [0]);
  assert.deepEqual(own.map((command) => command.aborted), [true, true]);
  assert.deepEqual([other.aborted, other.result?.status], [false, 0]);
  assert.deepEqual(b.clearAttentions(0), []);
});

Deno.test("CLEAR TASK SET takes all, and tells the others (2F/00)", () => {
  const { rig, unit, open, manage } = makeRig();
  const [a, b, c] = [open("a"), open("b"), open("c")];
  const commands = [a, b].map((initiator) => initiator.start(0, READ_10));
  const responses = manage(a, TaskFunction.CLEAR_TASK_SET);
  assert.deepEqual(responses, []);
  rig.pump();
  assert.deepEqual(responses, [0]);
  assert.equal(unit.device.tmrs[0].type, 4);
  assert.deepEqual(commands.map((command) => command.aborted), [true, true]);
  assert.deepEqual(a.clearAttentions(0), []);
  assert.deepEqual(b.clearAttentions(0), [0x062f00]);
  assert.deepEqual(c.clearAttentions(0), [], "it had no command");
});

Deno.test("LOGICAL UNIT RESET takes all, and tells all (29/03)", () => {
  const { rig, unit, open, manage } = makeRig();
  rig.add(1);
  const [a, b, c] = [open("a"), open("b"), open("c")];
  const elsewhere = new Initiator(rig.core, rig.pump, "d");
  elsewhere.clearAttentions(1);
  const untouched = elsewhere.start(1, READ_10);
  const commands = [a, b].map((initiator) => initiator.start(0, READ_10));
  const responses = manage(a, TaskFunction.LOGICAL_UNIT_RESET);
  rig.pump();
  assert.deepEqual(responses, [0]);
  assert.equal(unit.device.tmrs[0].type, 5);
  assert.deepEqual(commands.map((command) => command.aborted), [true, true]);
  assert.equal(untouched.result?.status, 0);
  assert.deepEqual(a.clearAttentions(0), [0x062903], "its own nexus too (SAM-5 6.3.3)");
  assert.deepEqual(b.clearAttentions(0), [0x062903]);
  assert.deepEqual(c.clearAttentions(0), [0x062903]);
  assert.deepEqual(elsewhere.clearAttentions(1), []);
});

Deno.test("LOGICAL UNIT RESET without any task is announced and answered at once", () => {
  const { unit, open, manage } = makeRig();
  const initiator = open("a");
  assert.deepEqual(manage(initiator, TaskFunction.LOGICAL_UNIT_RESET), [0]);
  unit.device.all();
  assert.deepEqual(unit.device.tmrs, [{ type: 5, ids: [] }]);
});

for (
  const [name, code] of [["TARGET_WARM_RESET", 0x062902], ["TARGET_COLD_RESET", 0x062900]] as const
) {
  Deno.test(`${name} takes all tasks of all units`, () => {
    const { rig, open, manage } = makeRig();
    const one = rig.add(1, { tmr_notification: true });
    const [a, b] = [open("a"), open("b")];
    for (const initiator of [a, b]) initiator.clearAttentions(1);
    const commands = [0, 1].map((lun) => b.start(lun, READ_10));
    const responses = manage(a, TaskFunction[name], 0, 99);
    assert.deepEqual(responses, []);
    rig.pump();
    assert.deepEqual(responses, [0]);
    assert.equal(one.device.tmrs.length, 1);
    assert.deepEqual(commands.map((command) => command.aborted), [true, true]);
    for (const lun of [0, 1]) {
      assert.deepEqual([a.clearAttentions(lun), b.clearAttentions(lun)], [[code], [code]]);
    }
  });
}

Deno.test("two functions that wait for the same task are both answered", () => {
  const { rig, open, manage } = makeRig();
  const [a, b] = [open("a"), open("b")];
  const command = a.start(0, READ_10);
  const first = manage(a, TaskFunction.ABORT_TASK, command.tag);
  const second = manage(b, TaskFunction.LOGICAL_UNIT_RESET);
  assert.deepEqual([first, second], [[], []]);
  rig.pump();
  assert.deepEqual([first, second], [[0], [0]]);
});

Deno.test("CLEAR ACA is not supported, and an incorrect LUN is told", () => {
  const { open, manage } = makeRig();
  const initiator = open("a");
  assert.deepEqual(manage(initiator, TaskFunction.CLEAR_ACA), [TaskResponse.NOT_SUPPORTED]);
  assert.deepEqual(manage(initiator, 77), [TaskResponse.NOT_SUPPORTED]);
  const { LOGICAL_UNIT_RESET } = TaskFunction;
  assert.deepEqual(manage(initiator, LOGICAL_UNIT_RESET, 0, 3), [TaskResponse.INCORRECT_LUN]);
});

Deno.test("a lost nexus gets no answer, and its tasks are announced as aborted", () => {
  const { rig, unit, open, manage } = makeRig();
  const initiator = open("a");
  initiator.start(0, READ_10);
  const responses = manage(initiator, TaskFunction.LOGICAL_UNIT_RESET);
  initiator.close();
  rig.pump();
  assert.deepEqual(responses, []);
  assert.deepEqual(unit.device.tmrs.map(({ type }) => type), [5, 2]);
  assert.equal(unit.ring.blocks_used, 0);
});

Deno.test("reset_ring ends aborted tasks as well", () => {
  const { unit, open, manage } = makeRig();
  const initiator = open("a");
  const command = initiator.start(0, READ_10);
  const responses = manage(initiator, TaskFunction.ABORT_TASK, command.tag);
  unit.ring.resetRing(1);
  assert.deepEqual([responses, command.aborted], [[0], true]);
});
