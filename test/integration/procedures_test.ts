/** Commands of several steps through the engine: locks, aborts, background work, other units. */
import assert from "node:assert/strict";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { TaskFunction } from "../../src/fabric/target_port.ts";
import { MediaOperation, MediaResult } from "../../src/scsi/media.ts";
import type { OperationResult } from "../../src/scsi/procedure.ts";
import { arrayVolume, loadModule, makeDevice, putBytes, type TestDevice } from "./harness.ts";
import { ManualBackend } from "./manual_backend.ts";

const module = await loadModule();
const BLOCK = 512;
const SIZE = 8 << 20;

interface Rig extends TestDevice {
  readonly backend: ManualBackend;
  readonly ended: RingCommand[];
  /** Puts a command into the ring and turns the device. */
  submit(cdb: readonly number[], dataOut?: Uint8Array, data_in_length?: number): RingCommand;
}

function makeRig(): Rig {
  let backend: ManualBackend | undefined;
  const rig = makeDevice(module, arrayVolume(SIZE), {
    ring: { tmr_notification: true },
    makeBackend: (engine, sink) => backend = new ManualBackend(engine, sink, SIZE),
  });
  const ended: RingCommand[] = [];
  rig.transport.ring.attach({ completed: (command) => void ended.push(command) });
  return {
    ...rig,
    backend: backend as ManualBackend,
    ended,
    submit(cdb, dataOut = new Uint8Array(0), data_in_length = 0) {
      const { ring } = rig.transport;
      const command = ring.prepare(Uint8Array.from(cdb), dataOut.length, data_in_length);
      assert.ok(command !== undefined);
      putBytes(command.dataOut, dataOut);
      ring.submit(command);
      ring.kick();
      rig.device.turn();
      return command;
    },
  };
}

/** COMPARE AND WRITE of `blocks` blocks (SBC-4 5.3). */
function compareAndWrite(lba: number, blocks: number): number[] {
  return [0x89, 0, 0, 0, 0, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0, 0, blocks, 0, 0];
}

function read10(lba: number, blocks: number): number[] {
  return [0x28, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0, blocks, 0];
}

function write10(lba: number, blocks: number): number[] {
  return [0x2a, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0, blocks, 0];
}

/** As many blocks of zeros, to be compared with, and of `value`, to be written. */
function zerosThen(value: number, blocks: number): Uint8Array {
  const data = new Uint8Array(2 * blocks * BLOCK);
  data.fill(value, blocks * BLOCK);
  return data;
}

/** The very same commands: they are too large to be compared, and to be printed. */
function assertSame(actual: readonly RingCommand[], expected: readonly RingCommand[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, command] of actual.entries()) assert.ok(command === expected[index]);
}

/** Ends what is under way until nothing begins any more. */
function drain(rig: Rig): void {
  for (let count = 0; count < 1000; count++) {
    if (rig.backend.begun.length > 0) rig.backend.end();
    if (!rig.device.turn() && rig.backend.begun.length === 0) return;
  }
  throw new Error("it does not end");
}

Deno.test("COMPARE AND WRITE keeps others off its blocks, and only off its blocks", () => {
  const rig = makeRig();
  const atomic = rig.submit(compareAndWrite(8, 4), zerosThen(7, 4));
  assert.deepEqual(rig.backend.begun.map(({ operation }) => operation), [MediaOperation.READ]);
  const inside = rig.submit(read10(10, 1), undefined, BLOCK);
  const outside = rig.submit(read10(100, 1), undefined, BLOCK);
  const elsewhere = rig.submit(compareAndWrite(200, 1), zerosThen(9, 1));
  assert.deepEqual(rig.backend.begun.map(({ offset_bytes }) => offset_bytes / BLOCK), [
    8,
    100,
    200,
  ]);
  drain(rig);
  assert.equal(rig.ended.length, 4);
  assert.deepEqual(rig.ended.map(({ status }) => status), [0, 0, 0, 0]);
  assert.ok(rig.ended.indexOf(inside) > rig.ended.indexOf(atomic), "the reader came between");
  assert.ok(rig.ended.indexOf(outside) < rig.ended.indexOf(inside));
  assert.ok(rig.ended.includes(elsewhere));
  assert.equal(rig.backend.bytes[11 * BLOCK], 7);
  rig.close();
});

Deno.test("COMPARE AND WRITE waits for writes that are under way on its blocks", () => {
  const rig = makeRig();
  const ones = new Uint8Array(BLOCK).fill(1);
  const write = rig.submit(write10(8, 1), ones);
  const atomic = rig.submit(compareAndWrite(8, 1), zerosThen(7, 1));
  assert.equal(rig.backend.begun.length, 1);
  // What comes later waits behind it, or it would never have its turn.
  rig.submit(write10(8, 1), ones);
  assert.equal(rig.backend.begun.length, 1);
  drain(rig);
  assert.ok(rig.ended[0] === write);
  assert.ok(rig.ended[1] === atomic);
  // It saw the ones that were written before it: miscompare (SBC-4 5.3).
  assert.equal(atomic.status, 2);
  assert.equal(atomic.senseBytes[2] & 0x0f, 0x0e);
  rig.close();
});

