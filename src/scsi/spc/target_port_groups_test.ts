import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, senseTriple, toHex } from "../../../test/scsi/driver.ts";
import type { LogicalUnit } from "../logical_unit.ts";

const PORT = { relative_target_port: 1, target_port_group: 0x1234 };

function alua(): LogicalUnit {
  return makeUnit({ port: PORT, targetCore: "embedded" });
}

function report(unit: LogicalUnit, format = "0a"): string {
  const { dataIn } = run(unit, new ArrayVolume(unit), hex(`a3${format}00000000000000ff0000`));
  return toHex(dataIn as Uint8Array);
}

/** The triple and field pointer of the failure; "" if there is none. */
function set(unit: LogicalUnit, list: string, length = list.length / 2): string {
  const cdb = hex("a40a00000000000000000000");
  cdb[8] = length >>> 8;
  cdb[9] = length;
  const { sense } = run(unit, new ArrayVolume(unit), cdb, { dataOut: hex(list) });
  return sense === undefined
    ? ""
    : `${senseTriple(sense).toString(16)} ${toHex(sense.subarray(15))}`;
}

Deno.test("SET TARGET PORT GROUPS changes the state, tells the others and says who did", () => {
  const unit = alua();
  const told: unknown[] = [];
  unit.attentionListener = (sense, scope) => told.push([sense, scope]);
  assert.equal(report(unit), "0000000c" + "800f1234" + "00000001" + "00000001");
  assert.equal(set(unit, "00000000" + "01001234"), "");
  assert.equal(report(unit), "0000000c" + "810f1234" + "00010001" + "00000001");
  assert.equal(report(unit, "2a"), "00000010" + "10000000" + "810f1234" + "00010001" + "00000001");
  assert.deepEqual(told, [[0x062a06, "others"]]);
  assert.equal(set(unit, "00000000" + "01001234"), "");
  assert.equal(told.length, 1, "no change");
  assert.equal(set(unit, "00000000" + "03001234"), "");
  assert.equal(set(unit, "00000000" + "00001234"), "", "there is a way back");
  assert.equal(unit.hot, true);
});

Deno.test("SET TARGET PORT GROUPS changes nothing where one descriptor is wrong", () => {
  const unit = alua();
  assert.equal(set(unit, "00000000" + "01001234" + "0e001234"), "52600 8b0008");
  assert.equal(set(unit, "00000000" + "01001234" + "01000001"), "52600 80000a");
  assert.equal(set(unit, "00000000" + "0100"), "52400 c00006");
  assert.equal(set(unit, "0000"), "52400 c00006");
  assert.equal(set(unit, "00000000", 8), "51a00 000000", "less was sent than announced");
  assert.equal(unit.accessState, 0);
  assert.equal(set(unit, ""), "");
});

Deno.test("SET TARGET PORT GROUPS is not there on a kernel's ring, nor without a port", () => {
  for (const unit of [makeUnit(), makeUnit({ port: PORT, targetCore: "kernel" })]) {
    assert.equal(set(unit, "00000000" + "01001234").slice(0, 5), "52000");
  }
});
