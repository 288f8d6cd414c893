/** ORWRITE, WRITE ATOMIC, COMPARE AND WRITE: what they leave, what they refuse. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ArrayVolume, hex, makeUnit, run, senseTriple } from "../../../test/scsi/driver.ts";
import { type Answer, Status } from "../answer.ts";
import type { LogicalUnitDescription, UnitFeatures } from "../logical_unit.ts";
import { type OperationCode, operationCodes } from "../opcodes.ts";
import { Sense } from "../sense.ts";
import { atomicCommands } from "./atomic_opcodes.ts";
import { mediumCommands } from "./medium_opcodes.ts";

const WRONG_DATA_OUT = Sense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT;
const BLOCK = 512;
const PLAIN: UnitFeatures = {
  writable: true,
  discard: true,
  writeZeroes: true,
  writeCache: true,
};

function triple({ sense = new Uint8Array(18) }: Answer): number {
  return senseTriple(sense);
}

/** ORWRITE(16) or (32) of a range. */
function orWriteCdb(long: boolean, lba: number, blocks: number, flags = 0): Uint8Array {
  const cdb = new Uint8Array(long ? 32 : 16);
  const view = new DataView(cdb.buffer);
  if (long) {
    cdb.set([0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0x00, 0x0e, flags]);
    view.setBigUint64(12, BigInt(lba));
    view.setUint32(28, blocks);
  } else {
    cdb.set([0x8b, flags]);
    view.setBigUint64(2, BigInt(lba));
    view.setUint32(10, blocks);
  }
  return cdb;
}

function writeAtomicCdb(lba: bigint, blocks: number, boundary = 0, flags = 0): Uint8Array {
  const cdb = new Uint8Array(16);
  const view = new DataView(cdb.buffer);
  cdb.set([0x9c, flags]);
  view.setBigUint64(2, lba);
  view.setUint16(10, boundary);
  view.setUint16(12, blocks);
  return cdb;
}

Deno.test("ORWRITE leaves the disjunction, and nothing beyond its range", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.integer({ min: 0, max: 63 }),
      fc.integer({ min: 0, max: 8 }),
      fc.integer(),
      (long, lba, wanted, seed) => {
        const blocks = Math.min(wanted, 64 - lba);
        const unit = makeUnit();
        const volume = new ArrayVolume(unit);
        const expected = volume.bytes.slice();
        const dataOut = Uint8Array.from(
          { length: blocks * BLOCK },
          (_, index) => (index * 31 + seed) & 0xff,
        );
        dataOut.forEach((byte, index) => expected[lba * BLOCK + index] |= byte);
        const answer = run(unit, volume, orWriteCdb(long, lba, blocks), { dataOut });
        assert.equal(answer.status, Status.GOOD);
        assert.deepEqual(volume.bytes, expected);
      },
    ),
  );
});

Deno.test("ORWRITE goes in steps of 1 MiB, and with FUA where it is asked for", () => {
  const unit = makeUnit({ block_count: 8192 });
  const volume = new ArrayVolume(unit);
  const dataOut = new Uint8Array(2049 * BLOCK).fill(0x80);
  assert.equal(run(unit, volume, orWriteCdb(false, 3, 2049, 0x18), { dataOut }).status, 0);
  assert.deepEqual(volume.steps, [
    "read 1536+1048576",
    "write 1536+1048576 fua",
    "read 1050112+512",
    "write 1050112+512 fua",
  ]);
  const tooLong = run(unit, volume, orWriteCdb(false, 0, 8193), { dataOut });
  assert.equal(triple(tooLong), Sense.INVALID_FIELD_IN_CDB);
});

Deno.test("ORWRITE(32) has the set operation and generation 0 alone", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const dataOut = new Uint8Array(BLOCK);
  for (let bmop = 1; bmop < 8; bmop++) {
    const cdb = orWriteCdb(true, 0, 1);
    cdb[2] = bmop;
    const answer = run(unit, volume, cdb, { dataOut });
    assert.equal(triple(answer), Sense.INVALID_FIELD_IN_CDB);
    assert.deepEqual([...(answer.sense ?? [])].slice(15, 18), [0xca, 0, 2]);
  }
  const generation = orWriteCdb(true, 0, 1);
  generation[23] = 1;
  const answer = run(unit, volume, generation, { dataOut });
  assert.equal(triple(answer), Sense.ORWRITE_GENERATION_DOES_NOT_MATCH);
  assert.deepEqual(volume.steps, []);
});

Deno.test("LBAs beyond 2^53 are out of range, whatever the command", () => {
  // The largest unit there is.
  const unit = makeUnit({ block_count: 2 ** 44, features: { ...PLAIN, atomic_write_bytes: 4096 } });
  const volume = new ArrayVolume(makeUnit());
  const high = ["0020000000000001", "8000000000000000", "ffffffffffffffff", "0000100000000000"];
  for (const row of operationCodes) {
    const { lba, length } = row;
    if (lba?.length !== 8) continue;
    for (const address of high) {
      const cdb = new Uint8Array(row.cdbLength);
      cdb[0] = row.code;
      if (row.code === 0x7f) cdb.set([0x18, 0, row.serviceAction ?? 0], 7);
      else if (row.serviceAction !== undefined) cdb[1] = row.serviceAction;
      cdb.set(hex(address), lba.offset);
      if (length !== undefined) cdb[length.offset + length.length - 1] = 1;
      const dataOut = new Uint8Array(BLOCK * 2);
      assert.equal(triple(run(unit, volume, cdb, { dataOut })), Sense.LBA_OUT_OF_RANGE, row.name);
    }
  }
  assert.deepEqual(volume.steps, []);
});

