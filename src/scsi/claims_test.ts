import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple, toHex } from "../../test/scsi/driver.ts";
import { decode } from "../../test/decode.ts";
import { type Answer, Status } from "./answer.ts";
import { claimedCommand, claimOf } from "./claims.ts";
import { CLAIMED_DATA_LENGTH_MAX_BYTES } from "./limits.ts";
import type { ClaimedCommand, LogicalUnit, LogicalUnitDescription } from "./logical_unit.ts";
import { MediaResult } from "./media.ts";
import type { CommandOutcome, RunCommand } from "./procedure.ts";
import { Sense } from "./sense.ts";

const NOTHING = new Uint8Array(0);
const GOOD: CommandOutcome = { status: 0x00, sense: NOTHING, dataIn: NOTHING };

function claim(values: Partial<ClaimedCommand>): ClaimedCommand {
  return {
    code: 0xc1,
    name: "VENDOR",
    cdb_length: 10,
    direction: "none",
    replay: false,
    ...values,
  };
}

function unitWith(
  claims: readonly ClaimedCommand[],
  more: Partial<LogicalUnitDescription> = {},
): LogicalUnit {
  const features = { writable: true, discard: true, writeZeroes: true, writeCache: true, claims };
  return makeUnit({ features, ...more });
}

function answerWith(
  unit: LogicalUnit,
  cdb: string,
  outcome: CommandOutcome,
): { answer: Answer; given: RunCommand[] } {
  const volume = new ArrayVolume(unit);
  const given: RunCommand[] = [];
  volume.command = (operation) => {
    given.push(operation);
    return outcome;
  };
  return { answer: run(unit, volume, hex(cdb), { room: 16 }), given };
}

Deno.test("a claimed command goes to the handler with its CDB", () => {
  const unit = unitWith([claim({})]);
  const { answer, given } = answerWith(unit, "c1010203040506070800", GOOD);
  assert.equal(answer.status, Status.GOOD);
  assert.equal(toHex(given[0].cdb), "c1010203040506070800");
  assert.deepEqual([given[0].dataOut.length, given[0].data_in_length, given[0].replay], [
    0,
    0,
    false,
  ]);
  assert.equal(answerWith(unit, "c2000000000000000000", GOOD).given.length, 0);
});

Deno.test("a claim with a service action is of that one only, also where the table has it", () => {
  const unit = unitWith([claim({ code: 0xa3, serviceAction: 0x0c, cdb_length: 12 })]);
  assert.equal(answerWith(unit, "a30c00000000000000ff0000", GOOD).given.length, 1);
  assert.equal(answerWith(unit, "a30d00000000000000ff0000", GOOD).given.length, 0);
  const variable = unitWith([claim({ code: 0x7f, serviceAction: 0xf123, cdb_length: 32 })]);
  const cdb = `7f000000000000 18 f123`.replaceAll(" ", "") + "00".repeat(22);
  assert.equal(answerWith(variable, cdb, GOOD).given.length, 1);
  assert.equal(answerWith(variable, cdb.replace("18f1", "14f1"), GOOD).given.length, 0);
});

Deno.test("data-in of a claimed command is cut to the buffer and has a residual", () => {
  const unit = unitWith([claim({ direction: "in" })]);
  const outcome = { ...GOOD, dataIn: new Uint8Array(5).fill(7) };
  const { answer, given } = answerWith(unit, "c1000000000000000000", outcome);
  assert.equal(given[0].data_in_length, 16);
  assert.equal(toHex(answer.dataIn as Uint8Array), "0707070707");
  const long = { ...GOOD, dataIn: new Uint8Array(50).fill(7) };
  assert.equal(answerWith(unit, "c1000000000000000000", long).answer.dataIn?.length, 16);
});

