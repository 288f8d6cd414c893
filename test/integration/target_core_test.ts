/** The target core, its rings and the real engine: what initiators write, they read. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Initiator, type InitiatorCommand } from "../../src/fabric/emulated/initiator.ts";
import { EmulatedTargetCore } from "../../src/fabric/emulated/target_core.ts";
import { TaskAttribute, TaskFunction } from "../../src/fabric/target_port.ts";
import { arrayVolume, loadModule, makeDevice } from "./harness.ts";

const module = await loadModule();
const BLOCK = 512;
const BLOCKS = 2048;

function media(operation: number, lba: number, blocks: number): Uint8Array {
  const cdb = new Uint8Array(10);
  cdb[0] = operation;
  const view = new DataView(cdb.buffer);
  view.setUint32(2, lba);
  view.setUint16(7, blocks);
  return cdb;
}
const read = (lba: number, blocks: number) => media(0x28, lba, blocks);
const write = (lba: number, blocks: number) => media(0x2a, lba, blocks);

const settings = fc.record({
  ring_size_bytes: fc.constantFrom(4096, 16384),
  data_size_bytes: fc.constantFrom(64 * 4096, 512 * 4096),
  run_blocks_max: fc.constantFrom(0, 1, 2),
  tmr_notification: fc.boolean(),
});

const steps = fc.array(
  fc.record({
    lba: fc.nat(BLOCKS - 1),
    blocks: fc.integer({ min: 1, max: 200 }),
    write: fc.boolean(),
    attribute: fc.constantFrom(
      TaskAttribute.SIMPLE,
      TaskAttribute.ORDERED,
      TaskAttribute.HEAD_OF_QUEUE,
    ),
    turn: fc.boolean(),
  }),
  { maxLength: 80 },
);

Deno.test("two initiators with commands in flight on one unit read what was written", () => {
  fc.assert(
    fc.property(settings, steps, (ring, list) => {
      const volume = arrayVolume(BLOCKS * BLOCK);
      const test = makeDevice(module, volume, { ring });
      const core = new EmulatedTargetCore();
      core.add(0, test.transport.ring);
      const turn = () => void test.device.turn();
      const initiators = ["a", "b"].map((name) => new Initiator(core, turn, name));
      for (const initiator of initiators) initiator.clearAttentions(0);
      const model = new Uint8Array(volume.size);
      const open: { command: InitiatorCommand; expected: Uint8Array | undefined }[] = [];
      const drain = () => {
        for (let count = 0; count < 1000; count++) turn();
        for (const { command, expected } of open.splice(0)) {
          if (command.result?.status === 0x28) continue;
          assert.equal(command.result?.status, 0);
          if (expected !== undefined) assert.deepEqual(command.result?.dataIn, expected);
        }
      };
      let seed = 0;
      for (const step of list) {
        const blocks = Math.min(step.blocks, BLOCKS - step.lba);
        const [start, end] = [step.lba * BLOCK, (step.lba + blocks) * BLOCK];
        // What order commands in flight have is the initiator's affair: here they do not meet.
        drain();
        const initiator = initiators[++seed % 2];
        if (step.write) {
          const data = Uint8Array.from({ length: end - start }, (_, index) => index * 3 + seed);
          const command = initiator.start(
            0,
            write(step.lba, blocks),
            data,
            0,
            step.attribute,
          );
          if (command.result === undefined) model.set(data, start);
          open.push({ command, expected: undefined });
        }
        if (step.turn) drain();
        const other = (step.lba + blocks) % (BLOCKS - 8);
        if (other >= step.lba && other < step.lba + blocks) continue;
        const command = initiators[seed % 3 % 2].start(0, read(other, 1), undefined, BLOCK);
        const expected = model.slice(other * BLOCK, (other + 1) * BLOCK);
        open.push({ command, expected });
      }
      drain();
      assert.deepEqual(volume.bytes, model);
      assert.equal(test.transport.ring.blocks_used, 0);
      assert.equal(test.transport.ring.broken, false);
      test.close();
    }),
    { numRuns: 15 },
  );
});

Deno.test("LOGICAL UNIT RESET goes through the engine, and the unit serves on", () => {
  const test = makeDevice(module, arrayVolume(1 << 20), {
    ring: { tmr_notification: true, ring_size_bytes: 4096 },
  });
  const core = new EmulatedTargetCore();
  core.add(0, test.transport.ring);
  const turn = () => void test.device.turn();
  const [a, b] = ["a", "b"].map((name) => new Initiator(core, turn, name));
  for (const initiator of [a, b]) initiator.clearAttentions(0);
  for (let round = 0; round < 50; round++) {
    const commands = Array.from(
      { length: 10 },
      (_, lba) => [a, b][lba % 2].start(0, read(lba, 8), undefined, 4096),
    );
    assert.equal(a.manage(TaskFunction.LOGICAL_UNIT_RESET, 0), 0);
    assert.ok(commands.every((command) => command.aborted && command.result === undefined));
    assert.deepEqual([a.clearAttentions(0), b.clearAttentions(0)], [[0x062903], [0x062903]]);
  }
  assert.equal(test.transport.ring.blocks_used, 0);
  test.close();
});

Deno.test("what no command can have sent is not shown as data-in (TCMU: a read_len of 0 is none)", () => {
  const test = makeDevice(module, arrayVolume(1 << 20));
  const core = new EmulatedTargetCore();
  core.add(0, test.transport.ring, { unit: test.device.unit });
  const initiator = new Initiator(core, () => void test.device.turn());
  initiator.clearAttentions(0);
  const got = (cdb: readonly number[], room: number) => {
    const { status, dataIn, residual } = initiator.execute(
      0,
      Uint8Array.from(cdb),
      undefined,
      room,
    );
    assert.equal(status, 0);
    return [dataIn.length, residual];
  };
  assert.deepEqual(got([0x12, 0, 0, 0, 0, 0], 96), [0, 96]);
  assert.deepEqual(got([0x12, 0, 0, 0, 5, 0], 96), [5, 91]);
  assert.deepEqual(got([0x12, 0, 0, 0, 255, 0], 36), [36, 0]);
  assert.deepEqual(got([0, 0, 0, 0, 0, 0], 512), [0, 512]);
  assert.deepEqual(got([0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0], 512), [0, 512]);
  assert.deepEqual(got([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], 1024), [512, 512]);
  assert.deepEqual(got([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], 512), [0, 512]);
  test.close();
});

Deno.test("a write from an initiator that wants data writes nothing", () => {
  const volume = arrayVolume(1 << 20);
  const test = makeDevice(module, volume);
  const core = new EmulatedTargetCore();
  core.add(0, test.transport.ring, { unit: test.device.unit });
  const initiator = new Initiator(core, () => void test.device.turn());
  initiator.clearAttentions(0);
  // Another's data, which stays behind in the data area.
  initiator.execute(0, write(8, 1), new Uint8Array(BLOCK).fill(0x77));
  const { status, sense } = initiator.execute(0, write(0, 1), undefined, BLOCK);
  assert.deepEqual([status, sense[2], sense[12], sense[13]], [2, 5, 0x0e, 3]);
  assert.equal(volume.bytes[0], 0);
  assert.equal(initiator.execute(0, write(0, 0), undefined, BLOCK).status, 0);
  test.close();
});
