/** Medium errors name the block that failed, miscompares the byte that differs (SBC-4 4.18). */
import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple } from "../../../test/scsi/driver.ts";
import type { Answer } from "../answer.ts";
import { MediaResult } from "../media.ts";
import type { Operation } from "../procedure.ts";
import { Sense } from "../sense.ts";

const BLOCK = 512;

function information({ sense = new Uint8Array(18) }: Answer): number | undefined {
  if ((sense[0] & 0x80) === 0) return undefined;
  return new DataView(sense.buffer, sense.byteOffset).getUint32(3);
}

interface Case {
  readonly name: string;
  /** Four blocks at LBA 8; `one` is the same of one block. */
  readonly cdb: string;
  readonly one: string;
  readonly dataOutBlocks: number;
  readonly fails: Operation["kind"];
}

const READ: Case = {
  name: "READ(10)",
  cdb: "28000000000800000400",
  one: "28000000000800000100",
  dataOutBlocks: 0,
  fails: "read",
};

const cases: readonly Case[] = [
  READ,
  {
    name: "WRITE(10)",
    cdb: "2a000000000800000400",
    one: "2a000000000800000100",
    dataOutBlocks: 1,
    fails: "write",
  },
  {
    name: "VERIFY(10)",
    cdb: "2f000000000800000400",
    one: "2f000000000800000100",
    dataOutBlocks: 0,
    fails: "read",
  },
  {
    name: "WRITE AND VERIFY(10)",
    cdb: "2e000000000800000400",
    one: "2e000000000800000100",
    dataOutBlocks: 1,
    fails: "read",
  },
  {
    name: "COMPARE AND WRITE",
    cdb: "89000000000000000008000000040000",
    one: "89000000000000000008000000010000",
    dataOutBlocks: 2,
    fails: "read",
  },
  {
    name: "ORWRITE(16)",
    cdb: "8b000000000000000008000000040000",
    one: "8b000000000000000008000000010000",
    dataOutBlocks: 1,
    fails: "write",
  },
  {
    name: "WRITE SAME(10)",
    cdb: "41000000000800000400",
    one: "41000000000800000100",
    dataOutBlocks: 0,
    fails: "write",
  },
];

function failing(
  { cdb, one, dataOutBlocks, fails, name }: Case,
  single: boolean,
  failed_offset_bytes?: number,
  result: number = MediaResult.MEDIUM_ERROR,
): Answer {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  volume.failures.set(fails, result);
  volume.failed_offset_bytes = failed_offset_bytes;
  const blocks = single ? 1 : 4;
  const length = name.startsWith("WRITE SAME") ? BLOCK : dataOutBlocks * blocks * BLOCK;
  return run(unit, volume, hex(single ? one : cdb), { dataOut: new Uint8Array(length).fill(8) });
}

for (const command of cases) {
  Deno.test(`${command.name} that fails names the block`, () => {
    const expected = command.fails === "read" ? Sense.UNRECOVERED_READ_ERROR : Sense.WRITE_ERROR;
    const answer = failing(command, false, 10 * BLOCK + 17);
    assert.equal(senseTriple(answer.sense as Uint8Array), expected);
    assert.equal(information(answer), 10);
    assert.equal(information(failing(command, true)), 8, "one block: it was that");
    assert.equal(information(failing(command, false)), undefined, "nobody knows which");
    for (const elsewhere of [0, 8 * BLOCK - 1, 12 * BLOCK, -1, NaN]) {
      assert.equal(information(failing(command, false, elsewhere)), undefined, "not of the range");
    }
  });
}

Deno.test("INFORMATION is an LBA of medium errors only", () => {
  const answer = failing(READ, true, 8 * BLOCK, MediaResult.NOT_READY);
  assert.equal(senseTriple(answer.sense as Uint8Array), Sense.NOT_READY_CAUSE_NOT_REPORTABLE);
  assert.equal(information(answer), undefined);
});

Deno.test("VERIFY names the first block that differs", () => {
  const unit = makeUnit({ block_count: 4096 });
  const volume = new ArrayVolume(unit);
  // More than one step of 1 MiB.
  const blocks = 3000;
  const dataOut = volume.bytes.slice(BLOCK, (1 + blocks) * BLOCK);
  for (const at of [0, 511, 512, (1 << 20) - 1, 1 << 20, blocks * BLOCK - 1]) {
    const wrong = dataOut.slice();
    wrong[at] ^= 0x10;
    const cdb = hex("2f020000000100 0bb8 00".replaceAll(" ", ""));
    const answer = run(unit, volume, cdb, { dataOut: wrong });
    assert.equal(senseTriple(answer.sense as Uint8Array), Sense.MISCOMPARE_DURING_VERIFY);
    assert.equal(information(answer), 1 + Math.floor(at / BLOCK));
  }
});

Deno.test("VERIFY with one block of data-out names the block that is another", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  volume.bytes.fill(7, 0, 3 * BLOCK);
  volume.bytes[2 * BLOCK + 33] = 8;
  const dataOut = new Uint8Array(BLOCK).fill(7);
  const answer = run(unit, volume, hex("2f060000000000000300"), { dataOut });
  assert.equal(information(answer), 2);
});

Deno.test("a write that finds no room raises the threshold that was set, once", () => {
  const features = {
    writable: true,
    discard: true,
    writeZeroes: true,
    writeCache: false,
    space: true,
  };
  const unit = makeUnit({ features });
  unit.modeParameters = {
    ...unit.modeParameters,
    availableThreshold: { enabled: true, count: 1 },
  };
  const volume = new ArrayVolume(unit);
  volume.failures.set("write", MediaResult.NO_SPACE);
  const dataOut = new Uint8Array(BLOCK);
  const write = hex("2a000000000800000100");
  const first = run(unit, volume, write, { dataOut });
  assert.equal(senseTriple(first.sense as Uint8Array), Sense.SPACE_ALLOCATION_FAILED);
  const second = run(unit, volume, write, { dataOut });
  assert.equal(
    senseTriple(second.sense as Uint8Array),
    Sense.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
  );
  const third = run(unit, volume, write, { dataOut });
  assert.equal(senseTriple(third.sense as Uint8Array), Sense.SPACE_ALLOCATION_FAILED);
  assert.equal(unit.takeAttention(), 0, "the same crossing");
});
