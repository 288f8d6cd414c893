/** SANITIZE and FORMAT UNIT: what they leave, and what the unit says meanwhile and afterwards. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ArrayVolume, hex, makeUnit, run, senseTriple } from "../../../test/scsi/driver.ts";
import { type Answer, Status } from "../answer.ts";
import type { LogicalUnit, UnitFeatures, UnitState } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult } from "../procedure.ts";
import { Sense } from "../sense.ts";

const BLOCK = 512;
const FEATURES: UnitFeatures = {
  writable: true,
  discard: true,
  writeZeroes: true,
  writeCache: true,
};
const BLOCK_ERASE = hex("48020000000000000000");
const FORMAT = hex("040000000000");
const TEST_UNIT_READY = hex("000000000000");

function triple({ sense = new Uint8Array(18) }: Answer): number {
  return senseTriple(sense);
}

function sanitizeCdb(action: number, flags: number, listLength: number): Uint8Array {
  return Uint8Array.of(0x48, flags | action, 0, 0, 0, 0, 0, listLength >> 8, listLength, 0);
}

function list(flags: number, pattern: Uint8Array, length = pattern.length): Uint8Array {
  const bytes = new Uint8Array(4 + pattern.length);
  bytes.set([flags, 0, length >> 8, length]);
  bytes.set(pattern, 4);
  return bytes;
}

function overwrite(
  unit: LogicalUnit,
  volume: ArrayVolume,
  dataOut: Uint8Array,
  flags = 0,
): Answer {
  return run(unit, volume, sanitizeCdb(1, flags, dataOut.length), { dataOut });
}

/** Looks at the unit at each step. */
function watch(
  volume: ArrayVolume,
  look: (operation: Operation) => OperationResult | void,
): void {
  const perform = volume.perform.bind(volume);
  volume.perform = (operation, unit) => look(operation) ?? perform(operation, unit);
}

Deno.test("SANITIZE, OVERWRITE leaves the pattern in each block, after COUNT passes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: BLOCK }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      (pattern, count, invert) => {
        const unit = makeUnit();
        const volume = new ArrayVolume(unit);
        const first: number[] = [];
        watch(volume, (operation) => {
          if (operation.kind === "write" && operation.offset_bytes === 0) {
            first.push(operation.bytes[0]);
          }
        });
        const flags = (invert ? 0x80 : 0) | count;
        assert.equal(overwrite(unit, volume, list(flags, pattern)).status, Status.GOOD);
        volume.bytes.forEach((byte, index) => {
          assert.equal(byte, pattern[index % BLOCK % pattern.length]);
        });
        // SBC-4 5.30.2: with INVERT it turns over between passes, and the last is as given.
        const expected = Array.from(
          { length: count },
          (_, pass) => invert && (count - 1 - pass) % 2 === 1 ? pattern[0] ^ 0xff : pattern[0],
        );
        assert.deepEqual(first, expected);
        // Each pass comes down to the medium.
        assert.ok(volume.steps.filter((step) => step === "flush").length >= count);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("SANITIZE, OVERWRITE refuses lists that are not right, and touches nothing", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const block = new Uint8Array(BLOCK);
  const attempt = (dataOut: Uint8Array, listLength = dataOut.length) =>
    triple(run(unit, volume, sanitizeCdb(1, 0, listLength), { dataOut }));
  for (const length of [0, 1, 4, BLOCK + 5]) {
    assert.equal(attempt(new Uint8Array(BLOCK + 8), length), Sense.INVALID_FIELD_IN_CDB);
  }
  const parameter = Sense.INVALID_FIELD_IN_PARAMETER_LIST;
  assert.equal(attempt(list(0, block)), parameter, "OVERWRITE COUNT 0");
  assert.equal(attempt(list(0x21, block)), parameter, "TEST");
  assert.equal(attempt(list(1, block, 0)), parameter, "INITIALIZATION PATTERN LENGTH 0");
  assert.equal(attempt(list(1, block, BLOCK + 1)), parameter, "longer than a block");
  assert.equal(attempt(list(1, block.subarray(0, 4), 5)), parameter, "longer than the list");
  assert.equal(attempt(list(1, block), 100), parameter, "longer than what was named");
  const cut = list(1, block).subarray(0, 100);
  assert.equal(attempt(cut, BLOCK + 4), Sense.PARAMETER_LIST_LENGTH_ERROR);
  assert.deepEqual(volume.steps, []);
  assert.equal(unit.state, "ready");
});

