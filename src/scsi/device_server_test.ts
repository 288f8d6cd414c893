import assert from "node:assert/strict";
import fc from "fast-check";
import { decode } from "../../test/decode.ts";
import { ArrayVolume, drive, hex, makeUnit, run, toHex } from "../../test/scsi/driver.ts";
import { type Answer, Status } from "./answer.ts";
import { readField } from "./big_endian.ts";
import { execute, refusal } from "./device_server.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import { MediaResult } from "./media.ts";
import { operationCodes } from "./opcodes.ts";
import type { Operation } from "./procedure.ts";
import { Sense } from "./sense.ts";
import { findRow, supports } from "./table.ts";

const TEST_UNIT_READY = hex("000000000000");
const READ_10 = hex("28000000000000000100");

function tripleOf(answer: Answer): number {
  const sense = answer.sense ?? new Uint8Array(18);
  return (sense[2] & 0x0f) << 16 | sense[12] << 8 | sense[13];
}

Deno.test("refusal() of an operation code that is not there", () => {
  const known = new Set(operationCodes.map(({ code }) => code));
  for (let code = 0; code < 256; code++) {
    if (known.has(code)) continue;
    const answer = run(makeUnit(), new ArrayVolume(makeUnit()), Uint8Array.of(code));
    assert.equal(tripleOf(answer), Sense.INVALID_OPERATION_CODE, code.toString(16));
  }
});

Deno.test("refusal() of a service action that is not there points at it", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  for (const [cdb, pointer] of [["9e1f", "cc0001"], ["a31f", "cc0001"]]) {
    const answer = run(unit, volume, hex(cdb));
    assert.equal(tripleOf(answer), Sense.INVALID_FIELD_IN_CDB);
    assert.equal(toHex((answer.sense as Uint8Array).subarray(15)), pointer);
  }
  const answer = run(unit, volume, hex("7f000000000000187fff"));
  assert.equal(toHex((answer.sense as Uint8Array).subarray(15)), "c00008");
});

Deno.test("refusal() of a variable length CDB of another length", () => {
  const unit = makeUnit();
  const cdb = hex("7f00000000000019 0009 0000".replaceAll(" ", ""));
  const answer = run(unit, new ArrayVolume(unit), cdb);
  assert.equal(tripleOf(answer), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(toHex((answer.sense as Uint8Array).subarray(15)), "c00007");
});

Deno.test("refusal() keeps the order: unsupported, attention, not ready, field, range", () => {
  const unit = makeUnit({
    features: { writable: false, discard: true, writeZeroes: true, writeCache: true },
  });
  const volume = new ArrayVolume(unit);
  unit.state = "no-medium";
  unit.attend(Sense.CAPACITY_DATA_CHANGED);
  const badWrite = hex("2a20ffffffff00000100");
  assert.equal(tripleOf(run(unit, volume, hex("c1"))), Sense.INVALID_OPERATION_CODE);
  assert.equal(tripleOf(run(unit, volume, badWrite)), Sense.CAPACITY_DATA_CHANGED);
  assert.equal(tripleOf(run(unit, volume, badWrite)), Sense.MEDIUM_NOT_PRESENT);
  unit.state = "ready";
  assert.equal(tripleOf(run(unit, volume, badWrite)), Sense.MEDIUM_MAY_HAVE_CHANGED);
  assert.equal(tripleOf(run(unit, volume, badWrite)), Sense.INVALID_FIELD_IN_CDB);
  const dataOut = new Uint8Array(512);
  const outside = hex("2a00ffffffff00000100");
  assert.equal(tripleOf(run(unit, volume, outside, { dataOut })), Sense.WRITE_PROTECTED);
  assert.equal(tripleOf(run(unit, volume, hex("2800ffffffff00000100"))), Sense.LBA_OUT_OF_RANGE);
});

Deno.test("a unit attention is reported once, and not by INQUIRY, REPORT LUNS", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  unit.attend(Sense.RESET_OCCURRED);
  for (const cdb of ["120000002400", "a00000000000000000100000"]) {
    assert.equal(run(unit, volume, hex(cdb)).status, Status.GOOD);
  }
  assert.equal(tripleOf(run(unit, volume, TEST_UNIT_READY)), Sense.RESET_OCCURRED);
  assert.equal(run(unit, volume, TEST_UNIT_READY).status, Status.GOOD);
});

Deno.test("REQUEST SENSE takes a unit attention", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  unit.attend(Sense.CAPACITY_DATA_CHANGED);
  const { status, dataIn } = run(unit, volume, hex("030000001200"));
  assert.equal(status, Status.GOOD);
  assert.equal(tripleOf({ status, sense: dataIn }), Sense.CAPACITY_DATA_CHANGED);
  assert.equal(run(unit, volume, TEST_UNIT_READY).status, Status.GOOD);
});

