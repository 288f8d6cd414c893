/** What is told of the medium: VPD pages, capacity, defects, and caches that are flushed later. */
import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple, toHex } from "../../../test/scsi/driver.ts";
import { Status } from "../answer.ts";
import type { LogicalUnitDescription, UnitFeatures } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import { Sense } from "../sense.ts";
import {
  blockDeviceCharacteristics,
  blockLimits,
  blockLimitsExtension,
  logicalBlockProvisioning,
} from "./vpd.ts";

const PLAIN: UnitFeatures = {
  writable: true,
  discard: false,
  writeZeroes: false,
  writeCache: false,
};

/** Block Limits of a unit; offsets as in the standard. */
function limits(description: Partial<LogicalUnitDescription>): (offset: number) => number {
  const content = blockLimits(makeUnit(description));
  const view = new DataView(content.buffer);
  return (offset) => offset === 6 ? view.getUint16(offset - 4) : view.getUint32(offset - 4);
}

Deno.test("Block Limits counts in blocks: 512, 4096, 512e", () => {
  const variants: [Partial<LogicalUnitDescription>, readonly number[]][] = [
    [{ block_length: 512 }, [1, 8192, 2048, 8]],
    [{ block_length: 4096 }, [1, 1024, 256, 1]],
    [{ block_length: 512, physical_block_exponent: 3 }, [8, 8192, 2048, 8]],
    [{ block_length: 512, physical_block_exponent: 5 }, [32, 8192, 2048, 32]],
  ];
  for (const [description, expected] of variants) {
    const at = limits(description);
    // OPTIMAL TRANSFER LENGTH GRANULARITY, MAXIMUM and OPTIMAL TRANSFER LENGTH, UNMAP GRANULARITY.
    assert.deepEqual([6, 8, 12, 28].map(at), expected);
    assert.equal(at(32), 0x80000000, "UGAVALID, UNMAP GRANULARITY ALIGNMENT 0");
    // A unit's optimum is whole granules.
    assert.equal(at(12) % at(6), 0);
    assert.equal(at(28) % at(6), 0);
  }
  const plain = limits({ features: PLAIN });
  assert.deepEqual([20, 24, 28, 32].map(plain), [0, 0, 0, 0], "no UNMAP");
});

Deno.test("Block Device Characteristics: what can be read after BLOCK ERASE, FUAB, VBULS", () => {
  const page = (features: UnitFeatures) =>
    toHex(blockDeviceCharacteristics(makeUnit({ features })).subarray(0, 8));
  assert.equal(page(PLAIN), "0001000002000000");
  assert.equal(page({ ...PLAIN, discard: true, writeCache: true }), "0001004001000000");
});

Deno.test("Logical Block Provisioning: thin, zeros, thresholds where storage can be measured", () => {
  const page = (features: UnitFeatures) => toHex(logicalBlockProvisioning(makeUnit({ features })));
  assert.equal(page(PLAIN), "00000000");
  assert.equal(page({ ...PLAIN, discard: true }), "00e40200");
  assert.notEqual(page({ ...PLAIN, discard: true, space: true }).slice(0, 2), "00");
  assert.ok(blockLimitsExtension().every((byte) => byte === 0));
});

Deno.test("READ CAPACITY takes an address with PMI alone, and one that is there", () => {
  const unit = makeUnit({ physical_block_exponent: 3 });
  const volume = new ArrayVolume(unit);
  const ask = (cdb: string) => {
    const { dataIn, sense } = run(unit, volume, hex(cdb));
    return dataIn === undefined ? senseTriple(sense as Uint8Array) : toHex(dataIn.subarray(0, 8));
  };
  assert.equal(ask("25000000000000000000"), "0000003f00000200");
  assert.equal(ask("25000000003f00000100"), "0000003f00000200");
  assert.equal(ask("25000000004000000100"), Sense.LBA_OUT_OF_RANGE);
  assert.equal(ask("25000000000100000000"), Sense.INVALID_FIELD_IN_CDB);
  assert.equal(ask("9e100000000000000000000000200000"), "000000000000003f");
  assert.equal(ask("9e10000000000000003f000000200100"), "000000000000003f");
  assert.equal(ask("9e10000000000000004000000020 0100".replace(" ", "")), Sense.LBA_OUT_OF_RANGE);
  assert.equal(ask("9e100000000000000001000000200000"), Sense.INVALID_FIELD_IN_CDB);
});

Deno.test("READ DEFECT DATA: empty lists in the format that was asked for", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  for (let format = 0; format < 8; format++) {
    for (const lists of [0x00, 0x08, 0x10, 0x18]) {
      const flags = lists | format;
      const ten = run(unit, volume, Uint8Array.of(0x37, 0, flags, 0, 0, 0, 0, 0, 0xff, 0));
      const twelve = run(
        unit,
        volume,
        Uint8Array.of(0xb7, flags, 0, 0, 0, 9, 0, 0, 0, 0xff, 0, 0),
      );
      if (format > 5) {
        for (const { sense } of [ten, twelve]) {
          assert.equal(senseTriple(sense as Uint8Array), Sense.INVALID_FIELD_IN_CDB);
        }
        continue;
      }
      assert.deepEqual([...(ten.dataIn ?? [])], [0, flags, 0, 0]);
      assert.deepEqual([...(twelve.dataIn ?? [])], [0, flags, 0, 0, 0, 0, 0, 0]);
    }
  }
});

Deno.test("SYNCHRONIZE CACHE with IMMED is answered first; its failure is a deferred error", () => {
  for (const cdb of ["35020000000000000000", "91020000000000000000000000000000"]) {
    const unit = makeUnit();
    const volume = new ArrayVolume(unit);
    assert.equal(run(unit, volume, hex(cdb)).status, Status.GOOD);
    assert.deepEqual(volume.steps, ["flush"]);
    assert.equal(unit.deferredSense, 0);
    volume.failures.set("flush", MediaResult.MEDIUM_ERROR);
    assert.equal(run(unit, volume, hex(cdb)).status, Status.GOOD);
    assert.equal(unit.deferredSense, Sense.WRITE_ERROR);
  }
});

Deno.test("PRE-FETCH promises nothing: GOOD, not CONDITION MET, and no LBA beyond the end", () => {
  const unit = makeUnit();
  const volume = new ArrayVolume(unit);
  for (const immediate of ["00", "02"]) {
    assert.equal(run(unit, volume, hex(`34${immediate}0000000000004000`)).status, Status.GOOD);
    const beyond = run(unit, volume, hex(`34${immediate}0000000100004000`));
    assert.equal(senseTriple(beyond.sense as Uint8Array), Sense.LBA_OUT_OF_RANGE);
  }
  assert.deepEqual(volume.steps, []);
});
