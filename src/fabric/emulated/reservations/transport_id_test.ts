import assert from "node:assert/strict";
import { decodeTransportId, encodeTransportId, portsOf } from "./transport_id.ts";

const PORT = "iqn.2026-01.example:a,i,0x00023d000001";

Deno.test("a port's TransportID is format 01b, null-terminated and padded (SPC-4 7.6.4.6)", () => {
  const bytes = encodeTransportId(PORT);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x45, 0, 0, 40]);
  assert.equal(bytes.length, 44);
  assert.equal(new TextDecoder().decode(bytes.subarray(4, 42)), PORT);
  assert.deepEqual([...bytes.subarray(42)], [0, 0]);
  assert.deepEqual(decodeTransportId(bytes, 0, bytes.length), {
    initiator_port: PORT,
    device: "iqn.2026-01.example:a",
    length: 44,
  });
});

Deno.test("a name without an ISID is format 00b, at least 20 bytes", () => {
  const bytes = encodeTransportId("eui.1");
  assert.deepEqual([bytes.length, bytes[0], bytes[3]], [24, 5, 20]);
  const id = decodeTransportId(bytes, 0, 24)!;
  assert.deepEqual([id.initiator_port, id.device], [undefined, "eui.1"]);
});

Deno.test("an ISID is compared as a number: case and leading zeros do not count", () => {
  const bytes = encodeTransportId("iqn.a,i,0x23D00000A");
  assert.equal(decodeTransportId(bytes, 0, bytes.length)!.initiator_port, "iqn.a,i,0x00023d00000a");
});

Deno.test("malformed TransportIDs are refused", () => {
  const good = encodeTransportId(PORT);
  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return decodeTransportId(bytes, 0, bytes.length);
  };
  assert.equal(changed(0, 0x46), undefined, "another protocol");
  assert.equal(changed(0, 0x85), undefined, "another format");
  assert.equal(changed(3, 41), undefined, "no multiple of 4");
  assert.equal(changed(3, 16), undefined, "too short");
  assert.equal(changed(3, 44), undefined, "beyond the list");
  assert.equal(changed(4, 0), undefined, "no name");
  assert.equal(changed(5, 0xff), undefined, "not UTF-8");
  assert.equal(changed(30, 0x78), undefined, "no ISID");
  assert.equal(decodeTransportId(good, 0, good.length - 1), undefined, "cut");
  assert.equal(decodeTransportId(good, 0, 3), undefined);
  const long = encodeTransportId(`iqn.${"a".repeat(240)},i,0x1`);
  assert.equal(decodeTransportId(long, 0, long.length), undefined, "longer than names are");
  // Its ISID has twelve digits once it is kept, and it could not be read again.
  const grows = encodeTransportId(`iqn.${"a".repeat(224)},i,0x1`);
  assert.equal(decodeTransportId(grows, 0, grows.length), undefined, "longer once it is kept");
});

Deno.test("a device stands for its ports that are known", () => {
  const known = ["iqn.a,i,0x1", "iqn.a,i,0x2", "iqn.ab,i,0x3", "iqn.a", "iqn.a,i,0x1"];
  const device = { initiator_port: undefined, device: "iqn.a", length: 24 };
  assert.deepEqual(portsOf(device, known), ["iqn.a,i,0x1", "iqn.a,i,0x2", "iqn.a"]);
  assert.deepEqual(portsOf({ ...device, initiator_port: "iqn.b,i,0x9" }, known), ["iqn.b,i,0x9"]);
});
