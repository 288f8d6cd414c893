/** Protection information in commands; what it is, and whether it is right, is the engine's. */
import assert from "node:assert/strict";
import {
  ArrayVolume,
  hex,
  makeUnit,
  type Performer,
  run,
  senseTriple,
} from "../../../test/scsi/driver.ts";
import type { Answer } from "../answer.ts";
import type { LogicalUnit, ProtectionType } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult, ReadMedia, WriteMedia } from "../procedure.ts";
import { Sense } from "../sense.ts";

const BLOCK = 512;
const NOTHING = new Uint8Array(0);
const [GUARD, TAG] = [1, 4];

/** A volume that keeps 8 bytes with each block: at first the LBA, eight times. */
class ProtectedVolume implements Performer {
  readonly blocks: ArrayVolume;
  readonly information: Uint8Array;
  /** What each read and write was told to check; undefined where it said nothing. */
  readonly checks: (number | undefined)[] = [];
  result: number = MediaResult.OK;
  failed_offset_bytes: number | undefined;

  constructor(unit: LogicalUnit) {
    this.blocks = new ArrayVolume(unit);
    this.information = Uint8Array.from(
      { length: unit.block_count * 8 },
      (_, index) => index >> 3,
    );
  }

  perform(operation: Operation, unit: LogicalUnit): OperationResult {
    if (operation.kind !== "read" && operation.kind !== "write") {
      return this.blocks.perform(operation, unit);
    }
    this.checks.push(operation.protection?.checks);
    if (this.result !== MediaResult.OK) {
      const { result, failed_offset_bytes } = this;
      return { result, bytes: NOTHING, failed_offset_bytes };
    }
    const done = this.blocks.perform(operation, unit);
    const protection = this.#information(operation);
    return protection === undefined ? done : { ...done, protection };
  }

  #information(operation: ReadMedia | WriteMedia): Uint8Array | undefined {
    if (operation.protection === undefined) return undefined;
    const first = operation.offset_bytes / BLOCK * 8;
    if (operation.kind === "read") {
      return this.information.slice(first, first + operation.length_bytes / BLOCK * 8);
    }
    const { information } = operation.protection as { information: Uint8Array };
    assert.equal(information.length, operation.bytes.length / BLOCK * 8);
    this.information.set(information, first);
    return undefined;
  }
}

function setUp(
  protection: ProtectionType = 1,
  block_count = 64,
): { unit: LogicalUnit; volume: ProtectedVolume } {
  const unit = makeUnit({
    block_count,
    features: {
      writable: true,
      discard: true,
      writeZeroes: true,
      writeCache: true,
      protection,
    },
  });
  return { unit, volume: new ProtectedVolume(unit) };
}

function triple({ sense }: Answer): number {
  return sense === undefined ? 0 : senseTriple(sense);
}

/** Blocks with their information behind each. */
function interleaved(first: number, count: number, fill: (block: number) => number): Uint8Array {
  const data = new Uint8Array(count * 520);
  for (let index = 0; index < count; index++) {
    data.fill(fill(first + index), index * 520, index * 520 + 512);
    data.fill(first + index, index * 520 + 512, (index + 1) * 520);
  }
  return data;
}

/** Values of RDPROTECT, WRPROTECT, VRPROTECT and what they have checked. */
const values: readonly [number, number][] = [
  [1, GUARD | TAG],
  [2, TAG],
  [3, 0],
  [4, GUARD],
  [5, GUARD | TAG],
];

Deno.test("READ gives protection information behind each block where RDPROTECT asks for it", () => {
  for (const [value, checks] of values) {
    const { unit, volume } = setUp();
    const cdb = Uint8Array.of(0x28, value << 5, 0, 0, 0, 7, 0, 0, 3, 0);
    const { dataIn } = run(unit, volume, cdb);
    assert.deepEqual(dataIn, interleaved(7, 3, (block) => block));
    assert.deepEqual(volume.checks, [checks]);
  }
});

Deno.test("READ without RDPROTECT gives blocks alone, checked in full", () => {
  const { unit, volume } = setUp();
  const { dataIn } = run(unit, volume, hex("28000000000700000300"));
  assert.equal(dataIn?.length, 3 * BLOCK);
  assert.deepEqual(volume.checks, [undefined]);
  assert.equal(unit.hot, false, "the short way knows no protection information");
});

Deno.test("WRITE takes protection information from behind each block", () => {
  for (const [value, checks] of values) {
    const { unit, volume } = setUp();
    const cdb = new Uint8Array(16);
    cdb.set([0x8a, value << 5 | 0x08, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3]);
    const dataOut = interleaved(7, 3, () => 0xa5);
    for (let block = 0; block < 3; block++) dataOut[block * 520 + 519] = 0x5a;
    assert.equal(triple(run(unit, volume, cdb, { dataOut })), 0);
    assert.deepEqual(volume.blocks.steps, ["write 3584+1536 fua"]);
    assert.deepEqual(volume.checks, [checks]);
    assert.ok(volume.blocks.bytes.subarray(3584, 5120).every((byte) => byte === 0xa5));
    assert.deepEqual(
      [...volume.information.subarray(56, 80)],
      [7, 7, 7, 7, 7, 7, 7, 0x5a, 8, 8, 8, 8, 8, 8, 8, 0x5a, 9, 9, 9, 9, 9, 9, 9, 0x5a],
    );
  }
});

