/** A buffer that an initiator reads holds nothing but valid data or zeros, whatever the command. */
import assert from "node:assert/strict";
import { COMMAND_STATUS_OFFSET } from "../../src/abi/media.ts";
import type { ClaimedCommand } from "../../src/scsi/logical_unit.ts";
import { bytesOf } from "./harness.ts";
import { makeManualRig } from "./manual_rig.ts";

const ROOM = 4096;

const commands: readonly (readonly [string, readonly number[]])[] = [
  ["READ(10) of no block", [0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["READ(10) of one block", [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]],
  ["TEST UNIT READY", [0, 0, 0, 0, 0, 0]],
  ["SYNCHRONIZE CACHE(10)", [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["PREVENT ALLOW MEDIUM REMOVAL", [0x1e, 0, 0, 0, 0, 0]],
  ["INQUIRY with an allocation length of 0", [0x12, 0, 0, 0, 0, 0]],
];

for (const [name, cdb] of commands) {
  Deno.test(`${name} shows nothing of what was in the data area`, () => {
    const rig = makeManualRig();
    const command = rig.submit(cdb, undefined, ROOM);
    rig.drain();
    assert.deepEqual([command.status, rig.ended.length], [0, 1]);
    assert.ok(bytesOf(command.dataIn, ROOM).every((byte) => byte === 0));
    rig.close();
  });
}

Deno.test("nor does a claimed command that ends in BUSY", () => {
  const claim: ClaimedCommand = {
    code: 0xc0,
    name: "BUSY",
    cdb_length: 6,
    direction: "in",
    replay: false,
  };
  const rig = makeManualRig({ claims: [claim] });
  const command = rig.submit([0xc0, 0, 0, 0, 0, 0], undefined, ROOM);
  const [begun] = rig.backend.begun;
  const exchange = rig.engine.words[begun.iov_address >>> 2];
  rig.engine.words[(exchange + COMMAND_STATUS_OFFSET) >>> 2] = 0x08;
  rig.drain();
  assert.equal(command.status, 0x08);
  assert.ok(bytesOf(command.dataIn, ROOM).every((byte) => byte === 0));
  rig.close();
});