Deno.test("task management ends a procedure between two steps, and it writes no more", () => {
  const rig = makeRig();
  // WRITE SAME(16) of 8192 blocks: four steps of 1 MiB.
  const cdb = [0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0];
  const same = rig.submit(cdb, new Uint8Array(BLOCK).fill(5));
  assert.equal(rig.backend.begun.length, 1);
  rig.transport.ring.notify(TaskFunction.ABORT_TASK, [same]);
  rig.device.turn();
  assert.equal(rig.ended.length, 0, "it ended while its operation was under way");
  drain(rig);
  assertSame(rig.ended, [same]);
  assert.equal(rig.backend.bytes[0], 5);
  assert.equal(rig.backend.bytes[1 << 20], 0, "it wrote on after it was aborted");
  assert.equal(rig.device.inFlight, 0);
  rig.close();
});

Deno.test("task management ends a command that waits for another, and its lock", () => {
  const rig = makeRig();
  const first = rig.submit(compareAndWrite(8, 1), zerosThen(7, 1));
  const second = rig.submit(compareAndWrite(8, 1), zerosThen(9, 1));
  rig.transport.ring.notify(TaskFunction.ABORT_TASK, [second]);
  rig.device.turn();
  assertSame(rig.ended, [second]);
  drain(rig);
  assertSame(rig.ended, [second, first]);
  assert.equal(rig.backend.bytes[8 * BLOCK], 7);
  // Nothing is left that would hold others back.
  const after = rig.submit(compareAndWrite(9, 1), zerosThen(3, 1));
  drain(rig);
  assert.equal(after.status, 0);
  rig.close();
});

Deno.test("perform() runs for other units, and keeps off blocks that are locked", () => {
  const rig = makeRig();
  rig.submit(compareAndWrite(8, 1), zerosThen(7, 1));
  const results: OperationResult[] = [];
  const bytes = new Uint8Array(BLOCK).fill(3);
  rig.device.perform(
    { kind: "write", offset_bytes: 8 * BLOCK, bytes, fua: false },
    (result) => results.push(result),
  );
  rig.device.perform(
    { kind: "read", offset_bytes: 8 * BLOCK, length_bytes: BLOCK },
    (result) => results.push({ ...result, bytes: result.bytes.slice() }),
  );
  assert.equal(rig.backend.begun.length, 1, "the copy came between compare and write");
  drain(rig);
  assert.deepEqual(results.map(({ result }) => result), [MediaResult.OK, MediaResult.OK]);
  assert.equal(rig.backend.bytes[8 * BLOCK], 3);
  assert.equal(rig.device.inFlight, 0);
  rig.close();
});

Deno.test("a failing read tells the block that failed", () => {
  const rig = makeRig();
  const command = rig.submit(read10(16, 8), undefined, 8 * BLOCK);
  rig.backend.end(undefined, MediaResult.MEDIUM_ERROR, 19 * BLOCK);
  rig.device.turn();
  assert.equal(command.status, 2);
  const sense = command.senseBytes;
  assert.equal(sense[0], 0xf0, "VALID is not set");
  assert.deepEqual([...sense.subarray(3, 7)], [0, 0, 0, 19]);
  assert.equal(sense[12], 0x11);
  rig.close();
});

Deno.test("a procedure of very many steps neither holds the thread nor grows the stack", () => {
  const size = 64 << 20;
  const volume = arrayVolume(size);
  const { writeZeroes: _, discard: __, ...plain } = volume;
  const rig = makeDevice(module, plain);
  // VERIFY(16) of as much as one command may, again and again.
  const cdb = [0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0];
  for (let count = 0; count < 4; count++) assert.equal(rig.execute(cdb).status, 0);
  rig.close();
});

Deno.test("scattered reads beside procedures that hold all buffers do not stop the device", () => {
  const { writeZeroes: _, discard: __, ...plain } = arrayVolume(64 << 20);
  const rig = makeDevice(module, plain, {
    ring: { run_blocks_max: 8, data_size_bytes: 64 << 20 },
  });
  const { ring } = rig.transport;
  let ended = 0;
  ring.attach({ completed: () => void ended++ });
  const submit = (cdb: readonly number[], dataOut: Uint8Array, data_in_length: number) => {
    const command = ring.prepare(Uint8Array.from(cdb), dataOut.length, data_in_length);
    assert.ok(command !== undefined);
    putBytes(command.dataOut, dataOut);
    ring.submit(command);
    ring.kick();
  };
  // WRITE SAME(16) of 16 MiB, READ(10) of 4 MiB.
  const writeSame = [0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0];
  for (let count = 0; count < 24; count++) submit(writeSame, new Uint8Array(BLOCK).fill(5), 0);
  const read = [0x28, 0, 0, 0, 0, 0, 0, 0x20, 0, 0];
  for (let count = 0; count < 6; count++) submit(read, new Uint8Array(0), 4 << 20);
  for (let turn = 0; turn < 10_000 && ended < 30; turn++) rig.device.turn();
  assert.equal(ended, 30);
  rig.close();
});