Deno.test("SANITIZE, BLOCK ERASE overwrites what is mapped and unmaps all", () => {
  for (const extents of [true, false]) {
    const unit = makeUnit({ features: { ...FEATURES, extents } });
    const volume = new ArrayVolume(unit);
    volume.mapped.fill(0, 10, 60);
    assert.equal(run(unit, volume, BLOCK_ERASE).status, Status.GOOD);
    assert.ok(volume.bytes.every((byte) => extents ? true : byte === 0));
    assert.ok(volume.mapped.every((bit) => bit === 0));
    const writes = extents ? ["write 0+5120", "write 30720+2048"] : ["write 0+32768"];
    const steps = volume.steps.filter((step) => !step.startsWith("extents"));
    assert.deepEqual(steps, [
      "save sanitize",
      ...writes,
      // What was overwritten must be so on the medium before it is unmapped.
      "flush",
      "discard 0+32768",
      "flush",
      "save sanitize",
      "save format",
    ]);
    assert.equal(volume.saved.get("sanitize"), null);
  }
});

Deno.test("SANITIZE refuses reserved bytes, and touches nothing", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  for (const cdb of [BLOCK_ERASE, sanitizeCdb(1, 0, BLOCK + 4)]) {
    for (let byte = 2; byte < 7; byte++) {
      const wrong = cdb.slice();
      wrong[byte] = byte;
      const dataOut = list(1, new Uint8Array(BLOCK));
      assert.equal(triple(run(unit, volume, wrong, { dataOut })), Sense.INVALID_FIELD_IN_CDB);
    }
  }
  assert.deepEqual(volume.steps, []);
});

Deno.test("SANITIZE goes in batches, so that a thin volume need not hold all of it", () => {
  const unit = makeUnit({ block_length: 4096, block_count: 40000 });
  const volume = new ArrayVolume(makeUnit());
  const steps: string[] = [];
  let unflushed = 0;
  volume.perform = (operation) => {
    if (operation.kind === "write") unflushed += operation.bytes.length;
    if (operation.kind === "discard") {
      steps.push(`${operation.offset_bytes / 4096}+${operation.length_bytes / 4096}`);
      assert.equal(unflushed, 0);
    }
    if (operation.kind === "flush") unflushed = 0;
    assert.ok(unflushed <= 64 << 20);
    return { result: MediaResult.OK, bytes: new Uint8Array(0) };
  };
  assert.equal(run(unit, volume, BLOCK_ERASE).status, Status.GOOD);
  assert.deepEqual(steps, ["0+16384", "16384+16384", "32768+7232"]);
});

Deno.test("SANITIZE, BLOCK ERASE and EXIT FAILURE MODE take no list; others are not there", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  for (const action of [0x02, 0x1f]) {
    assert.equal(triple(run(unit, volume, sanitizeCdb(action, 0, 8))), Sense.INVALID_FIELD_IN_CDB);
  }
  for (const action of [0x00, 0x03, 0x04, 0x1e]) {
    const answer = run(unit, volume, sanitizeCdb(action, 0, 0));
    assert.equal(triple(answer), Sense.INVALID_FIELD_IN_CDB, `${action}`);
    assert.deepEqual([...(answer.sense ?? [])].slice(15, 18), [0xcc, 0, 1]);
  }
  const plain = makeUnit({ features: { ...FEATURES, discard: false } });
  assert.equal(triple(run(plain, volume, BLOCK_ERASE)), Sense.INVALID_FIELD_IN_CDB, "no discard");
  assert.deepEqual(volume.steps, []);
});

/** Both kinds, with what tells them apart. */
const kinds = [
  {
    name: "SANITIZE, OVERWRITE",
    part: "sanitize",
    start: (unit: LogicalUnit, volume: ArrayVolume, immediate = false) =>
      overwrite(unit, volume, list(2, new Uint8Array(4)), immediate ? 0x80 : 0),
    fails: "write",
    during: ["sanitizing", Sense.SANITIZE_IN_PROGRESS],
    failed: ["sanitize-failed", Sense.SANITIZE_COMMAND_FAILED],
  },
  {
    name: "SANITIZE, BLOCK ERASE",
    part: "sanitize",
    start: (unit: LogicalUnit, volume: ArrayVolume, immediate = false) =>
      run(unit, volume, sanitizeCdb(2, immediate ? 0x80 : 0, 0)),
    fails: "discard",
    during: ["sanitizing", Sense.SANITIZE_IN_PROGRESS],
    failed: ["sanitize-failed", Sense.SANITIZE_COMMAND_FAILED],
  },
  {
    name: "FORMAT UNIT",
    part: "format",
    start: (unit: LogicalUnit, volume: ArrayVolume, immediate = false) =>
      immediate
        ? run(unit, volume, hex("041000000000"), { dataOut: hex("00020000") })
        : run(unit, volume, FORMAT),
    fails: "discard",
    during: ["formatting", Sense.FORMAT_IN_PROGRESS],
    failed: ["format-failed", Sense.FORMAT_COMMAND_FAILED],
  },
] as const satisfies readonly {
  name: string;
  part: string;
  start: (unit: LogicalUnit, volume: ArrayVolume, immediate?: boolean) => Answer;
  fails: Operation["kind"];
  during: readonly [UnitState, number];
  failed: readonly [UnitState, number];
}[];

