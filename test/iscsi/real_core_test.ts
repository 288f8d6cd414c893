/** The iSCSI target on the emulated core and the WASM engine: what initiators write, they read. */
import assert from "node:assert/strict";
import { EmulatedTargetCore } from "../../src/fabric/emulated/target_core.ts";
import { MemoryDigests } from "../../src/fabric/iscsi/crc32c.ts";
import type { KeyValue } from "../../src/fabric/iscsi/text.ts";
import { addressOf } from "../../src/sys/mapping.ts";
import { arrayVolume, loadModule, makeDevice } from "../integration/harness.ts";
import { Random } from "../fuzz/iscsi_fuzz.ts";
import { Harness } from "./harness.ts";
import { RawInitiator } from "./raw_initiator.ts";

const module = await loadModule();
const BLOCKS = 4096;

const VARIANTS: [string, KeyValue[]][] = [
  ["without digests", []],
  ["with digests", [["HeaderDigest", "CRC32C"], ["DataDigest", "CRC32C"]]],
  ["with small segments and bursts", [
    ["MaxRecvDataSegmentLength", "1000"],
    ["MaxBurstLength", "4096"],
    ["InitialR2T", "No"],
  ]],
];

for (const [what, keys] of VARIANTS) {
  Deno.test(`two initiators write and read through core and engine ${what}`, () => {
    const volume = arrayVolume(BLOCKS * 512);
    const test = makeDevice(module, volume);
    const core = new EmulatedTargetCore({ addressOf });
    core.add(0, test.transport.ring);
    const digests = new MemoryDigests();
    let digested = 0;
    digests.add(test.engine.buffer, (address, length, seed) => {
      digested += length;
      return test.engine.exports.crc32c(address, length, seed);
    });
    const harness = new Harness({
      target: { port: core },
      iscsi: { crc32c: digests.crc32c },
      device: () => {
        for (let turn = 0; turn < 4; turn++) test.device.turn();
        core.flush();
      },
    });
    const initiators = [1, 2].map((isid) => {
      const initiator = new RawInitiator(harness);
      assert.equal(initiator.login({ isid, keys }).status, 0);
      // Power on: a unit attention.
      initiator.finish(initiator.sendCommand([0, 0, 0, 0, 0, 0]));
      return initiator;
    });
    const random = new Random(7);
    const model = new Uint8Array(BLOCKS * 512);
    for (let step = 0; step < 60; step++) {
      const initiator = random.pick(initiators);
      const blocks = random.below(200) + 1;
      const lba = random.below(BLOCKS - blocks);
      if (random.chance(50)) {
        const data = random.bytes(blocks * 512);
        const immediate = random.pick([0, Math.min(data.length, 4096)]);
        assert.equal(initiator.write(lba, data, immediate, random.pick([512, 3000])).status, 0);
        model.set(data, lba * 512);
      } else {
        const result = initiator.read(lba, blocks);
        assert.equal(result.status, 0);
        assert.deepEqual(result.data, model.subarray(lba * 512, (lba + blocks) * 512));
      }
    }
    assert.equal(digested > 0, what === "with digests");
    assert.equal(initiators[0].read(0, 4, 512).residual, 3 * 512);
    assert.equal(initiators[0].read(0, 1, 4096).residual, -7 * 512);
    assert.equal(harness.target.statistics.internal_errors, 0, harness.log.join("\n"));
    for (const initiator of initiators) initiator.close();
    harness.close();
    test.close();
  });
}