Deno.test("what was read is what was written, in steps of less than 1 MiB", () => {
  const { unit, volume } = setUp(3, 8192);
  const count = 8000;
  const dataOut = Uint8Array.from({ length: count * 520 }, (_, index) => index * 7 + (index >> 9));
  const write = hex("2a20000000 05 00 1f40 00".replaceAll(" ", ""));
  assert.equal(triple(run(unit, volume, write, { dataOut })), 0);
  const read = hex("2820000000 05 00 1f40 00".replaceAll(" ", ""));
  const { dataIn } = run(unit, volume, read, { room: dataOut.length });
  assert.ok(dataIn !== undefined && dataIn.every((byte, index) => byte === dataOut[index]));
  assert.equal(dataIn.length, dataOut.length);
  // 8192 blocks are the limit without it.
  const tooLong = hex("28200000000000200000");
  assert.equal(triple(run(unit, volume, tooLong)), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(triple(run(unit, volume, hex("28000000000000200000"))), 0);
});

Deno.test("buffers that end amid a block", () => {
  const { unit, volume } = setUp();
  const read = run(unit, volume, hex("28200000000700000300"), { room: 600 });
  assert.deepEqual(read.dataIn, interleaved(7, 2, (block) => block).subarray(0, 600));
  volume.blocks.steps.length = 0;
  const dataOut = new Uint8Array(2 * 520 - 1);
  assert.equal(triple(run(unit, volume, hex("2a200000000700000200"), { dataOut })), 0);
  assert.deepEqual(volume.blocks.steps, ["write 3584+512"], "whole blocks alone");
});

Deno.test("protection information that is wrong is an aborted command, with the LBA", () => {
  const results: [number, number][] = [
    [MediaResult.GUARD_CHECK, Sense.LOGICAL_BLOCK_GUARD_CHECK_FAILED],
    [MediaResult.APPLICATION_TAG_CHECK, Sense.LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED],
    [MediaResult.REFERENCE_TAG_CHECK, Sense.LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED],
  ];
  for (const [result, expected] of results) {
    for (const cdb of ["28200000000700000300", "2a200000000700000300", "28000000000700000300"]) {
      const { unit, volume } = setUp();
      volume.result = result;
      volume.failed_offset_bytes = 9 * BLOCK;
      const dataOut = new Uint8Array(3 * 520);
      const answer = run(unit, volume, hex(cdb), { dataOut });
      assert.equal(triple(answer), expected);
      assert.deepEqual([...(answer.sense ?? [])].slice(3, 7), [0, 0, 0, 9]);
    }
  }
});

Deno.test("VERIFY checks what VRPROTECT says, and compares no protection information", () => {
  for (const [value, checks] of values) {
    const { unit, volume } = setUp();
    const cdb = Uint8Array.of(0x2f, value << 5, 0, 0, 0, 7, 0, 0, 3, 0);
    assert.equal(triple(run(unit, volume, cdb)), 0);
    assert.deepEqual(volume.checks, [checks]);
    cdb[1] |= 0x02;
    const dataOut = new Uint8Array(3 * 520);
    assert.equal(triple(run(unit, volume, cdb, { dataOut })), Sense.INVALID_FIELD_IN_CDB);
  }
});

Deno.test("what is reserved, what no command has, and NACA are refused as ever", () => {
  const { unit, volume } = setUp();
  const refused = [
    "28c00000000700000300",
    "2ae00000000700000300",
    "28200000000700000304",
    "41200000000700000300",
    "89200000000000000007000000010000",
    "2e200000000700000300",
  ];
  for (const cdb of refused) {
    const dataOut = new Uint8Array(2 * 520);
    const answer = run(unit, volume, hex(cdb), { dataOut });
    assert.equal(triple(answer), Sense.INVALID_FIELD_IN_CDB, cdb);
  }
  const beyond = run(unit, volume, hex("28200000003f00000200"));
  assert.equal(triple(beyond), Sense.LBA_OUT_OF_RANGE);
  unit.operatorWriteProtect = true;
  const write = run(unit, volume, hex("2a200000000700000100"), { dataOut: new Uint8Array(520) });
  assert.equal(triple(write), Sense.WRITE_PROTECTED);
  assert.deepEqual(volume.blocks.steps, []);
  const plain = makeUnit();
  const none = run(plain, new ArrayVolume(plain), hex("28200000000700000300"));
  assert.equal(triple(none), Sense.INVALID_FIELD_IN_CDB, "none is kept");
});

Deno.test("READ CAPACITY(16) and FORMAT UNIT know the type of protection information", () => {
  const types: [ProtectionType, number, string, string][] = [
    [1, 0x01, "049000000000", "00000000"],
    [3, 0x05, "04d000000000", "01000000"],
  ];
  for (const [type, byte, format, header] of types) {
    const { unit, volume } = setUp(type);
    const capacity = run(unit, volume, hex("9e100000000000000000000000200000"));
    assert.equal(capacity.dataIn?.[12], byte);
    assert.equal(triple(run(unit, volume, hex("040000000000"))), Sense.INVALID_FIELD_IN_CDB);
    assert.equal(triple(run(unit, volume, hex(format), { dataOut: hex(header) })), 0);
    const other = hex(header === "00000000" ? "01000000" : "00000000");
    const answer = run(unit, volume, hex(format), { dataOut: other });
    assert.equal(triple(answer), Sense.INVALID_FIELD_IN_PARAMETER_LIST);
  }
});
