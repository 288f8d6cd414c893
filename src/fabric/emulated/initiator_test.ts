import assert from "node:assert/strict";
import { TaskFunction } from "../target_port.ts";
import { CoreRig } from "./core_rig.ts";
import { Initiator, senseCode } from "./initiator.ts";
import { descriptorSense, fixedSense, senseLength } from "./sense.ts";

const READ_10 = new Uint8Array([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]);

Deno.test("senseCode() reads both formats of sense data", () => {
  assert.equal(senseCode(fixedSense(0x0b4e00)), 0x0b4e00);
  assert.equal(senseCode(descriptorSense(0x062a09)), 0x062a09);
  assert.equal(senseCode(new Uint8Array(0)), 0);
});

Deno.test("senseLength() is what the sense data say, and 0 for none", () => {
  assert.equal(senseLength(fixedSense(0x020400)), 18);
  assert.equal(senseLength(descriptorSense(0x020400)), 8);
  assert.equal(senseLength(new Uint8Array(96)), 0);
});

Deno.test("Initiator.execute() throws for a command that was aborted", () => {
  const rig = new CoreRig();
  rig.add(0);
  let turns = 0;
  const initiator: Initiator = new Initiator(rig.core, () => {
    if (turns++ === 2) initiator.manage(TaskFunction.ABORT_TASK_SET, 0);
    rig.pump();
  });
  initiator.clearAttentions(0);
  turns = 2;
  assert.throws(() => initiator.execute(0, READ_10, undefined, 512), /aborted/);
});

Deno.test("Initiator.close() leaves nothing behind", () => {
  const rig = new CoreRig();
  const unit = rig.add(0);
  const initiator = new Initiator(rig.core, rig.pump);
  initiator.clearAttentions(0);
  const command = initiator.start(0, READ_10, undefined, 512);
  initiator.close();
  rig.pump();
  assert.deepEqual([command.result, unit.ring.blocks_used, rig.core.nexuses.size], [
    undefined,
    0,
    0,
  ]);
});