Deno.test("without medium media commands fail and the others answer", () => {
  const answers = ["REQUEST SENSE", "INQUIRY", "REPORT LUNS", "MODE SENSE(6)", "MODE SENSE(10)"];
  for (const row of operationCodes) {
    const unit = makeUnit({ port: { relative_target_port: 1, target_port_group: 0 } });
    unit.state = "no-medium";
    const cdb = new Uint8Array(row.cdbLength);
    cdb[0] = row.code;
    if (row.code === 0x7f) cdb.set([0x18, 0, row.serviceAction ?? 0], 7);
    else cdb[1] = row.serviceAction ?? 0;
    if (row.name.startsWith("MODE SENSE")) cdb[2] = 0x3f;
    const answer = run(unit, new ArrayVolume(unit), cdb);
    if (answers.includes(row.name)) assert.equal(answer.status, Status.GOOD, row.name);
    if (!supports(unit, row)) continue;
    if (row.lba !== undefined || /UNMAP|CAPACITY|TEST UNIT/.test(row.name)) {
      assert.equal(tripleOf(answer), Sense.MEDIUM_NOT_PRESENT, row.name);
    }
  }
});

/** Byte 1 bit 4, or byte 8 of a variable length CDB. */
function pointsAtServiceAction({ sense }: Answer): boolean {
  return ["cc0001", "c00008"].includes(toHex((sense ?? new Uint8Array(0)).subarray(15)));
}

Deno.test("REPORT SUPPORTED OPERATION CODES lists what is answered, and only that", () => {
  for (const discard of [true, false]) {
    const unit = makeUnit({
      features: { writable: true, discard, writeZeroes: true, writeCache: true },
    });
    for (const [timeouts, length] of [[0x00, 8], [0x80, 20]]) {
      const cdb = Uint8Array.of(0xa3, 0x0c, timeouts, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0);
      const data = run(unit, new ArrayVolume(unit), cdb).dataIn as Uint8Array;
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      assert.equal(view.getUint32(0), data.length - 4);
      const listed = new Set<string>();
      for (let at = 4; at < data.length; at += length) {
        const hasAction = (data[at + 5] & 0x01) !== 0;
        assert.equal((data[at + 5] & 0x02) !== 0, timeouts !== 0, "CTDP");
        if (timeouts !== 0) assert.equal(view.getUint16(at + 8), 10);
        const row = findRow(data[at], view.getUint16(at + 2));
        assert.equal(row?.serviceAction !== undefined, hasAction);
        assert.equal(view.getUint16(at + 6), row?.cdbLength);
        listed.add(row?.name ?? "");
      }
      for (const row of operationCodes) {
        const cdb = new Uint8Array(row.cdbLength);
        cdb[0] = row.code;
        if (row.code === 0x7f) cdb.set([0x18, 0, row.serviceAction ?? 0], 7);
        else cdb[1] = row.serviceAction ?? 0;
        const answer = run(unit, new ArrayVolume(unit), cdb);
        const missing = tripleOf(answer) === Sense.INVALID_OPERATION_CODE ||
          row.serviceAction !== undefined && pointsAtServiceAction(answer);
        assert.equal(listed.has(row.name), !missing, row.name);
      }
    }
  }
});

Deno.test("CDB usage data: a bit that is not evaluated changes no answer", () => {
  for (const row of operationCodes) {
    const base = Uint8Array.from(row.usage, (byte, index) => index === 0 ? byte : 0);
    if (row.code === 0x7f) base.set(row.usage.slice(7, 10), 7);
    else base[1] = row.serviceAction ?? 0;
    if (row.name.startsWith("MODE SENSE")) base[2] = 0x3f;
    if (row.length !== undefined) base[row.length.offset + row.length.length - 1] = 1;
    if (row.allocation !== undefined && row.direction === "in") {
      base[row.allocation.offset + row.allocation.length - 1] = 0xff;
    }
    const answerOf = (cdb: Uint8Array) => {
      const unit = makeUnit({ port: { relative_target_port: 1, target_port_group: 0 } });
      const dataOut = new Uint8Array(row.name === "COMPARE AND WRITE" ? 1024 : 512);
      return run(unit, new ArrayVolume(unit), cdb, { dataOut });
    };
    const expected = answerOf(base);
    for (let bit = 8; bit < row.cdbLength * 8; bit++) {
      const [index, mask] = [bit >> 3, 0x80 >> (bit & 7)];
      // The value bytes of the service action and of the additional length are not masks.
      const isValue = row.code === 0x7f ? index >= 7 && index <= 9 : false;
      if ((row.usage[index] & mask) !== 0 || isValue) continue;
      if (row.serviceAction !== undefined && index === 1 && row.code !== 0x7f) continue;
      // Obsolete bits, zero in the usage data, that are refused all the same: CMDDT, PBDATA, LBDATA
      if (row.name === "INQUIRY" && index === 1 && mask === 0x02) continue;
      // And reserved ones, so that no medium is emptied by a CDB that is not understood.
      if (row.name.startsWith("SANITIZE")) continue;
      if (row.commandClass === "WRITE_SAME" && index === row.refused[0].offset && mask < 0x08) {
        continue;
      }
      const cdb = base.slice();
      cdb[index] |= mask;
      assert.deepEqual(answerOf(cdb), expected, `${row.name}, byte ${index}, bit ${mask}`);
    }
  }
});

