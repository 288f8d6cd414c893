/** Protection information from initiator to handler and back, through ring and engine. */
import assert from "node:assert/strict";
import type { Volume } from "../../src/plugin/mod.ts";
import { Status } from "../../src/scsi/answer.ts";
import { Sense, senseTriple } from "../../src/scsi/sense.ts";
import { arrayVolume, loadModule, makeDevice } from "./harness.ts";

const BLOCK = 512;
const SIZE = 64 * BLOCK;
const WITH = 520;

/** CRC-16 of T10 DIF, polynomial 8BB7h, bit by bit (SBC-4 4.21.4). */
function guard(block: Uint8Array): number {
  let crc = 0;
  for (const byte of block) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc << 1 ^ ((crc & 0x8000) === 0 ? 0 : 0x8bb7)) & 0xffff;
    }
  }
  return crc;
}

/** An array that keeps 8 bytes beside each block: FFh at first, and where it is discarded. */
function protectedVolume(protection: 1 | 3): Volume & { readonly information: Uint8Array } {
  const information = new Uint8Array(SIZE / BLOCK * 8).fill(0xff);
  const array = arrayVolume(SIZE);
  return {
    ...array,
    protection,
    information,
    read(offset, into, options) {
      array.read(offset, into, options);
      const from = offset / BLOCK * 8;
      options.protection?.set(information.subarray(from, from + into.length / BLOCK * 8));
    },
    write(offset, from, options) {
      array.write?.(offset, from, options);
      assert.ok(options.protection !== undefined, "protection information");
      information.set(options.protection, offset / BLOCK * 8);
    },
    discard(offset, length, options) {
      array.discard?.(offset, length, options);
      information.fill(0xff, offset / BLOCK * 8, (offset + length) / BLOCK * 8);
    },
  };
}

/** Blocks with right protection information behind each. */
function protectedBlocks(lba: number, count: number, application_tag = 0): Uint8Array {
  const data = new Uint8Array(count * WITH);
  const view = new DataView(data.buffer);
  for (let index = 0; index < count; index++) {
    const block = data.subarray(index * WITH, index * WITH + BLOCK);
    block.forEach((_, at) => block[at] = at * 3 + index);
    view.setUint16(index * WITH + BLOCK, guard(block));
    view.setUint16(index * WITH + BLOCK + 2, application_tag);
    view.setUint32(index * WITH + BLOCK + 4, lba + index);
  }
  return data;
}

function cdb10(code: number, protect: number, lba: number, blocks: number): number[] {
  return [code, protect << 5, 0, 0, 0, lba, 0, 0, blocks, 0];
}

Deno.test("protection information is kept as it was written, and checked", async () => {
  const volume = protectedVolume(1);
  const { execute, close } = makeDevice(await loadModule(), volume);
  const data = protectedBlocks(5, 3, 0x1234);
  assert.equal(execute(cdb10(0x2a, 1, 5, 3), data).status, Status.GOOD);
  const read = execute(cdb10(0x28, 1, 5, 3), undefined, 3 * WITH);
  assert.equal(read.status, Status.GOOD);
  assert.deepEqual(read.dataIn, data);
  const wrong: [number, number, number][] = [
    [BLOCK, Sense.LOGICAL_BLOCK_GUARD_CHECK_FAILED, 4],
    [BLOCK + 7, Sense.LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED, 2],
  ];
  for (const [at, expected, only] of wrong) {
    const bad = data.slice();
    bad[WITH + at] ^= 1;
    const before = volume.information.slice();
    const answer = execute(cdb10(0x2a, 1, 5, 3), bad);
    assert.equal(answer.status, Status.CHECK_CONDITION);
    assert.equal(senseTriple(answer.sense), expected);
    assert.deepEqual([...answer.sense.subarray(3, 7)], [0, 0, 0, 6], "INFORMATION: the LBA");
    assert.deepEqual(volume.information, before, "nothing is written");
    const other = only === 4 ? 2 : 4;
    assert.equal(execute(cdb10(0x2a, other, 5, 3), bad).status, Status.GOOD, "not asked to check");
    const failed = execute(cdb10(0x28, 0, 5, 3), undefined, 3 * BLOCK);
    assert.equal(senseTriple(failed.sense), expected, "without RDPROTECT it is checked in full");
    assert.equal(execute(cdb10(0x28, 3, 5, 3), undefined, 3 * WITH).status, Status.GOOD);
    assert.equal(execute(cdb10(0x2a, 1, 5, 3), data).status, Status.GOOD);
  }
  close();
});

Deno.test("blocks without protection information get some, by the type of the unit", async () => {
  for (const type of [1, 3] as const) {
    const volume = protectedVolume(type);
    const { execute, close } = makeDevice(await loadModule(), volume);
    const plain = new Uint8Array(2 * BLOCK).fill(0x42);
    assert.equal(execute(cdb10(0x2a, 0, 9, 2), plain).status, Status.GOOD);
    const { dataIn } = execute(cdb10(0x28, 1, 9, 2), undefined, 2 * WITH);
    assert.equal(dataIn.length, 2 * WITH);
    const view = new DataView(dataIn.buffer, dataIn.byteOffset);
    for (const index of [0, 1]) {
      const at = index * WITH;
      assert.deepEqual(dataIn.subarray(at, at + BLOCK), plain.subarray(0, BLOCK));
      assert.equal(view.getUint16(at + BLOCK), guard(plain.subarray(0, BLOCK)));
      if (type === 1) assert.equal(view.getUint32(at + BLOCK + 4), 9 + index);
    }
    // VERIFY, COMPARE AND WRITE and what else there is work as ever.
    assert.equal(execute(cdb10(0x2f, 1, 9, 2)).status, Status.GOOD);
    const compare = [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0];
    const sent = new Uint8Array(2 * BLOCK).fill(0x42, 0, BLOCK);
    assert.equal(execute(compare, sent).status, Status.GOOD);
    assert.equal(execute(cdb10(0x28, 1, 9, 2), undefined, 2 * WITH).status, Status.GOOD);
    close();
  }
});

Deno.test("blocks that were never written, or unmapped, are checked by nobody", async () => {
  const volume = protectedVolume(1);
  const { execute, close } = makeDevice(await loadModule(), volume);
  const { status, dataIn } = execute(cdb10(0x28, 1, 20, 1), undefined, WITH);
  assert.equal(status, Status.GOOD);
  assert.deepEqual(dataIn.subarray(BLOCK), new Uint8Array(8).fill(0xff));
  execute(cdb10(0x2a, 0, 20, 1), new Uint8Array(BLOCK).fill(7));
  const list = new Uint8Array(24);
  list.set([0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 1]);
  assert.equal(execute([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], list).status, Status.GOOD);
  const unmapped = execute(cdb10(0x28, 1, 20, 1), undefined, WITH);
  assert.deepEqual(unmapped.dataIn.subarray(BLOCK), new Uint8Array(8).fill(0xff));
  close();
});
