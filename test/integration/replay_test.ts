/**
 * A handler's process dies at each step of each command, before, within and after what it does for
 * it: the initiator gets what it would have got, and the medium holds what it would hold.
 */
import assert from "node:assert/strict";
import {
  copyIn,
  copyList,
  copyOut,
  cscd,
  populateList,
  rangeDescriptor,
  segment,
  writeList,
} from "../scsi/copy_rig.ts";
import { number } from "../scsi/copy_rig.ts";
import type { ClaimedCommand } from "../../src/scsi/logical_unit.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import { Sense, senseTriple } from "../../src/scsi/sense.ts";
import { type Fate, type Outcome, SandboxRig, type SandboxRigOptions } from "./sandbox_rig.ts";

const BLOCK = 512;
/** Longer than one step of a procedure may be: 1 MiB. */
const LONG_BLOCKS = 2500;
const SIZE = 4 << 20;

/** 16-byte CDB with LBA in bytes 2 to 9 and TRANSFER LENGTH in bytes 10 to 13. */
function cdb16(code: number, lba: number, blocks: number, flags = 0): number[] {
  return [code, flags, ...number(lba, 8), ...number(blocks, 4), 0, 0];
}

function cdb10(code: number, lba: number, blocks: number, flags = 0): number[] {
  return [code, flags, ...number(lba, 4), 0, ...number(blocks, 2), 0];
}

function compareAndWrite(lba: number, blocks: number): number[] {
  return [0x89, 0, ...number(lba, 8), 0, 0, 0, blocks, 0, 0];
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7 + (index >>> 9) ^ 0x5a);
}