for (const { name, part, start, fails, during, failed } of kinds) {
  Deno.test(`${name}: the unit is not ready meanwhile, with progress, and ready afterwards`, () => {
    const unit = makeUnit({ block_count: 8192 });
    const volume = new ArrayVolume(unit);
    let last = 0;
    let looks = 0;
    watch(volume, ({ kind }) => {
      if (kind === "save") return;
      looks++;
      assert.equal(unit.state, during[0]);
      const answer = run(unit, volume, TEST_UNIT_READY);
      assert.equal(triple(answer), during[1]);
      const progress = (answer.sense as Uint8Array)[16] << 8 | (answer.sense as Uint8Array)[17];
      assert.ok(progress >= last, "progress does not go back");
      last = progress;
    });
    assert.equal(start(unit, volume).status, Status.GOOD);
    assert.ok(looks > 0);
    assert.equal(unit.state, "ready");
    assert.equal(volume.saved.get(part), null, "forgotten");
    assert.equal(run(unit, volume, TEST_UNIT_READY).status, Status.GOOD);
  });

  Deno.test(`${name} is kept before anything is changed`, () => {
    const unit = makeUnit();
    const volume = new ArrayVolume(unit);
    const kept: unknown[] = [];
    watch(volume, (operation) => {
      if (operation.kind === "save") return;
      kept.push(volume.saved.get(part));
    });
    start(unit, volume);
    assert.ok(kept.every((value) => value !== undefined && value !== null));
    const forgetful = new ArrayVolume(unit);
    forgetful.failures.set("save", MediaResult.INTERNAL);
    assert.equal(triple(start(unit, forgetful)), Sense.INTERNAL_TARGET_FAILURE);
    assert.deepEqual(forgetful.steps, [`save ${part}`]);
    assert.equal(unit.state, "ready");
  });

  Deno.test(`${name} that fails keeps the medium from use until it goes well`, () => {
    const unit = makeUnit();
    const volume = new ArrayVolume(unit);
    volume.failures.set(fails, MediaResult.MEDIUM_ERROR);
    assert.equal(triple(start(unit, volume)), failed[1]);
    assert.equal(unit.state, failed[0]);
    const corrupt = failed[0] === "format-failed" ? Sense.MEDIUM_FORMAT_CORRUPTED : failed[1];
    assert.equal(triple(run(unit, volume, hex("28000000000000000100"))), corrupt);
    assert.notEqual(volume.saved.get(part), null, "a restart would know");
    volume.failures.clear();
    assert.equal(start(unit, volume).status, Status.GOOD);
    assert.equal(unit.state, "ready");
    assert.equal(volume.saved.get(part), null);
  });

  Deno.test(`${name} with IMMED is answered first; its failure is a deferred error`, () => {
    const unit = makeUnit();
    const volume = new ArrayVolume(unit);
    assert.equal(start(unit, volume, true).status, Status.GOOD);
    assert.equal(unit.deferredSense, 0);
    volume.failures.set(fails, MediaResult.MEDIUM_ERROR);
    assert.equal(start(unit, volume, true).status, Status.GOOD);
    assert.equal(unit.deferredSense, failed[1]);
    assert.equal(unit.state, failed[0]);
  });

  Deno.test(`${name} does not touch a medium that is write protected or not there`, () => {
    for (const writeProtected of [true, false]) {
      const unit = makeUnit({ writeProtected });
      if (!writeProtected) unit.state = "no-medium";
      const volume = new ArrayVolume(unit);
      const expected = writeProtected ? Sense.WRITE_PROTECTED : Sense.MEDIUM_NOT_PRESENT;
      assert.equal(triple(start(unit, volume)), expected);
      assert.deepEqual(volume.steps, []);
    }
  });
}

