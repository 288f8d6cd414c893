/** GET LBA STATUS tells what the volume tells, whole blocks at a time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ArrayVolume, hex, makeUnit, run, senseTriple } from "../../../test/scsi/driver.ts";
import type { LogicalUnit, UnitFeatures } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { MediaExtent } from "../procedure.ts";
import { Sense } from "../sense.ts";

const BLOCK = 512;
const FEATURES: UnitFeatures = {
  writable: true,
  discard: true,
  writeZeroes: true,
  writeCache: true,
  extents: true,
};

interface Status {
  readonly condition: number;
  readonly descriptors: readonly (readonly [lba: number, blocks: number, status: number])[];
}

interface Query {
  readonly lba?: number;
  readonly type?: number;
  readonly allocation?: number;
  readonly scan?: number;
}

/** Asks, by the 32-byte CDB where there is a SCAN LENGTH. */
function ask(unit: LogicalUnit, volume: ArrayVolume, query: Query): Status {
  const { lba = 0, type = 0, allocation = 65536, scan } = query;
  const cdb = new Uint8Array(scan === undefined ? 16 : 32);
  const view = new DataView(cdb.buffer);
  if (scan === undefined) {
    cdb.set([0x9e, 0x12]);
    view.setBigUint64(2, BigInt(lba));
    view.setUint32(10, allocation);
    cdb[14] = type;
  } else {
    cdb.set([0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x12, type]);
    view.setBigUint64(12, BigInt(lba));
    view.setUint32(20, scan);
    view.setUint32(28, allocation);
  }
  const data = run(unit, volume, cdb).dataIn as Uint8Array;
  assert.ok(data !== undefined, "data-in");
  assert.ok(data.length <= allocation);
  const out = new DataView(data.buffer, data.byteOffset, data.length);
  assert.equal(out.getUint32(0), data.length - 4, "PARAMETER DATA LENGTH");
  assert.equal(data[7] & 1, 1, "RTP");
  const descriptors: [number, number, number][] = [];
  for (let at = 8; at < data.length; at += 16) {
    descriptors.push([Number(out.getBigUint64(at)), out.getUint32(at + 8), data[at + 12]]);
    assert.deepEqual([...data.subarray(at + 13, at + 16)], [0, 0, 0]);
  }
  return { condition: data[7] >> 1, descriptors };
}

/** What a map of blocks should come out as. */
function expectedRuns(mapped: Uint8Array, lba: number, end: number): [number, number, number][] {
  const runs: [number, number, number][] = [];
  for (let block = lba; block < end; block++) {
    const status = mapped[block] === 1 ? 0 : 1;
    const last = runs.at(-1);
    if (last?.[2] === status) last[1]++;
    else runs.push([block, 1, status]);
  }
  return runs;
}

Deno.test("GET LBA STATUS gives the runs of any map, from any LBA, of any type", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ min: 0, max: 1, minLength: 64, maxLength: 64 }),
      fc.integer({ min: 0, max: 63 }),
      fc.constantFrom(0, 1, 2, 3, 4, 0x10),
      fc.option(fc.integer({ min: 0, max: 80 }), { nil: undefined }),
      (map, lba, type, scan) => {
        const unit = makeUnit({ features: FEATURES });
        const volume = new ArrayVolume(unit);
        volume.mapped.set(map);
        const end = scan === undefined || scan === 0 ? 64 : Math.min(lba + scan, 64);
        const wanted: Record<number, number[]> = { 0: [0, 1], 1: [1], 2: [0], 3: [1] };
        const runs = expectedRuns(map, lba, end).filter((run) =>
          (wanted[type] ?? []).includes(run[2])
        );
        const { descriptors, condition } = ask(unit, volume, { lba, type, scan });
        assert.deepEqual(descriptors, runs);
        assert.equal(condition, end === 64 ? 3 : 2, "COMPLETION CONDITION");
      },
    ),
  );
});

Deno.test("GET LBA STATUS gives as many descriptors as there is room for", () => {
  const unit = makeUnit({ features: FEATURES });
  const volume = new ArrayVolume(unit);
  volume.mapped.forEach((_, block) => volume.mapped[block] = block & 1);
  for (const [allocation, count] of [[24, 1], [39, 1], [40, 2], [8 + 16 * 63, 63]]) {
    const { descriptors, condition } = ask(unit, volume, { allocation });
    assert.deepEqual([descriptors.length, condition], [count, 1]);
  }
  const whole = ask(unit, volume, { allocation: 8 + 16 * 64 });
  assert.deepEqual([whole.descriptors.length, whole.condition], [64, 3]);
  // An allocation length is never an error (SPC-4 4.2.5.6).
  const cdb = hex("9e12000000000000000000000000 0000".replaceAll(" ", ""));
  for (const allocation of [0, 1, 8, 23]) {
    cdb[13] = allocation;
    const { status, dataIn } = run(unit, volume, cdb);
    assert.deepEqual([status, dataIn?.length], [0, allocation]);
  }
});

