import assert from "node:assert/strict";
import { lunField } from "./lun.ts";
import { CoreRig } from "./core_rig.ts";
import { Initiator, type InitiatorResult, senseCode } from "./initiator.ts";
import { Sense } from "./sense.ts";
import type { Task } from "../target_port.ts";

const TEST_UNIT_READY = new Uint8Array(6);
const INQUIRY = new Uint8Array([0x12, 0, 0, 0, 255, 0]);
const REQUEST_SENSE = new Uint8Array([0x03, 0, 0, 0, 252, 0]);
const WRITE_10 = new Uint8Array([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
const READ_10 = new Uint8Array([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]);

function reportLuns(select: number, allocation_length: number): Uint8Array {
  const cdb = new Uint8Array(12);
  cdb[0] = 0xa0;
  cdb[2] = select;
  new DataView(cdb.buffer).setUint32(6, allocation_length);
  return cdb;
}

function ending({ status, sense }: InitiatorResult): [status: number, code: number] {
  return [status, senseCode(sense)];
}

Deno.test("commands reach the logical unit of their LUN, data and all", () => {
  const rig = new CoreRig();
  for (const lun of [0, 300]) rig.add(lun);
  const initiator = new Initiator(rig.core, rig.pump);
  for (const lun of [0, 300]) assert.deepEqual(initiator.clearAttentions(lun), [0x062900]);
  const stored = new Map<unknown, Uint8Array>();
  rig.server = ({ cdb, data }, device) => {
    if (cdb[0] === 0x2a) stored.set(device, device.gather(data));
    else device.scatter(data, stored.get(device)!);
    return {};
  };
  const [first, second] = [11, 22].map((byte) => new Uint8Array(9000).fill(byte));
  assert.deepEqual(ending(initiator.execute(0, WRITE_10, first)), [0, 0]);
  assert.deepEqual(ending(initiator.execute(300, WRITE_10, second)), [0, 0]);
  assert.deepEqual(initiator.execute(0, READ_10, undefined, 9000).dataIn, first);
  assert.deepEqual(initiator.execute(300, READ_10, undefined, 9000).dataIn, second);
});

Deno.test("status, sense and residual come back as the device gave them", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  rig.server = ({ data }, device) => {
    device.scatter(data, new Uint8Array([1, 2, 3]));
    return { read_length: 3 };
  };
  const short = initiator.execute(0, READ_10, undefined, 512);
  assert.deepEqual([[...short.dataIn], short.residual], [[1, 2, 3], 509]);
  const sense = new Uint8Array(96).fill(0xaa);
  sense.set([0x70, 0, 3, 0, 0, 0, 0, 20]);
  sense.set([0x11, 4], 12);
  rig.server = () => ({ status: 2, sense });
  const failed = initiator.execute(0, READ_10, undefined, 512);
  assert.deepEqual([failed.sense, failed.residual], [sense.slice(0, 28), 512]);
  assert.equal(unit.ring.blocks_used, 0);
});

Deno.test("an incorrect LUN answers as SAM-6 5.11 says", () => {
  const rig = new CoreRig();
  rig.add(2);
  const initiator = new Initiator(rig.core, () => assert.fail("nothing is in a ring"));
  const inquiry = initiator.execute(1, INQUIRY, undefined, 255);
  assert.deepEqual([inquiry.status, inquiry.dataIn[0], inquiry.dataIn.length], [0, 0x7f, 36]);
  assert.equal(inquiry.residual, 255 - 36);
  const page = initiator.execute(1, new Uint8Array([0x12, 1, 0, 0, 255, 0]), undefined, 255);
  assert.deepEqual([...page.dataIn], [0x7f, 0, 0, 1, 0]);
  const other = initiator.execute(1, new Uint8Array([0x12, 1, 0x83, 0, 255, 0]), undefined, 255);
  assert.deepEqual(ending(other), [2, 0x052400]);
  const sense = initiator.execute(1, REQUEST_SENSE, undefined, 252);
  assert.deepEqual([sense.status, senseCode(sense.dataIn)], [0, 0x052500]);
  assert.deepEqual(ending(initiator.execute(1, TEST_UNIT_READY)), [2, 0x052500]);
  assert.deepEqual(ending(initiator.execute(1, WRITE_10, new Uint8Array(200_000))), [2, 0x052500]);
  assert.deepEqual(ending(initiator.execute(1, READ_10, undefined, 1 << 30)), [2, 0x052500]);
  const luns = initiator.execute(1, reportLuns(0, 4096), undefined, 4096);
  assert.deepEqual([...luns.dataIn], [0, 0, 0, 8, 0, 0, 0, 0, ...lunField(2)]);
});

Deno.test("the core's own buffers are finite, and given back", () => {
  const rig = new CoreRig();
  const nexus = rig.core.openNexus({ initiator_port: "a", done: (task) => task.release() });
  const request = {
    lun: lunField(7),
    cdb: reportLuns(0, 1 << 20),
    attribute: 0,
    tag: 1,
    data_out_length: 0,
    data_in_length: 1 << 20,
  };
  for (let round = 0; round < 3; round++) {
    const tasks: Task[] = [];
    for (let task = nexus.prepare(request); task; task = nexus.prepare(request)) tasks.push(task);
    assert.ok(tasks.length > 1 && tasks.length < 100);
    for (const [index, task] of tasks.entries()) {
      if (index % 2) task.execute();
      else task.release();
    }
  }
});

Deno.test("data-out for an incorrect LUN has a buffer of its full length", () => {
  const rig = new CoreRig();
  const nexus = rig.core.openNexus({ initiator_port: "a", done: () => {} });
  const length = 1_000_001;
  const task = nexus.prepare({
    lun: lunField(0),
    cdb: WRITE_10,
    attribute: 0,
    tag: 1,
    data_out_length: length,
    data_in_length: 0,
  })!;
  const { segments, segment_count, memory } = task.dataOut;
  let sum = 0;
  for (let index = 0; index < segment_count; index++) {
    assert.ok(segments[2 * index] + segments[2 * index + 1] <= memory.byteLength);
    sum += segments[2 * index + 1];
  }
  assert.deepEqual([sum, task.dataOut.length], [length, length]);
});

Deno.test("more data than a data area holds ends in INVALID FIELD IN CDB", () => {
  const rig = new CoreRig();
  rig.add(0, { data_size_bytes: 1 << 20 });
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  assert.deepEqual(ending(initiator.execute(0, READ_10, undefined, (1 << 20) + 1)), [2, 0x052400]);
  assert.deepEqual(ending(initiator.execute(0, READ_10, undefined, 1 << 20)), [0, 0]);
});

Deno.test("prepare() has no task where the data area is full", () => {
  const rig = new CoreRig();
  rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  const first = initiator.start(0, READ_10, undefined, 64 * 4096);
  assert.equal(initiator.start(0, READ_10, undefined, 1).result?.status, 0x28);
  rig.pump();
  assert.equal(first.result?.status, 0);
  assert.equal(initiator.execute(0, READ_10, undefined, 1).status, 0);
});

Deno.test("REPORT LUNS by SELECT REPORT and ALLOCATION LENGTH (SPC-6 6.33)", () => {
  const rig = new CoreRig();
  for (const lun of [256, 1, 0]) rig.add(lun);
  const initiator = new Initiator(rig.core, rig.pump);
  const list = [...lunField(0), ...lunField(1), ...lunField(256)];
  for (const select of [0, 2, 0x11]) {
    const { dataIn } = initiator.execute(1, reportLuns(select, 4096), undefined, 4096);
    assert.deepEqual([...dataIn], [0, 0, 0, 24, 0, 0, 0, 0, ...list], `select report ${select}`);
  }
  for (const select of [1, 0x10, 0x12]) {
    const { dataIn } = initiator.execute(0, reportLuns(select, 4096), undefined, 4096);
    assert.deepEqual([...dataIn], [0, 0, 0, 0, 0, 0, 0, 0], `select report ${select}`);
  }
  assert.deepEqual(ending(initiator.execute(0, reportLuns(3, 4096), undefined, 99)), [2, 0x052400]);
  const naca = reportLuns(0, 4096);
  naca[11] = 4;
  assert.deepEqual(ending(initiator.execute(0, naca, undefined, 99)), [2, 0x052400], "NACA");
  const cut = initiator.execute(0, reportLuns(0, 18), undefined, 4096);
  assert.deepEqual([...cut.dataIn], [0, 0, 0, 24, 0, 0, 0, 0, ...list.slice(0, 10)]);
  const short = initiator.execute(0, reportLuns(0, 4096), undefined, 16);
  assert.deepEqual([short.dataIn.length, short.residual], [16, 0]);
});

Deno.test("a new nexus gets POWER ON once on every unit; three commands do not report it", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  rig.add(1);
  const initiator = new Initiator(rig.core, rig.pump);
  assert.equal(initiator.execute(0, INQUIRY, undefined, 96).status, 0);
  assert.equal(initiator.execute(0, reportLuns(0, 16), undefined, 16).status, 0);
  assert.deepEqual(ending(initiator.execute(0, TEST_UNIT_READY)), [2, 0x062900]);
  assert.equal(unit.ring.in_flight, 0);
  assert.deepEqual(ending(initiator.execute(0, TEST_UNIT_READY)), [0, 0]);
  // The other unit: REQUEST SENSE returns and clears it.
  const sense = initiator.execute(1, REQUEST_SENSE, undefined, 252);
  assert.deepEqual([sense.status, senseCode(sense.dataIn), sense.dataIn.length], [0, 0x062900, 18]);
  assert.deepEqual(ending(initiator.execute(1, TEST_UNIT_READY)), [0, 0]);
  const second = new Initiator(rig.core, rig.pump, "second");
  assert.deepEqual(second.clearAttentions(0), [0x062900]);
  assert.deepEqual(initiator.clearAttentions(0), []);
});

