import assert from "node:assert/strict";
import { blockVectors } from "../../test/scsi/block_vectors.ts";
import { ArrayVolume, hex, makeUnit, run, toHex } from "../../test/scsi/driver.ts";
import { primaryVectors } from "../../test/scsi/primary_vectors.ts";
import type { Expectation, Setup, Vector } from "../../test/scsi/vector.ts";
import type { Answer } from "./answer.ts";
import { readUint32, readUint64 } from "./big_endian.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import { operationCodes } from "./opcodes.ts";
import type { Operation } from "./procedure.ts";
import { reservationCommands } from "./spc/reservation_opcodes.ts";

const vectors: readonly Vector[] = [...primaryVectors, ...blockVectors];

/** Expands "03*512 04" to hexadecimal digits. */
function expand(text: string): string {
  return text.replace(
    /([0-9a-f]{2})\*(\d+)/g,
    (_, byte: string, count: string) => byte.repeat(Number(count)),
  ).replace(/\s/g, "");
}

function prepare(setup: Setup = {}): { unit: LogicalUnit; volume: ArrayVolume } {
  const unit = makeUnit(setup.unit);
  // A volume of terabytes is not filled: such vectors do not touch it.
  const volume = new ArrayVolume(unit.block_count > 2 ** 22 ? makeUnit() : unit);
  for (const [kind, result] of Object.entries(setup.failures ?? {})) {
    volume.failures.set(kind as Operation["kind"], result);
  }
  for (const [offset, bytes] of Object.entries(setup.contents ?? {})) {
    volume.bytes.set(hex(expand(bytes)), Number(offset));
  }
  if (setup.state !== undefined) unit.state = setup.state;
  if (setup.attention !== undefined) unit.attend(setup.attention);
  unit.softwareWriteProtect = setup.softwareWriteProtect ?? false;
  unit.descriptorSense = setup.descriptorSense ?? false;
  if (setup.writeCacheOff === true) unit.writeCacheEnabled = false;
  return { unit, volume };
}

/** Takes sense data apart, in either format, by SPC-4 4.5.2 and 4.5.3. */
function parseSense(sense: Uint8Array): {
  triple: string;
  information: number | undefined;
  field: string | undefined;
  descriptor: boolean;
} {
  const word = (at: number, length: number) => toHex(sense.subarray(at, at + length));
  if (sense[0] === 0x72) {
    assert.equal(sense[7], sense.length - 8, "ADDITIONAL SENSE LENGTH");
    let information: number | undefined;
    let field: string | undefined;
    for (let at = 8; at < sense.length; at += 2 + sense[at + 1]) {
      if (sense[at] === 0x00) information = readUint64(sense, at + 4);
      if (sense[at] === 0x02) field = word(at + 4, 3);
    }
    return { triple: word(1, 3), information, field, descriptor: true };
  }
  assert.equal(sense[0] & 0x7f, 0x70, "RESPONSE CODE");
  assert.equal(sense[7], sense.length - 8, "ADDITIONAL SENSE LENGTH");
  return {
    triple: word(2, 1) + word(12, 2),
    information: (sense[0] & 0x80) === 0 ? undefined : readUint32(sense, 3),
    field: (sense[15] & 0x80) === 0 ? undefined : word(15, 3),
    descriptor: false,
  };
}

function checkSense(answer: Answer, expect: Expectation, setup: Setup): void {
  const expected = expect.sense;
  if (expected === undefined) return assert.equal(answer.sense, undefined);
  assert.ok(answer.sense !== undefined, "sense data");
  const parsed = parseSense(answer.sense);
  assert.equal(parsed.triple, expand(expected));
  assert.equal(parsed.descriptor, setup.descriptorSense === true, "D_SENSE");
  if (expect.field !== undefined) assert.equal(parsed.field, expand(expect.field), "field pointer");
  assert.equal(parsed.information, expect.information, "INFORMATION");
  assert.equal(answer.dataIn, undefined);
}

for (const { row, what, cdb, setup, dataOut, room, expect } of vectors) {
  Deno.test(`${row}: ${what}`, () => {
    const { unit, volume } = prepare(setup);
    const answer = run(unit, volume, hex(cdb), {
      dataOut: dataOut === undefined ? undefined : hex(expand(dataOut)),
      room,
    });
    checkSense(answer, expect, setup ?? {});
    assert.equal(answer.status, expect.status ?? (expect.sense === undefined ? 0x00 : 0x02));
    if (expect.dataIn === "-") assert.equal(answer.dataIn, undefined);
    else if (expect.dataIn !== undefined) {
      assert.equal(toHex(answer.dataIn ?? new Uint8Array(0)), expand(expect.dataIn));
    }
    if (expect.steps !== undefined) assert.deepEqual(volume.steps, expect.steps);
  });
}

Deno.test("vectors cover each row with a good and a bad command", () => {
  for (const { name } of operationCodes) {
    // The target core answers these, and only it: its own tests have them.
    if (reservationCommands.some((row) => row.name === name)) continue;
    const mine = vectors.filter(({ row }) => row === name);
    assert.ok(mine.some(({ expect }) => expect.sense === undefined), `${name}: good`);
    assert.ok(mine.some(({ expect }) => expect.sense !== undefined), `${name}: bad`);
  }
});

Deno.test("vectors have CDBs as long as the table says", () => {
  for (const { row, what, cdb } of vectors) {
    const found = operationCodes.find(({ name }) => name === row);
    assert.equal(hex(cdb).length, found?.cdbLength, `${row}: ${what}`);
  }
});
