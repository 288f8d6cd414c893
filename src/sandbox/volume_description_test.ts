import assert from "node:assert/strict";
import type { Volume } from "../plugin/mod.ts";
import {
  describeVolume,
  differenceOf,
  featuresOf,
  parseDescription,
  sameFeatures,
  VOLUME_SIZE_MAX,
} from "./volume_description.ts";

const volume: Volume = { size: 8192, blockSize: 512, read: () => {}, flush: () => {} };

Deno.test("describeVolume() and parseDescription() agree", () => {
  const description = describeVolume(volume);
  assert.deepEqual(parseDescription(JSON.stringify(description)), description);
  assert.deepEqual(featuresOf(description), {
    size_bytes: 8192,
    block_length_bytes: 512,
    writable: false,
    volatile: false,
    discard: false,
    writeZeroes: false,
    writeCache: true,
    extents: false,
    space: false,
    resize: false,
    atomic_write_bytes: 0,
    protection: 0,
    claims: [],
  });
});

const wrong: [Record<string, unknown>, RegExp][] = [
  [{ size: 0 }, /positive multiple/],
  [{ protection: 2 }, /protection is 1 or 3/],
  [{ protection: "1" }, /protection is 1 or 3/],
  [{ size: -512 }, /positive multiple/],
  [{ size: 1000 }, /positive multiple/],
  [{ size: NaN }, /positive multiple/],
  [{ size: "8192" }, /positive multiple/],
  [{ size: VOLUME_SIZE_MAX * 2 }, /8 PiB/],
  [{ size: 1e300 }, /8 PiB/],
  [{ blockSize: 520 }, /512 or 4096/],
  [{ blockSize: undefined }, /512 or 4096/],
  [{ atomicWrite: -512 }, /atomic writes of -512/],
  [{ atomicWrite: 1000 }, /multiple of blockSize/],
  [{ atomicWrite: 8 << 20 }, /at most 4194304/],
  [{ atomicWrite: "512" }, /atomic writes of 512/],
];
for (const [change, message] of wrong) {
  Deno.test(`a volume with ${JSON.stringify(change)} is refused, on both sides`, () => {
    const changed = { ...volume, ...change } as Volume;
    assert.throws(() => describeVolume(changed), message);
    // NaN becomes null in JSON.
    assert.throws(() => parseDescription(JSON.stringify(changed)), TypeError);
  });
}

Deno.test("describeVolume() refuses what is no volume", () => {
  for (const value of [undefined, null, 5, [], {}]) {
    assert.throws(() => describeVolume(value as unknown as Volume), TypeError);
  }
  assert.throws(() => describeVolume({ ...volume, read: 1 } as unknown as Volume), /has no read/);
  assert.throws(() => describeVolume({ ...volume, flush: 1 } as unknown as Volume), /flush is not/);
});

Deno.test("parseDescription() takes a size of 8 PiB, and nothing that is not an object", () => {
  const text = JSON.stringify({ size: VOLUME_SIZE_MAX, blockSize: 4096, write: "yes" });
  assert.equal(parseDescription(text).size, 2 ** 53);
  assert.equal(parseDescription(text).write, false);
  for (const other of ["", "null", "[]", "5", "{"]) {
    assert.throws(
      () => parseDescription(other),
      other === "" || other === "{" ? SyntaxError : TypeError,
    );
  }
});

Deno.test("differenceOf() names what initiators were told of and is no more, and nothing else", () => {
  const one = describeVolume(volume);
  for (const other of [{}, { write: true }, { flush: false }, { atomicWrite: 512 }]) {
    const opened = { ...one, ...other };
    assert.equal(differenceOf(opened, one), undefined, "initiators can be told");
    assert.equal(sameFeatures(opened, one), Object.keys(other).length === 0);
  }
  const able = { ...one, write: true, command: true };
  for (
    const other of [
      ...[{ size: 512 }, { blockSize: 4096 }, { volatile: true }, { protection: 1 }],
      ...[{ write: false }, { command: false }],
    ]
  ) {
    const [[key]] = Object.entries(other);
    const opened = { ...able, ...other } as typeof one;
    assert.match(differenceOf(opened, able) ?? "", new RegExp(`its ${key} is|no ${key} any more`));
  }
});

Deno.test("featuresOf() carries what a volume can do, and what the manifest claims", () => {
  const able = describeVolume({
    ...volume,
    write: () => {},
    extents: () => [],
    space: () => ({ used: 0, available: 0 }),
    resize: () => {},
    command: () => ({}),
    atomicWrite: 4096,
  });
  const claim = {
    code: 0xc1,
    name: "X",
    cdb_length: 10,
    direction: "in",
    replay: false,
  } as const;
  const features = featuresOf(parseDescription(JSON.stringify(able)), [claim]);
  assert.equal(features.extents && features.space && features.resize, true);
  assert.equal(features.atomic_write_bytes, 4096);
  assert.deepEqual(features.claims, [claim]);
  assert.throws(() => featuresOf(describeVolume(volume), [claim]), /claims commands/);
});
