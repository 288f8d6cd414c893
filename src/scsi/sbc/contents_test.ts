/** What commands leave on the volume; what they answer is in the vectors. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ArrayVolume, hex, makeUnit, run } from "../../../test/scsi/driver.ts";
import { Status } from "../answer.ts";

const BLOCK = 512;

/** Faster than an assertion over millions of elements, which has a message nobody reads. */
function assertSame(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assert.ok(Buffer.from(expected).equals(actual ?? new Uint8Array(0)), "bytes differ");
}

function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 13) & 0xff);
}

Deno.test("READ returns what WRITE has stored, in all forms of CDB and pieces of 1 MiB", () => {
  const unit = makeUnit({ block_count: 8192 });
  const blocks = [0x00, 0x00, 0x10, 0x01];
  const lba = [0x00, 0x00, 0x00, 0x05];
  const zero = [0, 0, 0, 0];
  const forms: [number[], number[]][] = [
    [[0x2a, 0, ...lba, 0, 0x10, 0x01, 0], [0x28, 0, ...lba, 0, 0x10, 0x01, 0]],
    [[0xaa, 0, ...lba, ...blocks, 0, 0], [0xa8, 0, ...lba, ...blocks, 0, 0]],
    [[0x8a, 0, ...zero, ...lba, ...blocks, 0, 0], [0x88, 0, ...zero, ...lba, ...blocks, 0, 0]],
  ];
  forms.forEach(([write, read], form) => {
    const volume = new ArrayVolume(unit);
    const before = volume.bytes.slice();
    const dataOut = pattern(0x1001 * BLOCK, form);
    assert.equal(run(unit, volume, Uint8Array.from(write), { dataOut }).status, Status.GOOD);
    const { dataIn } = run(unit, volume, Uint8Array.from(read), { room: dataOut.length });
    assertSame(dataIn, dataOut);
    const end = (5 + 0x1001) * BLOCK;
    assertSame(volume.bytes.subarray(0, 5 * BLOCK), before.subarray(0, 5 * BLOCK));
    assertSame(volume.bytes.subarray(end), before.subarray(end));
  });
});

Deno.test("WRITE(6) of 0 blocks writes 256, at a 21-bit LBA", () => {
  const unit = makeUnit({ block_count: 300 });
  const volume = new ArrayVolume(unit);
  const dataOut = pattern(256 * BLOCK);
  // The upper three bits of byte 1 are not of the LBA.
  assert.equal(run(unit, volume, hex("0ae000020000"), { dataOut }).status, Status.GOOD);
  assert.deepEqual(volume.bytes.subarray(2 * BLOCK, 258 * BLOCK), dataOut);
});

Deno.test("COMPARE AND WRITE writes all or nothing", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const before = volume.bytes.slice();
  const cdb = hex("89000000000000000007000000030000");
  const dataOut = new Uint8Array(6 * BLOCK);
  dataOut.set(before.subarray(7 * BLOCK, 10 * BLOCK));
  dataOut.set(pattern(3 * BLOCK), 3 * BLOCK);
  const wrong = dataOut.slice();
  wrong[3 * BLOCK - 1] ^= 1;
  assert.equal(run(unit, volume, cdb, { dataOut: wrong }).status, Status.CHECK_CONDITION);
  assert.deepEqual(volume.bytes, before);
  assert.equal(run(unit, volume, cdb, { dataOut }).status, Status.GOOD);
  assert.deepEqual(volume.bytes.subarray(7 * BLOCK, 10 * BLOCK), dataOut.subarray(3 * BLOCK));
  assert.equal(run(unit, volume, cdb, { dataOut }).status, Status.CHECK_CONDITION, "again");
});

Deno.test("WRITE SAME repeats its block, and nothing beyond the range", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const before = volume.bytes.slice();
  const block = pattern(BLOCK);
  run(unit, volume, hex("41000000000a00000500"), { dataOut: block });
  for (let lba = 0; lba < 64; lba++) {
    const expected = lba >= 10 && lba < 15
      ? block
      : before.subarray(lba * BLOCK, lba * BLOCK + 512);
    assert.deepEqual(volume.bytes.subarray(lba * BLOCK, (lba + 1) * BLOCK), expected, `LBA ${lba}`);
  }
});

