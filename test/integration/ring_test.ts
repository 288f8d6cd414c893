/** The engine, the device and the device server over an emulated ring. */
import assert from "node:assert/strict";
import { arrayVolume, loadModule, makeDevice } from "./harness.ts";

const module = await loadModule();

function read10(lba: number, blocks: number): number[] {
  return [
    0x28,
    0,
    lba >>> 24,
    lba >>> 16 & 255,
    lba >>> 8 & 255,
    lba & 255,
    0,
    blocks >>> 8,
    blocks & 255,
    0,
  ];
}
function write10(lba: number, blocks: number, flags = 0): number[] {
  return [0x2a, flags, ...read10(lba, blocks).slice(2)];
}
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 13 + (index >>> 8)) & 255);
}

Deno.test("device answers INQUIRY, READ CAPACITY and TEST UNIT READY over the ring", () => {
  const test = makeDevice(module, arrayVolume(1 << 20));
  const inquiry = test.execute([0x12, 0, 0, 0, 96, 0], undefined, 96);
  assert.equal(inquiry.status, 0);
  assert.equal(new TextDecoder().decode(inquiry.dataIn.subarray(8, 15)), "LUNETTE");
  const capacity = test.execute([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], undefined, 8);
  assert.deepEqual([...capacity.dataIn], [0, 0, 7, 255, 0, 0, 2, 0]);
  assert.equal(test.execute([0, 0, 0, 0, 0, 0]).status, 0);
  test.close();
});

Deno.test("device writes and reads back, over one and over many iovecs", () => {
  for (const run_blocks_max of [0, 1, 3]) {
    const volume = arrayVolume(4 << 20);
    const test = makeDevice(module, volume, { ring: { run_blocks_max } });
    for (const [lba, blocks] of [[0, 1], [5, 8], [100, 256], [1000, 2048]]) {
      const data = pattern(blocks * 512, lba + run_blocks_max);
      assert.equal(test.execute(write10(lba, blocks), data).status, 0);
      assert.deepEqual(volume.bytes.subarray(lba * 512, (lba + blocks) * 512), data);
      const result = test.execute(read10(lba, blocks), undefined, data.length);
      assert.equal(result.status, 0);
      assert.deepEqual(result.dataIn, data);
    }
    test.close();
  }
});

Deno.test("device refuses what lies past the end with 5/21/00", () => {
  const test = makeDevice(module, arrayVolume(1 << 20));
  const result = test.execute(read10(2047, 2), undefined, 1024);
  assert.equal(result.status, 2);
  assert.deepEqual([result.sense[2] & 15, result.sense[12], result.sense[13]], [5, 0x21, 0]);
  assert.equal(test.execute([0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0]).sense[12], 0x20);
  test.close();
});

Deno.test("device serves a read whose buffer is shorter than its transfer", () => {
  const volume = arrayVolume(1 << 20);
  const test = makeDevice(module, volume);
  volume.bytes.set(pattern(4096, 3));
  const result = test.execute(read10(0, 8), undefined, 700);
  assert.equal(result.status, 0);
  assert.deepEqual(result.dataIn, volume.bytes.slice(0, 700));
  test.close();
});

Deno.test("device shows nothing of an older command in a buffer that is longer than the answer", () => {
  const volume = arrayVolume(1 << 20);
  const test = makeDevice(module, volume);
  volume.bytes.fill(0xee);
  test.execute(read10(0, 64), undefined, 32768);
  const result = test.execute([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], undefined, 4096);
  assert.equal(result.dataIn.length, 8);
  assert(result.raw.subarray(8).every((byte) => byte === 0));
  // Kernels that know no read_len show the whole buffer.
  test.execute(read10(0, 64), undefined, 32768);
  const longer = test.execute(read10(0, 1), undefined, 4096);
  assert.equal(longer.dataIn.length, 512);
  assert(longer.raw.subarray(512).every((byte) => byte === 0));
  test.close();
});

Deno.test("device runs UNMAP, WRITE SAME and COMPARE AND WRITE", () => {
  const volume = arrayVolume(1 << 20);
  const test = makeDevice(module, volume);
  volume.bytes.fill(0xab);
  const unmap = new Uint8Array(24);
  new DataView(unmap.buffer).setUint16(0, 22);
  new DataView(unmap.buffer).setUint16(2, 16);
  new DataView(unmap.buffer).setUint32(12, 8);
  new DataView(unmap.buffer).setUint32(16, 4);
  assert.equal(test.execute([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], unmap).status, 0);
  assert.equal(volume.bytes[8 * 512 - 1], 0xab);
  assert.equal(volume.bytes[8 * 512], 0);
  assert.equal(volume.bytes[12 * 512], 0xab);
  const block = pattern(512, 9);
  assert.equal(test.execute([0x93, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 5, 0, 0], block).status, 0);
  assert.deepEqual(volume.bytes.slice(24 * 512, 25 * 512), block);
  const pair = new Uint8Array(1024);
  pair.set(block);
  pair.fill(0x11, 512);
  const compareAndWrite = [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0];
  assert.equal(test.execute(compareAndWrite, pair).status, 0);
  assert.equal(volume.bytes[20 * 512], 0x11);
  const miscompare = test.execute(compareAndWrite, pair);
  assert.deepEqual([miscompare.status, miscompare.sense[2] & 15, miscompare.sense[12]], [
    2,
    14,
    0x1d,
  ]);
  test.close();
});
