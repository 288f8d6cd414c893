// Random commands and random completions: nothing is lost, doubled or mixed up, and all comes back.
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Nexus, type Task, TaskFunction } from "../target_port.ts";
import { CoreRig } from "./core_rig.ts";
import type { DataBuffer } from "./data_area.ts";
import { lunField } from "./lun.ts";
import type { SeenCommand } from "./reference_device.ts";

interface Step {
  readonly kind: number;
  readonly size: number;
  readonly pick: number;
  readonly attribute: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.nat(15),
    size: fc.oneof(fc.nat(600), fc.nat(40_000)),
    pick: fc.nat(1 << 20),
    attribute: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(2)),
  }),
  { maxLength: 300 },
);

const settings = fc.record({
  ring_size_bytes: fc.constantFrom(4096, 8192),
  data_size_bytes: fc.constantFrom(24 * 4096, 200 * 4096),
  run_blocks_max: fc.constantFrom(0, 0, 1, 3),
  tmr_notification: fc.boolean(),
});

/** The byte at `index` of the buffer of command `tag`. */
function pattern(tag: number, length: number, salt: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => tag * 31 + index * 7 + (index >> 8) + salt);
}

class Model {
  readonly rig = new CoreRig();
  readonly unit;
  readonly nexuses: Nexus[] = [];
  /** Prepared and not executed. */
  prepared: Task[] = [];
  /** Ended and not released. */
  ended: Task[] = [];
  seen: SeenCommand[] = [];
  readonly executed = new Map<number, number>();
  readonly answered = new Map<number, number>();
  readonly requests = new Map<number, { out: number; into: number; valid: number }>();
  responses = 0;
  managed = 0;
  #tag = 0;