Deno.test("WRITE SAME with UNMAP leaves the block it was given, zeros or not", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (zeros, writeZeroes, unmap) => {
      const unit = makeUnit({
        features: { writable: true, discard: true, writeZeroes, writeCache: false },
      });
      const volume = new ArrayVolume(unit);
      const dataOut = zeros ? new Uint8Array(BLOCK) : pattern(BLOCK);
      const cdb = Uint8Array.of(0x41, unmap ? 0x08 : 0, 0, 0, 0, 3, 0, 0, 2, 0);
      assert.equal(run(unit, volume, cdb, { dataOut }).status, Status.GOOD);
      assert.deepEqual(volume.bytes.subarray(3 * BLOCK, 4 * BLOCK), dataOut);
      assert.deepEqual(volume.bytes.subarray(4 * BLOCK, 5 * BLOCK), dataOut);
      assert.equal(volume.bytes[5 * BLOCK], 5);
    }),
  );
});

Deno.test("UNMAP makes exactly its ranges zeros", () => {
  const descriptor = fc.record({
    lba: fc.integer({ min: 0, max: 63 }),
    blocks: fc.integer({ min: 0, max: 8 }),
  }).map(({ lba, blocks }) => ({ lba, blocks: Math.min(blocks, 64 - lba) }));
  fc.assert(
    fc.property(fc.array(descriptor, { maxLength: 20 }), (descriptors) => {
      const unit = makeUnit();
      const volume = new ArrayVolume(unit);
      const expected = volume.bytes.slice();
      const list = new Uint8Array(8 + 16 * descriptors.length);
      const view = new DataView(list.buffer);
      view.setUint16(0, list.length - 2);
      view.setUint16(2, list.length - 8);
      descriptors.forEach(({ lba, blocks }, index) => {
        view.setBigUint64(8 + 16 * index, BigInt(lba));
        view.setUint32(16 + 16 * index, blocks);
        expected.fill(0, lba * BLOCK, (lba + blocks) * BLOCK);
      });
      const cdb = Uint8Array.of(0x42, 0, 0, 0, 0, 0, 0, list.length >> 8, list.length, 0);
      assert.equal(run(unit, volume, cdb, { dataOut: list }).status, Status.GOOD);
      assert.deepEqual(volume.bytes, expected);
    }),
  );
});

Deno.test("WRITE AND VERIFY sees that what it reads is not what it wrote", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const perform = volume.perform.bind(volume);
  // A medium that flips a bit of what is written.
  volume.perform = (operation, of) => {
    const result = perform(operation, of);
    if (operation.kind === "write") volume.bytes[operation.offset_bytes + 100] ^= 1;
    return result;
  };
  const dataOut = pattern(2 * BLOCK);
  const compared = run(unit, volume, hex("2e020000000300000200"), { dataOut });
  assert.equal((compared.sense as Uint8Array)[2], 0x0e, "BYTCHK 01b");
  assert.equal(run(unit, volume, hex("2e000000000300000200"), { dataOut }).status, Status.GOOD);
});

Deno.test("WRITE SAME that unmaps is durable where the cache is off", () => {
  const unit = makeUnit({
    features: { writable: true, discard: true, writeZeroes: false, writeCache: true },
  });
  const volume = new ArrayVolume(unit);
  const cdb = Uint8Array.of(0x41, 0x08, 0, 0, 0, 3, 0, 0, 2, 0);
  for (const on of [true, false]) {
    unit.writeCacheEnabled = on;
    volume.steps.length = 0;
    assert.equal(run(unit, volume, cdb, { dataOut: new Uint8Array(BLOCK) }).status, Status.GOOD);
    assert.deepEqual(volume.steps, ["discard 1536+1024", ...(on ? [] : ["flush"])]);
  }
});