/** An answer that an initiator can understand (SAM-6 5.3). */
function assertLegal(answer: Answer, cdb: Uint8Array): void {
  const { GOOD, CHECK_CONDITION, CONDITION_MET } = Status;
  const known: number[] = [GOOD, CHECK_CONDITION, CONDITION_MET];
  assert.ok(known.includes(answer.status), `status ${answer.status}`);
  assert.equal(answer.status === CHECK_CONDITION, answer.sense !== undefined);
  if (answer.sense !== undefined) {
    assert.equal(answer.dataIn, undefined);
    assert.ok(answer.sense.length >= 8 && answer.sense.length <= 96);
    // Also of what was answered before it had failed.
    const responseCode = answer.sense[0] & 0x7f;
    assert.ok(responseCode >= 0x70 && responseCode <= 0x73);
    assert.equal(answer.sense[7], answer.sense.length - 8);
    const key = responseCode >= 0x72 ? answer.sense[1] : answer.sense[2] & 0x0f;
    assert.ok(key !== 0 && key < 0x0f);
  }
  const serviceAction = cdb[0] === 0x7f ? cdb[8] << 8 | cdb[9] : cdb[1] & 0x1f;
  const row = findRow(cdb[0], serviceAction);
  if (answer.dataIn !== undefined && row?.allocation !== undefined) {
    assert.ok(answer.dataIn.length <= readField(cdb, row.allocation), "allocation length");
  }
}

/** CDBs of the table with random fields, small and large numbers, and CDBs of nothing at all. */
function arbitraryCdb(): fc.Arbitrary<Uint8Array> {
  const byte = fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    fc.integer({ min: 0, max: 8 }),
    fc.integer({ min: 0, max: 255 }),
  );
  const ofTable = fc.tuple(
    fc.constantFrom(...operationCodes),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.array(byte, { minLength: 32, maxLength: 32 }),
  ).map(([row, wild, tame]) => {
    const cdb = Uint8Array.from(wild[0] < 64 ? wild : tame).subarray(0, row.cdbLength);
    cdb[0] = row.code;
    if (row.code === 0x7f) cdb.set([0x18, 0, row.serviceAction ?? 0], 7);
    else if (row.serviceAction !== undefined) cdb[1] = cdb[1] & 0xe0 | row.serviceAction;
    return cdb;
  });
  return fc.oneof(
    { weight: 4, arbitrary: ofTable },
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
  );
}

function arbitraryUnit(): fc.Arbitrary<LogicalUnit> {
  return fc.record({
    writable: fc.boolean(),
    discard: fc.boolean(),
    writeZeroes: fc.boolean(),
    writeCache: fc.boolean(),
    large: fc.boolean(),
    block_count: fc.integer({ min: 1, max: 64 }),
    state: fc.constantFrom("ready", "ready", "ready", "no-medium", "becoming-ready" as const),
    descriptorSense: fc.boolean(),
    attention: fc.boolean(),
  }).map((draw) => {
    const unit = makeUnit({
      block_length: draw.large ? 4096 : 512,
      block_count: draw.block_count,
      features: draw,
    });
    unit.state = draw.state as LogicalUnit["state"];
    unit.descriptorSense = draw.descriptorSense;
    if (draw.attention) unit.attend(Sense.RESET_OCCURRED);
    return unit;
  });
}

Deno.test("any CDB and any data-out end in a legal answer", () => {
  fc.assert(
    fc.property(
      arbitraryUnit(),
      arbitraryCdb(),
      fc.uint8Array({ maxLength: 6000, size: "max" }),
      fc.option(fc.constantFrom(...Object.values(MediaResult))),
      fc.constantFrom<Operation["kind"]>("read", "write", "flush", "discard", "write-zeroes"),
      (unit, cdb, dataOut, failure, kind) => {
        const volume = new ArrayVolume(unit);
        if (failure !== null && failure !== MediaResult.OK) volume.failures.set(kind, failure);
        const whole = new Uint8Array(64);
        whole.set(cdb);
        for (let repeat = 0; repeat < 2; repeat++) {
          // The driver asserts that each step is whole blocks inside of the volume.
          assertLegal(run(unit, volume, cdb, { dataOut }), whole);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("execute() alone refuses what refusal() would have caught", () => {
  // A record may be decoded against a capacity that is gone when the command's turn comes.
  const unit = makeUnit();
  const command = decode(READ_10, {
    block_length: 512,
    block_count: 64,
    writeProtected: false,
    ready: true,
    buffer_length: 512,
  });
  const moved = { ...command, lba: 1000, offset_bytes: 512000 };
  const answer = execute(unit, moved);
  assert.ok("status" in answer);
  assert.equal(tripleOf(answer), Sense.LBA_OUT_OF_RANGE);
  assert.equal(refusal(unit, command), undefined);
  const result = execute(unit, command);
  assert.ok("next" in result);
  const { dataIn } = drive(unit, new ArrayVolume(unit), result, new Uint8Array(0));
  assert.deepEqual(dataIn, new Uint8Array(512));
});