/** What is on the medium at first. */
function content(lba: number, blocks: number): Uint8Array {
  const start = lba * BLOCK;
  return Uint8Array.from({ length: blocks * BLOCK }, (_, index) => {
    const at = start + index;
    return at >>> 9 ^ at;
  });
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

interface Case {
  /** Runs the command, or several in a row; the last one's outcome counts. */
  readonly run: (rig: SandboxRig) => Outcome;
  readonly options?: SandboxRigOptions;
  /** Operations that processes are given where none dies. */
  readonly steps: readonly string[];
  /** Sense of the outcome, "GOOD" by default. */
  readonly sense?: number;
}

const extents = (offset: number, length: number) => [
  { offset, length: length / 2, mapped: true },
  { offset: offset + length / 2, length: length / 2, mapped: false },
];

function withDescriptor(rig: SandboxRig, descriptors: readonly number[][]): Uint8Array {
  return copyList([cscd({ unit: rig.device.device.unit })], descriptors);
}

/** POPULATE TOKEN, RECEIVE ROD TOKEN INFORMATION, WRITE USING TOKEN. */
function copyByToken(rig: SandboxRig): Outcome {
  const populate = populateList([rangeDescriptor(8, 16)]);
  assert.equal(rig.execute([...copyOut(0x10, populate.length, 7)], populate).status, 0);
  const { dataIn } = rig.execute([...copyIn(0x07, number(7, 4))], undefined, 4096);
  const write = writeList(dataIn.slice(38, 38 + 512), [rangeDescriptor(64, 16)]);
  return rig.execute([...copyOut(0x11, write.length, 8)], write);
}

const cases: Record<string, Case> = {
  "WRITE(10)": {
    run: (rig) => rig.execute(cdb10(0x2a, 3, 8), pattern(8 * BLOCK)),
    steps: ["WRITE"],
  },
  "READ(10)": {
    run: (rig) => rig.execute(cdb10(0x28, 3, 8), undefined, 8 * BLOCK),
    steps: ["READ"],
  },
  "SYNCHRONIZE CACHE(10)": { run: (rig) => rig.execute(cdb10(0x35, 0, 0)), steps: ["FLUSH"] },
  "COMPARE AND WRITE": {
    run: (rig) => rig.execute(compareAndWrite(9, 2), joined(content(9, 2), pattern(2 * BLOCK))),
    steps: ["READ", "WRITE"],
  },
  "COMPARE AND WRITE, miscompare": {
    run: (rig) => rig.execute(compareAndWrite(9, 2), joined(content(8, 2), pattern(2 * BLOCK))),
    steps: ["READ"],
    sense: Sense.MISCOMPARE_DURING_VERIFY,
  },
  "ORWRITE(16)": {
    run: (rig) => rig.execute(cdb16(0x8b, 5, 8), pattern(8 * BLOCK)),
    steps: ["READ", "WRITE"],
  },
  "ORWRITE(16) in pieces": {
    run: (rig) => rig.execute(cdb16(0x8b, 5, LONG_BLOCKS), pattern(LONG_BLOCKS * BLOCK)),
    steps: ["READ", "WRITE", "READ", "WRITE"],
  },
  "WRITE ATOMIC(16)": {
    run: (rig) =>
      rig.execute([0x9c, 0, ...number(16, 8), 0, 0, ...number(8, 2), 0, 0], pattern(8 * BLOCK)),
    options: { volume: { atomicWrite: 65536 } },
    steps: ["WRITE"],
  },
  "WRITE AND VERIFY(10), bytes": {
    run: (rig) => rig.execute(cdb10(0x2e, 3, 8, 0x02), pattern(8 * BLOCK)),
    steps: ["WRITE", "READ"],
  },
  "VERIFY(10), bytes": {
    run: (rig) => rig.execute(cdb10(0x2f, 3, 8, 0x02), content(3, 8)),
    steps: ["READ"],
  },
  "WRITE SAME(16)": {
    run: (rig) => rig.execute(cdb16(0x93, 3, 300), pattern(BLOCK)),
    steps: ["WRITE"],
  },
  "WRITE SAME(16) of zeros": {
    run: (rig) => rig.execute(cdb16(0x93, 3, 300, 0x01)),
    steps: ["WRITE_ZEROES"],
  },
  UNMAP: {
    run: (rig) => {
      const ranges = [[3, 5], [100, 9]];
      const list = [
        ...number(6 + 32, 2),
        ...number(32, 2),
        ...[0, 0, 0, 0],
        ...ranges.flatMap(([lba, blocks]) => [...number(lba, 8), ...number(blocks, 4), 0, 0, 0, 0]),
      ];
      return rig.execute([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0], Uint8Array.from(list));
    },
    steps: ["DISCARD", "DISCARD"],
  },
  "GET LBA STATUS": {
    run: (rig) => rig.execute([0x9e, 0x12, ...number(0, 8), ...number(64, 4), 0, 0], undefined, 64),
    options: { volume: { extents } },
    steps: ["EXTENTS"],
  },
  "EXTENDED COPY": {
    run: (rig) => {
      const list = withDescriptor(rig, [
        segment(3, 40, 4, { destination: 0 }),
        segment(40, 80, 4, { destination: 0 }),
      ]);
      return rig.execute([...copyOut(0x00, list.length)], list);
    },
    steps: ["READ", "WRITE", "READ", "WRITE"],
  },
  "a copy by token": { run: copyByToken, steps: ["READ", "WRITE"] },
  "SANITIZE, in the background": {
    run: (rig) => rig.execute([0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]),
    steps: ["WRITE", "WRITE", "WRITE", "WRITE", "FLUSH", "DISCARD", "FLUSH"],
  },
  "FORMAT UNIT": { run: (rig) => rig.execute([0x04, 0, 0, 0, 0, 0]), steps: ["DISCARD", "FLUSH"] },
};

interface Run extends Outcome {
  readonly given: readonly string[];
  readonly media: Uint8Array;
}

function run({ run, options }: Case, fate: (index: number) => Fate = () => "lives"): Run {
  using rig = new SandboxRig({ size: SIZE, ...options });
  rig.fate = fate;
  const outcome = run(rig);
  assert.deepEqual(rig.violations, []);
  assert.equal(rig.backend.inFlight, 0);
  return { ...outcome, given: [...rig.given], media: rig.media.bytes };
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

for (const [name, one] of Object.entries(cases)) {
  Deno.test(`${name}: a death at any step changes nothing`, () => {
    const plain = run(one);
    assert.equal(senseTriple(plain.sense), one.sense ?? 0, `${plain.status}`);
    assert.deepEqual(plain.given, one.steps);
    for (let step = 0; step < one.steps.length; step++) {
      for (const fate of ["dies before", "dies within", "dies after"] as const) {
        const killed = run(one, (index) => index === step ? fate : "lives");
        const what = `${fate} step ${step}`;
        // The step that it died in, and no other, is done again.
        assert.deepEqual(killed.given, one.steps.toSpliced(step, 0, one.steps[step]), what);
        assert.equal(killed.status, plain.status, what);
        assert.deepEqual(killed.sense, plain.sense, what);
        assert.ok(same(killed.dataIn, plain.dataIn), `data-in, ${what}`);
        assert.ok(same(killed.media, plain.media), `medium, ${what}`);
      }
    }
    // And twice at each one.
    const often = run(one, (index) => index % 3 < 2 ? "dies after" : "lives");
    assert.equal(often.status, plain.status);
    assert.ok(same(often.media, plain.media), "medium, two deaths at each step");
  });
}

const claims: readonly ClaimedCommand[] = [
  { code: 0xc1, name: "ONCE", cdb_length: 10, direction: "out", replay: false },
  { code: 0xc2, name: "AGAIN", cdb_length: 10, direction: "in", replay: true },
];

function claimedRig(ran: number[]): SandboxRig {
  return new SandboxRig({
    claims,
    volume: {
      command: (cdb, _dataOut, dataIn) => {
        ran.push(cdb[0]);
        dataIn.fill(0x42);
        return { dataInLength: dataIn.length };
      },
    },
  });
}

for (const fate of ["dies before", "dies after"] as const) {
  Deno.test(`a claimed command that may not be repeated is lost with a process that ${fate} it`, () => {
    const ran: number[] = [];
    using rig = claimedRig(ran);
    rig.fate = (index) => index === 0 ? fate : "lives";
    const { status, sense } = rig.execute([0xc1, ...number(0, 9)], pattern(64));
    assert.equal(status, 2);
    assert.equal(senseTriple(sense), Sense.LOGICAL_UNIT_COMMUNICATION_FAILURE);
    assert.deepEqual(ran, fate === "dies after" ? [0xc1] : [], "it is not run again");
    // The next one is served.
    assert.equal(rig.execute([0xc1, ...number(0, 9)], pattern(64)).status, 0);
  });

  Deno.test(`a claimed command that may be repeated is, after a process that ${fate} it`, () => {
    const ran: number[] = [];
    using rig = claimedRig(ran);
    rig.fate = (index) => index === 0 ? fate : "lives";
    const { status, dataIn } = rig.execute([0xc2, ...number(0, 9)], undefined, 64);
    assert.equal(status, 0);
    assert.ok(dataIn.length === 64 && dataIn.every((byte) => byte === 0x42));
    assert.equal(ran.length, fate === "dies after" ? 2 : 1);
  });
}

Deno.test("between a death and the repetition of its write nobody else gets at a COMPARE AND WRITE", () => {
  using rig = new SandboxRig({ size: SIZE });
  const old = content(9, 1);
  const next = pattern(BLOCK);
  const first = rig.submit(compareAndWrite(9, 1), joined(old, next));
  // It compares with what both expect to find: one of them must lose.
  const second = rig.submit(compareAndWrite(9, 1), joined(old, pattern(2 * BLOCK).subarray(BLOCK)));
  const read = rig.submit(cdb10(0x28, 9, 1), undefined, BLOCK);
  // The compare's read; then the write, which lands, and is not reported.
  rig.fate = (index) => index === 1 ? "dies after" : "lives";
  rig.until(() => rig.ended.length === 3);
  assert.deepEqual(rig.given, ["READ", "WRITE", "WRITE", "READ", "READ"]);
  assert.equal(first.status, 0);
  assert.equal(senseTriple(second.senseBytes.slice(0, 18)), Sense.MISCOMPARE_DURING_VERIFY);
  assert.equal(read.status, 0);
  assert.ok(same(rig.media.bytes.subarray(9 * BLOCK, 10 * BLOCK), next));
});

Deno.test("a command that waits in a procedure when its handler is given up ends with an error", () => {
  using rig = new SandboxRig({ size: SIZE });
  rig.fate = (index) => index === 1 ? "dies before" : "lives";
  const { unit } = rig.device.device;
  const command = rig.submit(compareAndWrite(9, 1), joined(content(9, 1), pattern(BLOCK)));
  const waiting = rig.submit(cdb10(0x2a, 9, 1), pattern(BLOCK));
  rig.startProcess = () => {
    rig.serve = () => {};
    unit.handler = "away";
    rig.device.device.refresh();
    rig.backend.abandon(MediaResult.HANDLER_AWAY);
  };
  rig.until(() => rig.ended.length === 2);
  for (const { status, senseBytes } of [command, waiting]) {
    assert.equal(status, 2);
    assert.equal(senseTriple(senseBytes.slice(0, 18)), Sense.NOT_READY_BECOMING_READY);
  }
  assert.ok(same(rig.media.bytes.subarray(9 * BLOCK, 10 * BLOCK), content(9, 1)));
});

Deno.test("every step of every command counts to its deadline", () => {
  for (const [name, one] of Object.entries(cases)) {
    for (let step = 0; step < one.steps.length; step++) {
      const { oldest_ms, given } = hangAt(one, step);
      assert.equal(oldest_ms, 2500, `${name}, step ${step}`);
      assert.equal(given, step);
    }
  }
});

/** Lets the process hang at a step; returns the age of what it has, 2.5 s later. */
function hangAt({ run, options }: Case, step: number): { oldest_ms: number; given: number } {
  using rig = new SandboxRig({ size: SIZE, ...options });
  const hung = new Error("it hangs");
  rig.fate = (index) => {
    if (index === step) throw hung;
    return "lives";
  };
  assert.throws(() => run(rig), (error) => error === hung);
  // Where the command was answered early, too: what goes on in the background is looked at.
  assert.ok(rig.device.device.inFlight > 0);
  rig.backend.oldest_ms(1000);
  return { oldest_ms: rig.backend.oldest_ms(3500), given: rig.given.length };
}
