import assert from "node:assert/strict";
import { ArrayVolume, hex, makeUnit, run, toHex } from "../../../test/scsi/driver.ts";
import { makeIdentity } from "../identity.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { vitalProductPages } from "./vpd.ts";

const PORT = { relative_target_port: 2, target_port_group: 3 };
const ISCSI_PORT = {
  ...PORT,
  protocol: 5,
  device_name: "iqn.2024-01.example:disk",
  port_name: "iqn.2024-01.example:disk,t,0x0001",
};

function inquiry(unit: LogicalUnit, cdb = "120000ffff00"): Uint8Array {
  return run(unit, new ArrayVolume(unit), hex(cdb)).dataIn as Uint8Array;
}

function page(unit: LogicalUnit, code: number): Uint8Array {
  return inquiry(unit, `1201${code.toString(16).padStart(2, "0")}ffff00`);
}

interface Designator {
  readonly protocol: number;
  readonly piv: boolean;
  readonly codeSet: number;
  readonly association: number;
  readonly type: number;
  readonly value: string;
}

function designators(unit: LogicalUnit): Designator[] {
  const data = page(unit, 0x83);
  const found: Designator[] = [];
  for (let at = 4; at < data.length; at += 4 + data[at + 3]) {
    found.push({
      protocol: data[at] >> 4,
      piv: (data[at + 1] & 0x80) !== 0,
      codeSet: data[at] & 0x0f,
      association: data[at + 1] >> 4 & 0x03,
      type: data[at + 1] & 0x0f,
      value: toHex(data.subarray(at + 4, at + 4 + data[at + 3])),
    });
  }
  return found;
}

Deno.test("standard INQUIRY data follow what the unit is", () => {
  const bits = (unit: LogicalUnit) => {
    const data = inquiry(unit);
    return [data[1] >> 7, data[5] >> 4 & 0x03];
  };
  assert.deepEqual(bits(makeUnit()), [0, 0]);
  assert.deepEqual(bits(makeUnit({ removable: true })), [1, 0]);
  assert.deepEqual(bits(makeUnit({ port: PORT, targetCore: "embedded" })), [0, 3]);
  assert.deepEqual(bits(makeUnit({ port: PORT, targetCore: "kernel" })), [0, 1]);
});

Deno.test("version descriptors name the transport where it is known", () => {
  const versions = (unit: LogicalUnit) => toHex(inquiry(unit).subarray(58, 70));
  assert.equal(versions(makeUnit()), "00a0046004c0060000000000");
  assert.equal(versions(makeUnit({ port: ISCSI_PORT })), "00a00960046004c006000000");
});

Deno.test("every page of vital product data that is listed is there", () => {
  const unit = makeUnit({ port: ISCSI_PORT });
  const list = page(unit, 0x00).subarray(4);
  assert.deepEqual([...list], [...list].sort((a, b) => a - b));
  for (const code of list) {
    const data = page(unit, code);
    assert.equal(data[1], code);
    assert.equal(data[2] << 8 | data[3], data.length - 4);
  }
  for (const { code, supported } of vitalProductPages) {
    assert.equal(list.includes(code), supported === undefined || supported(unit));
  }
});

Deno.test("designators of a unit: NAA, T10 vendor ID, EUI-64, UUID", () => {
  const found = designators(makeUnit());
  assert.deepEqual(
    found.map(({ type, codeSet, association, piv }) => [
      type,
      codeSet,
      association,
      piv,
    ]),
    [[3, 1, 0, false], [1, 2, 0, false], [2, 1, 0, false], [10, 1, 0, false]],
  );
  const [naa, , eui, uuid] = found;
  assert.match(naa.value, /^3[0-9a-f]{15}$/);
  assert.match(eui.value, /^[0-9a-f][26ae][0-9a-f]{14}$/, "locally administered, not a group");
  assert.match(uuid.value, /^1000[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
});

Deno.test("designators are the same after a restart, and of no other unit", () => {
  const seen = new Set<string>();
  for (let index = 0; index < 100; index++) {
    const make = () => designators(makeUnit({ identity: makeIdentity("disk", `${index}`) }));
    assert.deepEqual(make(), make());
    for (const { value } of make()) seen.add(value);
  }
  assert.equal(seen.size, 400);
});

Deno.test("designators of a port: numbers, and names where the transport has them", () => {
  const own = (unit: LogicalUnit) => designators(unit).filter(({ association }) => association > 0);
  assert.deepEqual(
    own(makeUnit({ port: PORT })).map(({ type, value, piv }) => [type, value, piv]),
    [
      [4, "00000002", false],
      [5, "00000003", false],
    ],
  );
  const iscsi = own(makeUnit({ port: ISCSI_PORT }));
  assert.deepEqual(iscsi.map(({ type, association }) => [type, association]), [
    [4, 1],
    [5, 1],
    [8, 1],
    [8, 2],
  ]);
  for (const { protocol, piv } of iscsi) assert.deepEqual([protocol, piv], [5, true]);
  for (const { value } of iscsi.slice(2)) {
    assert.match(value, /00$/, "ended by a NUL");
    assert.equal(value.length % 8, 0, "padded to a multiple of four");
  }
  const text = new TextDecoder().decode(hex(iscsi[2].value)).replaceAll("\0", "");
  assert.equal(text, ISCSI_PORT.port_name);
});

Deno.test("Extended INQUIRY Data and Mode Page Policy", () => {
  const ordered = page(makeUnit({ orderedTasks: true }), 0x86);
  assert.equal(toHex(ordered.subarray(0, 14)), "0086003c000701" + "000000000000" + "60");
  assert.equal(ordered.length, 64);
  const simple = page(makeUnit(), 0x86);
  assert.equal(simple[5], 0x01);
  assert.equal(toHex(page(makeUnit(), 0x87)), "00870004" + "3fff0000");
});

Deno.test("protection information is told of where the volume keeps it", () => {
  const features = { writable: true, discard: true, writeZeroes: true, writeCache: true };
  const told = (protection: 0 | 1 | 3) => {
    const unit = makeUnit({ features: { ...features, protection } });
    const control = run(unit, new ArrayVolume(unit), hex("1a080a00ff00")).dataIn as Uint8Array;
    return [inquiry(unit)[5] & 0x01, page(unit, 0x86)[4], control[4 + 5]];
  };
  assert.deepEqual(told(0), [0, 0x00, 0x00]);
  assert.deepEqual(told(1), [1, 0x05, 0x80]);
  assert.deepEqual(told(3), [1, 0x24, 0x80]);
});