Deno.test("SANITIZE that failed without AUSE is got over by SANITIZE without AUSE alone", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  volume.failures.set("write", MediaResult.MEDIUM_ERROR);
  assert.equal(triple(run(unit, volume, BLOCK_ERASE)), Sense.SANITIZE_COMMAND_FAILED);
  volume.failures.clear();
  const exit = sanitizeCdb(0x1f, 0, 0);
  assert.equal(triple(run(unit, volume, exit)), Sense.INVALID_FIELD_IN_CDB);
  const withExit = sanitizeCdb(2, 0x20, 0);
  assert.equal(triple(run(unit, volume, withExit)), Sense.INVALID_FIELD_IN_CDB, "SBC-4 4.11.1");
  assert.equal(triple(run(unit, volume, FORMAT)), Sense.SANITIZE_COMMAND_FAILED);
  assert.equal(run(unit, volume, BLOCK_ERASE).status, Status.GOOD);
  assert.equal(run(unit, volume, withExit).status, Status.GOOD, "nothing has failed any more");
});

Deno.test("SANITIZE that failed with AUSE is left by EXIT FAILURE MODE", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  const exit = sanitizeCdb(0x1f, 0, 0);
  assert.equal(run(unit, volume, exit).status, Status.GOOD, "nothing to exit");
  volume.failures.set("write", MediaResult.MEDIUM_ERROR);
  const erase = sanitizeCdb(2, 0x20, 0);
  assert.equal(triple(run(unit, volume, erase)), Sense.SANITIZE_COMMAND_FAILED);
  volume.failures.clear();
  volume.failures.set("save", MediaResult.INTERNAL);
  assert.equal(triple(run(unit, volume, exit)), Sense.INTERNAL_TARGET_FAILURE);
  assert.equal(unit.state, "sanitize-failed");
  volume.failures.clear();
  assert.equal(run(unit, volume, exit).status, Status.GOOD);
  assert.equal(unit.state, "ready");
  assert.equal(volume.saved.get("sanitize"), null);
  assert.equal(volume.saved.get("format"), null, "a restart would find that a format has failed");
});

Deno.test("FORMAT UNIT that failed is got over by SANITIZE, too", () => {
  const unit = makeUnit({ saved: { format: {} } });
  const volume = new ArrayVolume(unit);
  assert.equal(unit.state, "format-failed");
  assert.equal(run(unit, volume, BLOCK_ERASE).status, Status.GOOD);
  assert.equal(unit.state, "ready");
  assert.equal(volume.saved.get("format"), null);
});

Deno.test("FORMAT UNIT leaves zeros, by whatever the volume can", () => {
  const variants: [Partial<UnitFeatures>, string][] = [
    [{}, "discard 0+32768"],
    [{ discard: false }, "write-zeroes 0+32768"],
    [{ discard: false, writeZeroes: false }, "write 0+32768"],
  ];
  for (const [features, step] of variants) {
    const unit = makeUnit({ features: { ...FEATURES, ...features } });
    const volume = new ArrayVolume(unit);
    assert.equal(run(unit, volume, FORMAT).status, Status.GOOD);
    assert.ok(volume.bytes.every((byte) => byte === 0));
    assert.equal(volume.steps[1], step);
  }
});

Deno.test("FORMAT UNIT takes headers, short and long, and refuses what it does not have", () => {
  const attempt = (cdb: string, header: string) => {
    const unit = makeUnit();
    const volume = new ArrayVolume(unit);
    const answer = run(unit, volume, hex(cdb), { dataOut: hex(header) });
    const started = volume.steps.length > 0;
    assert.equal(started, answer.status === Status.GOOD);
    return triple(answer);
  };
  const [cdb, parameter] = [Sense.INVALID_FIELD_IN_CDB, Sense.INVALID_FIELD_IN_PARAMETER_LIST];
  const cases: [string, string, string, number][] = [
    ["short", "041000000000", "00000000", 0],
    ["short, FOV and DCRT", "041000000000", "00a00000", 0],
    ["long, FOV and STPF", "043000000000", "0090000000000000", 0],
    ["CMPLST and a format of lists", "041d00000000", "00000000", 0],
    ["DCRT without FOV", "041000000000", "00200000", parameter],
    ["IP", "041000000000", "00880000", parameter],
    ["PROTECTION FIELD USAGE", "041000000000", "01000000", parameter],
    ["a defect list", "041000000000", "00000004", parameter],
    ["a defect list, long", "043000000000", "0000000000000008", parameter],
    ["P_I_INFORMATION", "043000000000", "0000001000000000", parameter],
    ["a header that is cut off", "043000000000", "00000000", Sense.PARAMETER_LIST_LENGTH_ERROR],
    ["FMTPINFO", "048000000000", "", cdb],
    ["FFMT", "040000000100", "", cdb],
  ];
  for (const [what, command, header, expected] of cases) {
    assert.equal(attempt(command, header), expected, what);
  }
});