Deno.test("GET LBA STATUS of a volume that cannot tell: mapped, in descriptors of 32 bits", () => {
  const count = 2 ** 33 + 5;
  const unit = makeUnit({
    block_count: count,
    features: { ...FEATURES, extents: false },
  });
  const volume = new ArrayVolume(makeUnit());
  const { descriptors } = ask(unit, volume, { lba: 1 });
  assert.deepEqual(descriptors, [
    [1, 2 ** 32 - 1, 0],
    [2 ** 32, 2 ** 32 - 1, 0],
    [2 ** 33 - 1, 6, 0],
  ]);
  assert.deepEqual(volume.steps, []);
});

Deno.test("GET LBA STATUS asks on where a volume tells of a part only", () => {
  const unit = makeUnit({ features: FEATURES });
  const volume = new ArrayVolume(unit);
  volume.mapped.fill(0, 10, 50);
  const perform = volume.perform.bind(volume);
  volume.perform = (operation, of) => {
    const result = perform(operation, of);
    // One extent at a time.
    return { ...result, extents: result.extents?.slice(0, 1) };
  };
  const { descriptors } = ask(unit, volume, {});
  assert.deepEqual(descriptors, [[0, 10, 0], [10, 40, 1], [50, 14, 0]]);
});

Deno.test("GET LBA STATUS does not believe extents that cannot be", () => {
  const hostile: (readonly Partial<MediaExtent>[] | undefined)[] = [
    undefined,
    [],
    [{ offset_bytes: 512, length_bytes: 512, mapped: false }],
    [{ offset_bytes: 0, length_bytes: 0, mapped: false }],
    [{ offset_bytes: 0, length_bytes: -512, mapped: false }],
    [{ offset_bytes: 0, length_bytes: NaN, mapped: false }],
    [{ offset_bytes: 0, length_bytes: 2 ** 60, mapped: false }],
    [{ offset_bytes: 0, length_bytes: 511, mapped: false }],
    [{ offset_bytes: 0, length_bytes: 100, mapped: false }, {
      offset_bytes: 100,
      length_bytes: 64 * BLOCK - 100,
      mapped: true,
    }],
  ];
  for (const extents of hostile) {
    const unit = makeUnit({ features: FEATURES });
    const volume = new ArrayVolume(unit);
    volume.perform = () => ({
      result: MediaResult.OK,
      bytes: new Uint8Array(0),
      extents: extents as readonly MediaExtent[] | undefined,
    });
    assert.deepEqual(ask(unit, volume, {}).descriptors, [[0, 64, 0]], JSON.stringify(extents));
  }
});

Deno.test("GET LBA STATUS takes a block that is mapped in part for mapped", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1 }), (lengths) => {
      const unit = makeUnit({ features: FEATURES });
      const volume = new ArrayVolume(unit);
      const size = 64 * BLOCK;
      const bytes = new Uint8Array(size);
      const all: MediaExtent[] = [];
      for (let at = 0, index = 0; at < size; index++) {
        const length_bytes = Math.min(lengths[index % lengths.length], size - at);
        const mapped = index % 2 === 0;
        bytes.fill(mapped ? 1 : 0, at, at + length_bytes);
        all.push({ offset_bytes: at, length_bytes, mapped });
        at += length_bytes;
      }
      volume.perform = (operation) => {
        assert.equal(operation.kind, "extents");
        const from = "offset_bytes" in operation ? operation.offset_bytes : 0;
        const extents = all.filter(({ offset_bytes, length_bytes }) =>
          offset_bytes + length_bytes > from
        ).map((extent) => {
          const start = Math.max(extent.offset_bytes, from);
          const end = extent.offset_bytes + extent.length_bytes;
          return { ...extent, offset_bytes: start, length_bytes: end - start };
        });
        return { result: MediaResult.OK, bytes: new Uint8Array(0), extents };
      };
      const blocks = Uint8Array.from(
        { length: 64 },
        (_, block) => Math.max(...bytes.subarray(block * BLOCK, (block + 1) * BLOCK)),
      );
      assert.deepEqual(ask(unit, volume, {}).descriptors, expectedRuns(blocks, 0, 64));
    }),
  );
});

Deno.test("GET LBA STATUS refuses types, elements and LBAs that are not there", () => {
  const unit = makeUnit({ features: FEATURES });
  const volume = new ArrayVolume(unit);
  const triple = (cdb: string) => senseTriple(run(unit, volume, hex(cdb)).sense as Uint8Array);
  assert.equal(triple("9e120000000000000000000000180500"), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(triple("9e120000000000000040000000180000"), Sense.LBA_OUT_OF_RANGE);
  assert.equal(
    triple("7f000000000000180012000000000000000000000000000000000001000000ff"),
    Sense.INVALID_FIELD_IN_CDB,
    "ELEMENT IDENTIFIER",
  );
});