  constructor(options: typeof settings extends fc.Arbitrary<infer T> ? T : never) {
    this.unit = this.rig.add(0, { ...options, cmd_time_out_ms: 0, qfull_time_out_ms: 1e9 });
    for (const initiator_port of ["a", "b"]) {
      this.nexuses.push(this.rig.core.openNexus({ initiator_port, done: this.#done }));
    }
  }

  readonly #done = (task: Task): void => {
    const { tag } = task;
    this.answered.set(tag, (this.answered.get(tag) ?? 0) + 1);
    this.ended.push(task);
    if (task.aborted) return;
    const { valid } = this.requests.get(tag)!;
    assert.equal(task.status, 0);
    assert.equal(task.data_in_valid, valid);
    assert.deepEqual((task.dataIn as DataBuffer).read(valid), pattern(tag, valid, 100));
  };

  prepare({ kind, size, pick, attribute }: Step): void {
    const out = kind % 3 === 0 ? size : 0;
    const into = kind % 3 === 1 ? size : kind === 2 ? 0 : 100;
    const tag = ++this.#tag;
    // INQUIRY and its neighbours are free of unit attentions; the tag lies in the CDB.
    const cdb = new Uint8Array([0x12, tag >> 8, tag, 0xff, 0xff, 0]);
    const task = this.nexuses[pick % 2].prepare({
      lun: lunField(0),
      cdb,
      attribute,
      tag,
      data_out_length: out,
      data_in_length: into,
    });
    if (task === undefined) return;
    assert.deepEqual([task.dataOut.length, task.dataIn.length], [out, into]);
    this.requests.set(tag, { out, into, valid: into });
    (task.dataOut as DataBuffer).write(pattern(tag, out, 0));
    this.prepared.push(task);
  }

  execute(task: Task): void {
    this.executed.set(task.tag, (this.executed.get(task.tag) ?? 0) + 1);
    task.execute();
  }

  complete(pick: number): void {
    this.seen.push(...this.unit.device.all());
    if (this.seen.length === 0) return;
    const [command] = this.seen.splice(pick % this.seen.length, 1);
    const { device } = this.unit;
    const tag = (command.cdb[1] << 8) | command.cdb[2];
    const request = this.requests.get(tag)!;
    const [outPieces, inPieces] = request.out > 0
      ? [command.data, command.bidi]
      : [[], command.data];
    assert.deepEqual(device.gather(outPieces), pattern(tag, request.out, 0));
    assert.equal(inPieces.reduce((sum, [, length]) => sum + length, 0), request.into);
    device.scatter(inPieces, pattern(tag, request.into, 100));
    const short = pick % 5 === 0 && request.out === 0 && request.into > 1;
    if (short) request.valid = request.into - 1;
    device.complete(command.id, short ? { read_length: request.valid } : {});
    if (pick % 3 > 0) this.unit.ring.doorbell();
  }

  manage(kind: number, pick: number): void {
    const functions = [
      TaskFunction.ABORT_TASK,
      TaskFunction.ABORT_TASK_SET,
      TaskFunction.CLEAR_TASK_SET,
      TaskFunction.LOGICAL_UNIT_RESET,
    ];
    this.managed++;
    const tag = 1 + pick % (this.#tag + 1);
    this.nexuses[pick % 2].manage(functions[kind % 4], lunField(0), tag, () => this.responses++);
  }

  step(step: Step): void {
    const { kind, pick } = step;
    const take = <T>(list: T[]): T | undefined => list.splice(pick % (list.length || 1), 1)[0];
    if (kind < 4) this.prepare(step);
    else if (kind < 8) {
      const task = take(this.prepared);
      if (task !== undefined) this.execute(task);
    } else if (kind < 12) this.complete(pick);
    else if (kind < 14) take(this.ended)?.release();
    else if (kind === 14) this.rig.core.kick();
    else if (pick % 4 > 0) take(this.prepared)?.release();
    else this.manage(pick >> 2, pick >> 4);
  }

  finish(): void {
    for (const task of this.prepared.splice(0)) this.execute(task);
    for (let idle = 0; idle < 2;) {
      const before = this.answered.size;
      this.complete(1);
      this.unit.ring.doorbell();
      for (const task of this.ended.splice(0)) task.release();
      idle = this.seen.length === 0 && before === this.answered.size ? idle + 1 : 0;
    }
  }
}

Deno.test("every executed task gets one done(), data stay intact, and all blocks come back", () => {
  fc.assert(
    fc.property(settings, steps, (options, list) => {
      const model = new Model(options);
      for (const step of list) model.step(step);
      model.finish();
      assert.deepEqual(model.answered, new Map([...model.answered.keys()].map((tag) => [tag, 1])));
      const answered = [...model.answered.keys()].toSorted((a, b) => a - b);
      assert.deepEqual(answered, [...model.executed.keys()].toSorted((a, b) => a - b));
      const { ring, device } = model.unit;
      assert.deepEqual([ring.broken, ring.in_flight, ring.blocks_used], [false, 0, 0]);
      assert.equal(model.responses, model.managed);
      device.skip();
      ring.doorbell();
      assert.equal(ring.broken, false);
    }),
    { numRuns: 150 },
  );
});

Deno.test("whatever user space writes into mailbox and ring, the walk ends and nothing is thrown", () => {
  const write = fc.record({
    at: fc.oneof(fc.constant(16), fc.integer({ min: 0, max: 1023 })),
    value: fc.oneof(fc.nat(4096), fc.integer({ min: 0, max: 0xffff_ffff })),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 20 }), fc.nat(30), (writes, count) => {
      const model = new Model({
        ring_size_bytes: 4096,
        data_size_bytes: 24 * 4096,
        run_blocks_max: 0,
        tmr_notification: true,
      });
      const { ring, device } = model.unit;
      const nexus = model.rig.core.openNexus({
        initiator_port: "x",
        done: (task) => task.release(),
      });
      const start = () =>
        nexus.prepare({
          lun: lunField(0),
          cdb: new Uint8Array([0x12]),
          attribute: 0,
          tag: 1,
          data_out_length: 0,
          data_in_length: 600,
        })?.execute();
      for (let index = 0; index < count; index++) start();
      for (const { at, value } of writes) {
        device.view.setUint32(at * 4, value, true);
        ring.doorbell();
        start();
      }
      ring.resetRing(2);
      assert.deepEqual([ring.broken, ring.in_flight, ring.blocks_used], [false, 0, 0]);
      assert.deepEqual([device.head, device.view.getUint32(64, true)], [0, 0]);
    }),
    { numRuns: 200 },
  );
});
