import assert from "node:assert/strict";
import { makeUnit } from "../../../test/scsi/driver.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import { vitalProductData } from "../spc/vpd.ts";

/** Third-party copy descriptors by type. */
function descriptors(block_length: number): Map<number, Uint8Array> {
  const page = vitalProductData(makeUnit({ block_length }), 0x8f) as Uint8Array;
  const found = new Map<number, Uint8Array>();
  let offset = 4;
  while (offset < page.length) {
    const length = readUint16(page, offset + 2);
    assert.equal(length % 4, 0, "a multiple of four");
    found.set(readUint16(page, offset), page.subarray(offset, offset + 4 + length));
    offset += 4 + length;
  }
  assert.equal(offset, page.length);
  return found;
}

Deno.test("Third-party Copy VPD page: descriptors in ascending order, none missing", () => {
  const types = [...descriptors(512).keys()];
  // Mandatory with POPULATE TOKEN and EXTENDED COPY (SPC-4 table 645, SBC-4 4.28.1).
  assert.deepEqual(types, [0x0000, 0x0001, 0x0004, 0x0008, 0x000c, 0x0106, 0x0108, 0x8001]);
});

Deno.test("Third-party Copy VPD page: ROD token limits in blocks agree with those in bytes", () => {
  for (const block_length of [512, 4096]) {
    const found = descriptors(block_length);
    const limits = found.get(0x0000) as Uint8Array;
    const features = (found.get(0x0106) as Uint8Array).subarray(48);
    assert.equal(limits.length, 36);
    assert.equal(readUint16(limits, 10), 64);
    assert.equal(readUint32(limits, 12), 600);
    assert.equal(readUint32(limits, 16), 60);
    assert.equal(readUint64(limits, 20) * block_length, readUint64(features, 8));
    assert.equal(readUint64(limits, 28) * block_length, readUint64(features, 16));
  }
});

Deno.test("Third-party Copy VPD page: commands, descriptors, CSCD IDs, ROD types", () => {
  const found = descriptors(512);
  const commands = found.get(0x0001) as Uint8Array;
  assert.deepEqual([...commands.subarray(4, 5 + commands[4])], [
    14,
    ...[0x83, 4, 0x00, 0x10, 0x11, 0x1c],
    ...[0x84, 6, 0x00, 0x03, 0x04, 0x05, 0x07, 0x08],
  ]);
  const supported = found.get(0x0008) as Uint8Array;
  assert.deepEqual([...supported.subarray(4, 8)], [3, 0x02, 0x0a, 0xe4]);
  const ids = found.get(0x000c) as Uint8Array;
  assert.deepEqual([...ids.subarray(4, 8)], [0, 2, 0xff, 0xff]);
  const types = found.get(0x0108) as Uint8Array;
  assert.equal(readUint16(types, 6), 192);
  const rods = [0, 1, 2].map((index) => {
    const at = 8 + index * 64;
    return [readUint32(types, at), types[at + 4]];
  });
  assert.deepEqual(rods, [[0x800000, 0x03], [0x800001, 0x03], [0xffff0001, 0x02]]);
});
