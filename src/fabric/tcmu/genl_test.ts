import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  encodeAttribute,
  encodeGeneric,
  encodeInteger,
  encodeMessage,
  encodeString,
  NetlinkFormatError,
} from "../../sys/netlink_message.ts";
import { encodeFeatures, encodeReply, parseEvents } from "./genl.ts";

const FAMILY = 0x21;

function event(command: number, attributes: Uint8Array[]): Uint8Array {
  const payload = encodeGeneric(command, 2, attributes);
  return encodeMessage({ type: FAMILY, flags: 0, sequence: 0, payload });
}

const device = [
  encodeAttribute(1, encodeString("tcm-user/1000/disk/lunette/disk")),
  encodeAttribute(2, encodeInteger(3, 4)),
  encodeAttribute(8, encodeInteger(17, 4)),
];

Deno.test("parseEvents() reads added, removed and reconfigured devices", () => {
  for (const [command, kind] of [[1, "added"], [2, "removed"], [3, "reconfigured"]] as const) {
    const [parsed] = parseEvents(event(command, device), FAMILY);
    assert.equal(parsed.kind, kind);
    assert.equal(parsed.name, "tcm-user/1000/disk/lunette/disk");
    assert.equal(parsed.minor, 3);
    assert.equal(parsed.device_id, 17);
  }
});

Deno.test("parseEvents() reads what is to change", () => {
  const size = new Uint8Array(new BigUint64Array([1n << 40n]).buffer);
  const changes: [Uint8Array, object][] = [
    [encodeAttribute(5, size), { size_bytes: 2 ** 40 }],
    [encodeAttribute(4, encodeString("lunette/new")), { config: "lunette/new" }],
    [encodeAttribute(6, new Uint8Array([1])), { writeCache: true }],
  ];
  for (const [attribute, expected] of changes) {
    const [{ change }] = parseEvents(event(3, [...device, attribute]), FAMILY);
    assert.deepEqual(JSON.parse(JSON.stringify(change)), expected);
  }
});

Deno.test("parseEvents() takes events without an id, and passes over other messages", () => {
  const [old] = parseEvents(event(1, device.slice(0, 2)), FAMILY);
  assert.equal(old.device_id, undefined);
  assert.deepEqual(parseEvents(event(7, device), FAMILY), []);
  assert.deepEqual(parseEvents(event(1, device), FAMILY + 1), []);
});

Deno.test("parseEvents() refuses an event without a device", () => {
  assert.throws(() => parseEvents(event(1, []), FAMILY), NetlinkFormatError);
});

Deno.test("encodeReply() answers each kind with its own command", () => {
  for (const [kind, command] of [["added", 4], ["removed", 5], ["reconfigured", 6]] as const) {
    const payload = encodeReply(kind, 17, -5);
    assert.deepEqual([...payload], [
      ...[command, 2, 0, 0],
      ...[8, 0, 7, 0, 0xfb, 0xff, 0xff, 0xff],
      ...[8, 0, 8, 0, 17, 0, 0, 0],
    ]);
  }
});

Deno.test("encodeReply() never sends a positive status", () => {
  for (const status of [1, 5, NaN, -5000, 0.5]) {
    assert.throws(() => encodeReply("added", 1, status), /assertion/);
  }
});

Deno.test("encodeFeatures() turns replies on and off", () => {
  assert.deepEqual([...encodeFeatures(true)], [7, 2, 0, 0, 5, 0, 9, 0, 1, 0, 0, 0]);
  assert.deepEqual([...encodeFeatures(false)], [7, 2, 0, 0, 5, 0, 9, 0, 0, 0, 0, 0]);
});

Deno.test("parseEvents() of damaged messages ends in events or NetlinkFormatError", () => {
  const whole = event(3, [...device, encodeAttribute(4, encodeString("lunette/x"))]);
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, length) => {
      const bytes = whole.slice(0, length);
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      try {
        parseEvents(bytes, FAMILY);
      } catch (error) {
        assert.ok(error instanceof NetlinkFormatError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