Deno.test("data-in of a claimed command is its own, and no longer than its room", () => {
  const unit = unitWith([claim({ direction: "in" })]);
  const command = decode(hex("c1000000000000000000"), {
    block_length: 512,
    block_count: 64,
    writeProtected: false,
    ready: true,
    buffer_length: 3,
  });
  const procedure = claimedCommand(unit, command, claimOf(unit, command) as ClaimedCommand);
  procedure.next();
  const dataIn = new Uint8Array(8).fill(7);
  const bytes = NOTHING;
  const { value } = procedure.next({ result: 0, bytes, command: { ...GOOD, dataIn } });
  dataIn.fill(0xee);
  assert.ok("status" in value);
  assert.equal(toHex(value.dataIn as Uint8Array), "070707");
});

Deno.test("data-out of a claimed command is given whole, or the command is refused", () => {
  const unit = unitWith([claim({ direction: "both" })]);
  const state = {
    block_length: 512,
    block_count: 64,
    writeProtected: false,
    ready: true,
    buffer_length: 4,
  };
  const command = { ...decode(hex("c1000000000000000000"), state), bidi_length: 9 };
  const procedure = claimedCommand(unit, command, claimOf(unit, command) as ClaimedCommand);
  assert.deepEqual(procedure.next().value, { kind: "data-out", offset: 0, length: 4 });
  const { value } = procedure.next({ result: MediaResult.OK, bytes: hex("01020304") });
  assert.ok("kind" in value && value.kind === "command");
  assert.equal(toHex(value.dataOut), "01020304");
  assert.equal(value.data_in_length, 9);
  const large = { ...command, buffer_length: CLAIMED_DATA_LENGTH_MAX_BYTES + 1 };
  const refused = claimedCommand(unit, large, claimOf(unit, large) as ClaimedCommand).next();
  assert.ok(refused.done === true && refused.value.status === Status.CHECK_CONDITION);
});

Deno.test("status and sense of a claimed command are checked", () => {
  const unit = unitWith([claim({})]);
  const end = (outcome: Partial<CommandOutcome>) => {
    const { answer } = answerWith(unit, "c1000000000000000000", { ...GOOD, ...outcome });
    const { status, sense } = answer;
    return sense === undefined ? [status] : [status, senseTriple(sense)];
  };
  assert.deepEqual(end({ status: Status.RESERVATION_CONFLICT }), [0x18]);
  assert.deepEqual(end({ status: 0x99 }), [0x02, Sense.INTERNAL_TARGET_FAILURE]);
  assert.deepEqual(end({ status: 0x02 }), [0x02, Sense.INTERNAL_TARGET_FAILURE]);
  assert.deepEqual(end({ status: 0x02, sense: hex("0000030000000000") }), [0x02, 0x044400]);
  assert.deepEqual(end({ status: 0x02, sense: hex("7203110000000000") }), [0x02, 0x031100]);
  assert.deepEqual(end({ sense: hex("7203110000000000") }), [0x00], "GOOD has no sense");
});

Deno.test("a claimed command whose handler has ended fails and says so", () => {
  const unit = unitWith([claim({})]);
  const volume = new ArrayVolume(unit);
  volume.failures.set("command", MediaResult.LOST);
  const { sense } = run(unit, volume, hex("c1000000000000000000"));
  assert.equal(senseTriple(sense as Uint8Array), Sense.LOGICAL_UNIT_COMMUNICATION_FAILURE);
});

Deno.test("what stands against a claimed command: state, attention, NACA, write protection", () => {
  const triple = (unit: LogicalUnit, cdb = "c1000000000000000000") => {
    const { answer, given } = answerWith(unit, cdb, GOOD);
    return given.length > 0 ? "given" : senseTriple(answer.sense as Uint8Array);
  };
  const unit = unitWith([claim({ direction: "out" })]);
  unit.state = "becoming-ready";
  assert.equal(triple(unit), Sense.NOT_READY_BECOMING_READY);
  unit.state = "ready";
  unit.attend(Sense.RESET_OCCURRED);
  assert.equal(triple(unit), Sense.RESET_OCCURRED);
  assert.equal(triple(unit, "c1000000000000000004"), Sense.INVALID_FIELD_IN_CDB);
  unit.operatorWriteProtect = true;
  assert.equal(triple(unit), Sense.WRITE_PROTECTED);
  const reading = unitWith([claim({ direction: "in" })], { writeProtected: true });
  assert.equal(triple(reading), "given");
});