Deno.test("WRITE ATOMIC is there where the volume promises it", () => {
  const blocks = (description: Partial<LogicalUnitDescription>) => {
    const unit = makeUnit({ block_count: 8192, ...description });
    const vpd = run(unit, new ArrayVolume(makeUnit()), hex("1201b000ff00")).dataIn as Uint8Array;
    const supported = run(unit, new ArrayVolume(makeUnit()), hex("a30c019c00000000ffff0000"));
    const offered = ((supported.dataIn as Uint8Array)[1] & 0x07) === 0x03;
    const view = new DataView(vpd.buffer, vpd.byteOffset);
    const limits = [44, 48, 52, 56, 60].map((at) => view.getUint32(at));
    assert.equal(offered, limits[0] > 0);
    assert.deepEqual(limits.slice(1), [0, 0, 0, 0]);
    return limits[0];
  };
  assert.equal(blocks({ features: PLAIN }), 0);
  assert.equal(blocks({ features: { ...PLAIN, atomic_write_bytes: 0 } }), 0);
  assert.equal(blocks({ features: { ...PLAIN, atomic_write_bytes: 16384 } }), 32);
  assert.equal(blocks({ features: { ...PLAIN, atomic_write_bytes: 700 } }), 1);
  assert.equal(blocks({ features: { ...PLAIN, atomic_write_bytes: 2 ** 40 } }), 2048, "one step");
  const readOnly = { ...PLAIN, writable: false, atomic_write_bytes: 16384 };
  assert.equal(blocks({ features: readOnly }), 0);
  const large = { block_length: 4096, features: { ...PLAIN, atomic_write_bytes: 1 << 20 } };
  assert.equal(blocks(large), 256);
  const none = run(makeUnit(), new ArrayVolume(makeUnit()), writeAtomicCdb(0n, 1));
  assert.equal(triple(none), Sense.INVALID_OPERATION_CODE);
});

Deno.test("WRITE ATOMIC is one write, or none", () => {
  const unit = makeUnit({ features: { ...PLAIN, atomic_write_bytes: 4096 } });
  const volume = new ArrayVolume(unit);
  const dataOut = new Uint8Array(8 * BLOCK).fill(0xa5);
  const attempt = (cdb: Uint8Array, bytes = dataOut) => {
    volume.steps.length = 0;
    return triple(run(unit, volume, cdb, { dataOut: bytes }));
  };
  assert.equal(attempt(writeAtomicCdb(3n, 8)), 0);
  assert.deepEqual(volume.steps, ["write 1536+4096"]);
  assert.equal(attempt(writeAtomicCdb(3n, 8, 0, 0x08)), 0);
  assert.deepEqual(volume.steps, ["write 1536+4096 fua"]);
  assert.equal(attempt(writeAtomicCdb(64n, 0)), 0);
  assert.deepEqual(volume.steps, []);
  // The range comes before the length.
  assert.equal(attempt(writeAtomicCdb(60n, 9)), Sense.LBA_OUT_OF_RANGE);
  assert.equal(attempt(writeAtomicCdb(65n, 0)), Sense.LBA_OUT_OF_RANGE);
  assert.equal(attempt(writeAtomicCdb(0n, 9)), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(attempt(writeAtomicCdb(0n, 8, 4)), Sense.INVALID_FIELD_IN_CDB);
  const short = dataOut.subarray(0, 7 * BLOCK);
  assert.equal(attempt(writeAtomicCdb(0n, 8), short), WRONG_DATA_OUT);
  assert.deepEqual(volume.steps, []);
});

Deno.test("COMPARE AND WRITE takes up to 255 blocks of 4096 bytes, in steps that exist", () => {
  const unit = makeUnit({ block_length: 4096, block_count: 300 });
  const volume = new ArrayVolume(unit);
  const length = 255 * 4096;
  const dataOut = new Uint8Array(2 * length).fill(0x77);
  dataOut.set(volume.bytes.subarray(4096, 4096 + length));
  const cdb = hex("89000000000000000001000000ff0000");
  assert.equal(run(unit, volume, cdb, { dataOut }).status, Status.GOOD);
  assert.deepEqual(volume.bytes.subarray(4096, 4096 + length), dataOut.subarray(length));
  // One byte more or less leaves unclear which blocks are which.
  for (const other of [dataOut.subarray(1), new Uint8Array(2 * length + 1)]) {
    assert.equal(triple(run(unit, volume, cdb, { dataOut: other })), WRONG_DATA_OUT);
  }
});

Deno.test("commands that must be alone say so, with the fields that name their blocks", () => {
  const mine: readonly OperationCode[] = [...mediumCommands, ...atomicCommands];
  const alone = mine.filter(({ exclusive }) => exclusive === true);
  assert.deepEqual(alone.map(({ name, lba, length }) => [name, lba?.offset, length?.offset]), [
    ["FORMAT UNIT", undefined, undefined],
    ["SANITIZE, OVERWRITE", undefined, undefined],
    ["SANITIZE, BLOCK ERASE", undefined, undefined],
    ["COMPARE AND WRITE", 2, 13],
    ["ORWRITE(16)", 2, 10],
    ["ORWRITE(32)", 12, 28],
    ["WRITE ATOMIC(16)", 2, 12],
  ]);
});
