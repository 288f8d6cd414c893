/** Properties: whatever an initiator sends is answered, and only blocks that it names change. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  copyList,
  copyOut,
  CopyRig,
  cscd,
  number,
  offsetSegment,
  populateList,
  rangeDescriptor,
  RigCommand,
  type RigUnit,
  runCommand,
  segment,
  triple,
  writeList,
} from "../../../test/scsi/copy_rig.ts";
import type { Answer } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";

const SEED = Number(Deno.env.get("LUNETTE_FUZZ_SEED") ?? 20201130);
const RUNS = Number(Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 300);
const BLOCK = 512;
const BLOCKS = 64;

interface Units {
  readonly one: RigUnit;
  readonly two: RigUnit;
  readonly outsider: RigUnit;
}

function units(): Units {
  const rig = new CopyRig();
  return {
    one: rig.add("one", { copy_group: "g" }),
    two: rig.add("two", { copy_group: "g" }),
    outsider: rig.add("outsider"),
  };
}

/** Which blocks differ. */
function changedBlocks(before: Uint8Array, after: Uint8Array): number[] {
  const changed = new Set<number>();
  for (let at = 0; at < before.length; at++) {
    if (before[at] !== after[at]) changed.add(Math.floor(at / BLOCK));
  }
  return [...changed];
}

type Range = readonly [lba: number, blocks: number];

function inRanges(ranges: readonly Range[], lba: number): boolean {
  return ranges.some(([start, blocks]) => lba >= start && lba < start + blocks);
}

/** Destinations that the segments of an EXTENDED COPY list name; read without the code tested. */
function namedBySegments(list: Uint8Array): Range[] {
  const ranges: Range[] = [];
  if (list.length < 16) return ranges;
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  let at = 16 + view.getUint16(2);
  while (at + 28 <= list.length) {
    const lba = Number(view.getBigUint64(at + 20));
    if (list[at] === 0x02) {
      ranges.push([lba, view.getUint16(at + 10)]);
      at += 28;
    } else if (list[at] === 0x0a && at + 32 <= list.length) {
      const first = lba + view.getUint16(at + 30) / BLOCK;
      ranges.push([first, Math.ceil(view.getUint32(at + 8) / BLOCK)]);
      at += 32;
    } else break;
  }
  return ranges;
}

function namedByRanges(list: Uint8Array, start: number): Range[] {
  const ranges: Range[] = [];
  for (let at = start; at + 16 <= list.length; at += 16) {
    ranges.push([readUint64(list, at), readUint32(list, at + 8)]);
  }
  return ranges;
}

/** Sends a list and checks what must hold for any. */
function send(
  all: Units,
  unit: RigUnit,
  cdb: Uint8Array,
  list: Uint8Array,
  named: Range[],
): Answer {
  const { one, two, outsider } = all;
  const before = [one, two, outsider].map(({ bytes }) => bytes.slice());
  const answer = runCommand(unit, cdb, list);
  assert.ok(answer.status === 0 || answer.status === 2 && answer.sense !== undefined);
  assert.ok((answer.sense?.length ?? 0) <= 96, "as much as TCMU carries");
  assert.deepEqual(changedBlocks(before[2], outsider.bytes), []);
  assert.deepEqual(outsider.steps, []);
  for (const [index, { bytes }] of [one, two].entries()) {
    for (const lba of changedBlocks(before[index], bytes)) {
      assert.ok(inRanges(named, lba), `block ${lba} changed`);
    }
  }
  return answer;
}

/** Mostly right, sometimes at an edge, sometimes anything. */
const lba = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: BLOCKS }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(BLOCKS - 1, BLOCKS, 2 ** 32, 2 ** 53, 2 ** 64 - 2 ** 11),
  },
);
const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(BLOCKS, 0xffff) },
);
const target = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1) },
  { weight: 1, arbitrary: fc.constantFrom(2, 3, 0xffff, 0xc000) },
);

interface Segment {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly source: number;
  readonly target: number;
}

const anySegment: fc.Arbitrary<Segment> = fc.record({
  kind: fc.constantFrom("blocks", "bytes"),
  from: lba,
  to: lba,
  count,
  source: target,
  target,
});