Deno.test("REQUEST SENSE without a unit attention goes to the logical unit", () => {
  const rig = new CoreRig();
  rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  rig.server = ({ data }, device) => {
    device.scatter(data, new Uint8Array([0x70, 0, 1]));
    return { read_length: 3 };
  };
  assert.equal(initiator.execute(0, REQUEST_SENSE, undefined, 252).dataIn[2], 1);
});

Deno.test("REQUEST SENSE with DESC gives descriptor format and keeps to the allocation length", () => {
  const rig = new CoreRig();
  rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  const cdb = new Uint8Array([0x03, 1, 0, 0, 4, 0]);
  assert.deepEqual([...initiator.execute(0, cdb, undefined, 252).dataIn], [0x72, 6, 0x29, 0]);
});

Deno.test("unit attentions are queued in order, each once, for each nexus", () => {
  const rig = new CoreRig();
  rig.add(0);
  const [one, two] = ["one", "two"].map((name) => new Initiator(rig.core, rig.pump, name));
  two.clearAttentions(0);
  rig.core.unitAttention(0, Sense.ATTENTION_CAPACITY_CHANGED);
  rig.core.unitAttention(0, Sense.ATTENTION_CAPACITY_CHANGED);
  assert.deepEqual(one.clearAttentions(0), [0x062900, 0x062a09]);
  assert.deepEqual(two.clearAttentions(0), [0x062a09]);
  rig.core.unitAttention(9, Sense.ATTENTION_CAPACITY_CHANGED);
});

