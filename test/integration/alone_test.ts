/** Commands that must be alone on the medium, and operations of other units beside them. */
import assert from "node:assert/strict";
import { TaskFunction } from "../../src/fabric/target_port.ts";
import { MediaOperation, MediaResult } from "../../src/scsi/media.ts";
import type { OperationResult, WriteMedia } from "../../src/scsi/procedure.ts";
import { Sense } from "../../src/scsi/sense.ts";
import { BLOCK_LENGTH, makeManualRig, type ManualRig, senseOf } from "./manual_rig.ts";

const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
/** SANITIZE, BLOCK ERASE with AUSE, and with IMMED. */
const BLOCK_ERASE = [0x48, 0x22, 0, 0, 0, 0, 0, 0, 0, 0];
const BLOCK_ERASE_LATER = [0x48, 0xa2, 0, 0, 0, 0, 0, 0, 0, 0];
const FORMAT_UNIT = [0x04, 0, 0, 0, 0, 0];
/** COMPARE AND WRITE of block 8. */
const COMPARE_AND_WRITE = [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0];

/** A write of another unit's copy. */
function copyWrite(lba: number): WriteMedia {
  const bytes = new Uint8Array(BLOCK_LENGTH).fill(3);
  return { kind: "write", offset_bytes: lba * BLOCK_LENGTH, bytes, fua: false };
}

function performed(rig: ManualRig, lba: number): number[] {
  const results: number[] = [];
  rig.device.perform(copyWrite(lba), ({ result }: OperationResult) => results.push(result));
  return results;
}

Deno.test("nobody waits for the end of a SANITIZE to hear of it", () => {
  const rig = makeManualRig();
  const sanitize = rig.submit(BLOCK_ERASE_LATER);
  assert.ok(rig.ended.includes(sanitize));
  for (const cdb of [BLOCK_ERASE_LATER, FORMAT_UNIT, READ]) {
    const command = rig.submit(cdb, undefined, cdb === READ ? BLOCK_LENGTH : 0);
    assert.ok(rig.ended.includes(command), `${cdb[0].toString(16)}h waits`);
    assert.equal(senseOf(command), Sense.SANITIZE_IN_PROGRESS);
  }
  rig.drain();
  assert.equal(rig.device.unit.state, "ready");
  rig.close();
});

Deno.test("nor for one that is not in the background", () => {
  const rig = makeManualRig();
  const sanitize = rig.submit(BLOCK_ERASE);
  assert.ok(!rig.ended.includes(sanitize));
  const read = rig.submit(READ, undefined, BLOCK_LENGTH);
  assert.ok(rig.ended.includes(read));
  assert.equal(senseOf(read), Sense.SANITIZE_IN_PROGRESS);
  rig.drain();
  assert.ok(rig.ended.includes(sanitize));
  assert.equal(rig.submit(READ, undefined, BLOCK_LENGTH).status, 0);
  rig.drain();
  rig.close();
});

Deno.test("a copy's write that waited for a SANITIZE to begin does not land amid it", () => {
  const rig = makeManualRig();
  rig.submit(READ, undefined, BLOCK_LENGTH);
  const sanitize = rig.submit(BLOCK_ERASE_LATER);
  assert.ok(!rig.ended.includes(sanitize), "it is not alone");
  const results = performed(rig, 100);
  assert.deepEqual(results, []);
  rig.backend.end();
  rig.device.turn();
  assert.ok(rig.ended.includes(sanitize));
  assert.deepEqual(results, [MediaResult.NOT_READY]);
  rig.drain();
  rig.close();
});

Deno.test("COMPARE AND WRITE waits for a copy's write with protection information", () => {
  const rig = makeManualRig({ protection: 1 });
  const results = performed(rig, 8);
  rig.submit(COMPARE_AND_WRITE, new Uint8Array(2 * BLOCK_LENGTH));
  assert.deepEqual(rig.backend.begun.map(({ operation }) => operation), [
    MediaOperation.WRITE_PROTECTED,
  ]);
  rig.backend.end();
  assert.deepEqual(results, [MediaResult.OK]);
  rig.drain();
  rig.close();
});

Deno.test("COMPARE AND WRITE waits for a copy's write that waits for room", () => {
  const rig = makeManualRig();
  const { engine } = rig;
  const taken: [address: number, length: number][] = [];
  for (let length = 1 << 20; length >= 64; length /= 2) {
    for (let at = engine.allocate(length); at !== 0; at = engine.allocate(length)) {
      taken.push([at, length]);
    }
  }
  const results = performed(rig, 8);
  assert.equal(rig.backend.begun.length, 0, "there was room");
  const atomic = rig.submit(COMPARE_AND_WRITE, new Uint8Array(2 * BLOCK_LENGTH));
  for (const [address, length] of taken) engine.free(address, length);
  // Something else ends: what waits is tried again.
  rig.submit([0x28, 0, 0, 0, 1, 0, 0, 0, 1, 0], undefined, BLOCK_LENGTH);
  rig.drain();
  assert.deepEqual(results, [MediaResult.OK]);
  // It saw what the copy has written.
  assert.equal(senseOf(atomic), Sense.MISCOMPARE_DURING_VERIFY);
  rig.close();
});

for (
  const [how, end] of [
    ["closed", (rig: ManualRig) => rig.device.close()],
    ["stopped by a bug", (rig: ManualRig) => rig.device.fail("a bug")],
  ] as const
) {
  Deno.test(`operations of other units end where the device is ${how}`, () => {
    const rig = makeManualRig({}, () => {});
    const results = performed(rig, 0);
    assert.equal(rig.backend.begun.length, 1);
    end(rig);
    assert.deepEqual(results, [MediaResult.NOT_READY]);
    assert.deepEqual(performed(rig, 0), [MediaResult.NOT_READY]);
    rig.close();
  });
}

Deno.test("a cache is switched off when nothing is in flight, and nothing comes between", () => {
  const rig = makeManualRig();
  // MODE SELECT(6), Caching mode page with WCE = 0.
  const cdb = [0x15, 0x10, 0, 0, 24, 0];
  const list = Uint8Array.from([0, 0, 0, 0, 0x08, 0x12, ...new Array(18).fill(0)]);
  const write = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
  rig.submit(write, new Uint8Array(BLOCK_LENGTH));
  const select = rig.submit(cdb, list);
  rig.submit(write, new Uint8Array(BLOCK_LENGTH));
  const begun = () => rig.backend.begun.map(({ operation, fua }) => [operation, fua]);
  assert.deepEqual(begun(), [[MediaOperation.WRITE, false]]);
  rig.backend.end();
  rig.device.turn();
  assert.deepEqual(begun(), [[MediaOperation.FLUSH, false]]);
  rig.backend.end();
  rig.device.turn();
  assert.ok(rig.ended.includes(select));
  // What comes after it is durable by itself.
  assert.deepEqual(begun(), [[MediaOperation.WRITE, true]]);
  rig.drain();
  rig.close();
});

Deno.test("a SANITIZE that is aborted goes on, also without room in the background", () => {
  const rig = makeManualRig();
  // SYNCHRONIZE CACHE with IMMED: as much background work as there may be.
  for (let count = 0; count < 4; count++) rig.submit([0x35, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(rig.ended.length, 4);
  const sanitize = rig.submit(BLOCK_ERASE);
  rig.transport.ring.notify(TaskFunction.ABORT_TASK, [sanitize]);
  rig.device.turn();
  rig.drain();
  assert.ok(rig.ended.includes(sanitize));
  assert.equal(rig.device.unit.state, "ready");
  assert.equal(rig.device.inFlight, 0);
  rig.close();
});
