/** Whatever commands run, end or are aborted: slots, tags and buffers come back. */
import assert from "node:assert/strict";
import { SCRATCH_ARENA_LENGTH } from "../../src/engine/memory_plan.ts";
import { INTERNAL_TAG_COUNT } from "../../src/engine/ports.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { TaskFunction } from "../../src/fabric/target_port.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import { operationCodes } from "../../src/scsi/opcodes.ts";
import type { OperationResult } from "../../src/scsi/procedure.ts";
import { arrayVolume, loadModule, makeDevice, putBytes } from "./harness.ts";
import { ManualBackend } from "./manual_backend.ts";

const module = await loadModule();
const SIZE = 4 << 20;
const SEED = Number(Deno.env.get("LUNETTE_FUZZ_SEED") ?? "20261121");
const ROUNDS = 3000;

/** Numbers from 0 to below `limit`, the same for a seed. */
function makeRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

Deno.test(`slots, tags and buffers come back after any commands, seed ${SEED}`, () => {
  const random = makeRandom(SEED);
  let backend: ManualBackend | undefined;
  const rig = makeDevice(module, arrayVolume(SIZE), {
    ring: { tmr_notification: true },
    unit: { removable: true },
    store: { save: (_part, _value, kept) => kept(random(8) > 0) },
    makeBackend: (engine, sink) => backend = new ManualBackend(engine, sink, SIZE),
  });
  const manual = backend as unknown as ManualBackend;
  const open = new Set<RingCommand>();
  rig.transport.ring.attach({ completed: (command) => void open.delete(command) });
  const { ring } = rig.transport;

  const submit = () => {
    const row = operationCodes[random(operationCodes.length)];
    const cdb = Uint8Array.from(row.usage, (mask, index) => {
      if (index === 0) return row.code;
      return random(3) === 0 ? 0 : random(256) & mask & (random(4) === 0 ? 0xff : 0x0f);
    });
    if (row.serviceAction !== undefined) {
      if (row.code === 0x7f) {
        cdb[7] = 0x18;
        cdb[8] = row.serviceAction >> 8;
        cdb[9] = row.serviceAction & 0xff;
      } else cdb[1] = cdb[1] & 0xe0 | row.serviceAction;
    }
    // LBAs and lengths that are mostly on the medium.
    if (row.lba !== undefined) cdb.fill(0, row.lba.offset, row.lba.offset + row.lba.length - 1);
    if (row.length !== undefined) {
      cdb.fill(0, row.length.offset, row.length.offset + row.length.length - 1);
    }
    const out = row.direction === "out" || row.direction === "both" ? random(64) * 512 : 0;
    const command = ring.prepare(cdb, out, row.direction === "in" ? random(64) * 512 : 0);
    if (command === undefined) return;
    putBytes(command.dataOut, new Uint8Array(command.dataOut.length).map(() => random(4)));
    open.add(command);
    ring.submit(command);
    ring.kick();
  };
  const end = () => {
    if (manual.begun.length === 0) return;
    const begun = manual.begun[random(manual.begun.length)];
    const result = random(10) === 0 ? 1 + random(6) : MediaResult.OK;
    manual.end(begun, result, random(2) === 0 ? -1 : begun.offset_bytes);
  };

  for (let round = 0; round < ROUNDS; round++) {
    const action = random(8);
    if (action < 3) submit();
    else if (action < 6) end();
    else if (action === 6 && open.size > 0) {
      ring.notify(TaskFunction.ABORT_TASK, [[...open][random(open.size)]]);
    } else rig.device.unit.state = random(6) === 0 ? "no-medium" : "ready";
    rig.device.turn();
  }
  for (let round = 0; round < 100000 && (open.size > 0 || rig.device.inFlight > 0); round++) {
    if (manual.begun.length > 0) manual.end();
    rig.device.turn();
  }
  assert.equal(open.size, 0, "a command was never answered");
  assert.equal(rig.device.inFlight, 0);
  const whole = rig.engine.allocate(SCRATCH_ARENA_LENGTH);
  assert.notEqual(whole, 0, "a buffer was never given back");
  rig.engine.free(whole, SCRATCH_ARENA_LENGTH);
  // All internal tags are there: as many reads can be under way.
  const results: OperationResult[] = [];
  for (let index = 0; index < INTERNAL_TAG_COUNT; index++) {
    rig.device.perform({ kind: "read", offset_bytes: 0, length_bytes: 512 }, (result) => {
      results.push(result);
    });
  }
  assert.equal(manual.begun.length, INTERNAL_TAG_COUNT);
  while (manual.begun.length > 0) manual.end();
  assert.equal(results.length, INTERNAL_TAG_COUNT);
  rig.close();
});