/** Changes to a list: bytes, and where it ends. */
const damage = fc.record({
  bytes: fc.array(fc.tuple(fc.nat(700), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
  cut: fc.option(fc.nat(700), { freq: 4 }),
});

function damaged(
  list: Uint8Array,
  { bytes, cut }: { bytes: [number, number][]; cut: number | null },
) {
  const result = cut === null ? list.slice() : list.slice(0, cut);
  for (const [at, value] of bytes) if (at < result.length) result[at] = value;
  return result;
}

function listOf(all: Units, segments: readonly Segment[]): Uint8Array {
  const descriptors = segments.map(({ kind, from, to, count, source, target }) =>
    kind === "blocks"
      ? segment(from, to, count, { source, destination: target })
      : offsetSegment([from, 0], [to, 0], count * BLOCK, { source, destination: target })
  );
  return copyList([cscd(all.one), cscd(all.two), cscd(all.outsider)], descriptors);
}

/** What EXTENDED COPY must do with a list that is right: in order, each as if read first. */
function model(all: Units, receiver: RigUnit, segments: readonly Segment[]) {
  const contents = [all.one.bytes.slice(), all.two.bytes.slice()];
  const of = (id: number) => id === 0xffff ? (receiver === all.one ? 0 : 1) : id;
  for (const { from, to, count, source, target } of segments) {
    const data = contents[of(source)].slice(from * BLOCK, (from + count) * BLOCK);
    contents[of(target)].set(data, to * BLOCK);
  }
  return contents;
}

Deno.test("EXTENDED COPY does what its list says, in order", () => {
  const right = fc.record({
    from: fc.integer({ min: 0, max: BLOCKS - 12 }),
    to: fc.integer({ min: 0, max: BLOCKS - 12 }),
    count: fc.integer({ min: 0, max: 12 }),
    kind: fc.constantFrom("blocks", "bytes"),
    source: fc.constantFrom(0, 1, 0xffff),
    target: fc.constantFrom(0, 1, 0xffff),
  });
  fc.assert(
    fc.property(fc.array(right, { maxLength: 6 }), fc.boolean(), (segments, first) => {
      const all = units();
      const receiver = first ? all.one : all.two;
      const expected = model(all, receiver, segments);
      const list = listOf(all, segments);
      assert.equal(triple(runCommand(receiver, copyOut(0, list.length), list)), "");
      assert.deepEqual([all.one.bytes, all.two.bytes], expected);
    }),
    { seed: SEED, numRuns: Math.ceil(RUNS / 4) },
  );
});

Deno.test("EXTENDED COPY answers any list, and changes nothing that it does not name", () => {
  fc.assert(
    fc.property(fc.array(anySegment, { maxLength: 5 }), damage, (segments, change) => {
      const all = units();
      const list = damaged(listOf(all, segments), change);
      send(all, all.one, copyOut(0, list.length), list, namedBySegments(list));
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

Deno.test("EXTENDED COPY answers any bytes at all", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (list, length) => {
      const all = units();
      send(all, all.one, copyOut(0, length), list, []);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

Deno.test("ODX answers any list; what is written is what the token stood for", () => {
  const ranges = fc.array(fc.tuple(lba, count), { minLength: 1, maxLength: 4 });
  const writes = fc.record({ ranges, offset: fc.nat(6), flags: fc.nat(3), damage });
  fc.assert(
    fc.property(ranges, damage, fc.array(writes, { maxLength: 3 }), (from, change, all_writes) => {
      const all = units();
      const descriptors = from.map(([lba, blocks]) => rangeDescriptor(lba, blocks));
      const list = damaged(populateList(descriptors), change);
      send(all, all.one, copyOut(0x10, list.length, 1), list, []);
      const cdb = new Uint8Array(16);
      cdb.set([0x84, 0x07, ...number(1, 4), 0, 0, 0, 0, ...number(1024, 4)]);
      const data = runCommand(all.one, cdb).dataIn ?? new Uint8Array(38);
      const token = data.length < 550 ? new Uint8Array(512) : data.slice(38);
      const [before] = [all.one.bytes.slice()];
      const rod = data.length < 550 ? new Uint8Array(0) : rodOf(before, list);
      for (const [index, { ranges, offset, flags, damage }] of all_writes.entries()) {
        const to = ranges.map(([lba, blocks]) => rangeDescriptor(lba, blocks));
        const writing = damaged(writeList(token, to, { offset, flags: flags & 0x03 }), damage);
        const answer = send(
          all,
          all.two,
          copyOut(0x11, writing.length, 2 + index),
          writing,
          namedByRanges(writing, 536),
        );
        // IMMED: GOOD says only that it has begun.
        const done = triple(answer) === "" && (flags & 0x01) === 0;
        if (done && damage.bytes.length === 0 && writing.length > 536) {
          const written = Uint8Array.from(
            namedByRanges(writing, 536).flatMap(([lba, blocks]) => [...all.two.block(lba, blocks)]),
          );
          assert.deepEqual(written, rod.slice(offset * BLOCK, offset * BLOCK + written.length));
        }
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

/** The data that a list of POPULATE TOKEN stands for. */
function rodOf(bytes: Uint8Array, list: Uint8Array): Uint8Array {
  const count = Math.floor(readUint16(list, 14) / 16);
  const ranges = namedByRanges(list, 16).slice(0, count);
  return Uint8Array.from(
    ranges.flatMap(([lba, blocks]) => [...bytes.subarray(lba * BLOCK, (lba + blocks) * BLOCK)]),
  );
}

Deno.test("a token never gives data that were written after it was made", () => {
  const moment = fc.record({
    step: fc.nat(8),
    lba: fc.nat(BLOCKS - 1),
    blocks: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.integer({ min: 1, max: 20 }),
      fc.array(moment, { maxLength: 4 }),
      (lba, blocks, moments) => {
        const all = units();
        const list = populateList([rangeDescriptor(lba, blocks)]);
        runCommand(all.one, copyOut(0x10, list.length, 1), list);
        const cdb = new Uint8Array(16);
        cdb.set([0x84, 0x07, ...number(1, 4), 0, 0, 0, 0, ...number(1024, 4)]);
        const token = (runCommand(all.one, cdb).dataIn as Uint8Array).slice(38);
        const expected = all.one.block(lba, blocks);
        const target = all.two.block(0, blocks);
        const writing = writeList(token, [rangeDescriptor(0, blocks)]);
        const command = new RigCommand(all.two, copyOut(0x11, writing.length, 2), writing);
        for (let step = 0; !command.ended; step++) {
          for (const { step: at, lba, blocks } of moments) {
            if (at !== step) continue;
            const fits = Math.min(blocks, BLOCKS - lba);
            all.one.write(lba, new Uint8Array(fits * BLOCK).fill(0xaa));
          }
          command.step();
        }
        const now = all.two.block(0, blocks);
        const good = triple(command.answer as Answer) === "";
        assert.deepEqual(now, good ? expected : target);
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
});