Deno.test("a change of the LUN map is told on the other units until REPORT LUNS is read", () => {
  const rig = new CoreRig();
  for (const lun of [0, 1]) rig.add(lun);
  const initiator = new Initiator(rig.core, rig.pump);
  for (const lun of [0, 1]) initiator.clearAttentions(lun);
  rig.add(5);
  assert.deepEqual(initiator.clearAttentions(0), [0x063f0e]);
  initiator.execute(0, reportLuns(0, 4096), undefined, 4096);
  assert.deepEqual(initiator.clearAttentions(1), [], "REPORT LUNS cleared it");
  assert.deepEqual(initiator.clearAttentions(5), [0x062900]);
  rig.core.unitAttention(5, Sense.ATTENTION_CAPACITY_CHANGED);
  rig.core.remove(5, () => {});
  assert.deepEqual(initiator.clearAttentions(0), [0x063f0e]);
  assert.deepEqual(ending(initiator.execute(5, TEST_UNIT_READY)), [2, 0x052500]);
  rig.add(6);
  assert.deepEqual(initiator.clearAttentions(6), [0x062900]);
});

Deno.test("remove() waits for the last task; those that have not begun get LUN NOT SUPPORTED", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  const running = initiator.start(0, READ_10, undefined, 512);
  const ended: Task[] = [];
  const nexus = rig.core.openNexus({ initiator_port: "b", done: (task) => ended.push(task) });
  const late = nexus.prepare({
    lun: lunField(0),
    cdb: WRITE_10,
    attribute: 0,
    tag: 1,
    data_out_length: 512,
    data_in_length: 0,
  })!;
  let drained = 0;
  rig.core.remove(0, () => drained++);
  unit.serve(() => ({}));
  assert.equal(running.result?.status, 0);
  assert.equal(drained, 0);
  late.execute();
  assert.deepEqual([ended, late.status, senseCode(late.sense)], [[late], 2, 0x052500]);
  late.release();
  assert.equal(drained, 1);
  assert.throws(() => rig.core.remove(0, () => {}), /there is none/);
  rig.core.remove(rig.add(0) && 0, () => drained++);
  assert.equal(drained, 2);
});

Deno.test("add() refuses numbers that are taken or out of range", () => {
  const rig = new CoreRig();
  rig.add(16383);
  assert.throws(() => rig.add(16383), /it exists/);
  for (const lun of [-1, 16384, 0.5]) assert.throws(() => rig.add(lun), /choose one from/);
});

Deno.test("the ACA attribute is an INVALID MESSAGE ERROR", () => {
  const rig = new CoreRig();
  rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  const command = initiator.start(0, TEST_UNIT_READY, undefined, 0, 3);
  assert.deepEqual(ending(command.result!), [2, 0x0b4900]);
});

Deno.test("kick() wakes each ring that has something new, once", () => {
  const rig = new CoreRig();
  const [zero, one, two] = [0, 1, 2].map((lun) => rig.add(lun));
  const nexus = rig.core.openNexus({ initiator_port: "a", done: (task) => task.release() });
  const start = (lun: number) =>
    nexus.prepare({
      lun: lunField(lun),
      cdb: INQUIRY,
      attribute: 0,
      tag: 1,
      data_out_length: 0,
      data_in_length: 0,
    })!.execute();
  for (const lun of [0, 0, 1]) start(lun);
  assert.deepEqual([zero.wakes, one.wakes, two.wakes], [0, 0, 0]);
  rig.core.kick();
  rig.core.flush();
  assert.deepEqual([zero.wakes, one.wakes, two.wakes], [1, 1, 0]);
  // A wake may run the device, and what the fabric does then comes back here.
  zero.onWake = () => {
    zero.onWake = () => {};
    start(1);
    rig.core.kick();
  };
  one.onWake = () => start(2);
  start(0);
  rig.core.kick();
  rig.core.kick();
  assert.deepEqual([zero.wakes, one.wakes, two.wakes], [2, 2, 1]);
  start(2);
  rig.core.kick();
  assert.equal(two.wakes, 2);
});

Deno.test("a device that answers inside of kick(), and a fabric that goes on inside of done()", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const { ring, device } = unit;
  let inTurn = false;
  let again = false;
  // As the ring thread's device does: a wake during a turn is noted.
  const turn = () => {
    again = true;
    if (inTurn) return;
    inTurn = true;
    while (again) {
      again = false;
      for (const { id } of device.all()) device.complete(id);
      ring.doorbell();
    }
    inTurn = false;
  };
  let done = 0;
  const nexus = rig.core.openNexus({
    initiator_port: "a",
    done: (task) => {
      task.release();
      if (++done < 1000) next();
    },
  });
  const next = () => {
    const task = nexus.prepare({
      lun: lunField(0),
      cdb: INQUIRY,
      attribute: 0,
      tag: done,
      data_out_length: 0,
      data_in_length: 96,
    })!;
    task.execute();
    rig.core.kick();
    turn();
  };
  next();
  assert.deepEqual([done, ring.in_flight, ring.blocks_used], [1000, 0, 0]);
});

Deno.test("tick() ends overdue commands and says when it is needed", () => {
  const rig = new CoreRig();
  const unit = rig.add(0, { cmd_time_out_ms: 1000 });
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  assert.equal(rig.core.active, false);
  const command = initiator.start(0, READ_10, undefined, 512);
  assert.equal(rig.core.active, true);
  rig.core.tick(rig.now_ms + 1000);
  assert.deepEqual(ending(command.result!), [2, 0x020800]);
  assert.equal(unit.ring.blocks_used, 1, "the device may still write");
  rig.pump();
  assert.deepEqual([unit.ring.blocks_used, rig.core.active], [0, false]);
});

Deno.test("one logical unit's word of changed LUNs is for all (SPC-4 7.8.7, LUICLR)", () => {
  const rig = new CoreRig();
  for (const lun of [0, 1]) rig.add(lun);
  const [initiator, other] = ["a", "b"].map((name) => new Initiator(rig.core, rig.pump, name));
  for (const each of [initiator, other]) for (const lun of [0, 1]) each.clearAttentions(lun);
  rig.add(2);
  assert.deepEqual(initiator.clearAttentions(1), [Sense.ATTENTION_REPORTED_LUNS_CHANGED]);
  assert.deepEqual(initiator.clearAttentions(0), []);
  assert.deepEqual(other.clearAttentions(0), [Sense.ATTENTION_REPORTED_LUNS_CHANGED]);
});
