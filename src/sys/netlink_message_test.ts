import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  encodeAttribute,
  encodeGeneric,
  encodeInteger,
  encodeMessage,
  encodeString,
  integerOf,
  NetlinkFormatError,
  parseAttributes,
  parseGeneric,
  parseMessages,
  stringOf,
} from "./netlink_message.ts";

const hex = (text: string) =>
  Uint8Array.from(text.match(/\w\w/g) ?? [], (pair) => parseInt(pair, 16));

Deno.test("encodeMessage() builds CTRL_CMD_GETFAMILY as the kernel reads it", () => {
  const payload = encodeGeneric(3, 1, [encodeAttribute(2, encodeString("TCM-USER"))]);
  const bytes = encodeMessage({ type: 0x10, flags: 5, sequence: 1, payload });
  assert.deepEqual(
    bytes,
    hex(
      "24000000 1000 0500 01000000 00000000" + // nlmsghdr: 36 bytes, GENL_ID_CTRL, REQUEST|ACK
        "03 01 0000" + // genlmsghdr
        "0d00 0200 54434d2d5553455200 000000", // CTRL_ATTR_FAMILY_NAME, padded
    ),
  );
});

Deno.test("parseMessages() walks several messages and their padding", () => {
  const one = encodeMessage({ type: 7, flags: 0, sequence: 1, payload: new Uint8Array([1, 2, 3]) });
  const two = encodeMessage({ type: 8, flags: 0, sequence: 2, payload: new Uint8Array() });
  const messages = parseMessages(new Uint8Array([...one, ...two]));
  assert.deepEqual(messages.map(({ type, sequence }) => [type, sequence]), [[7, 1], [8, 2]]);
  assert.deepEqual([...messages[0].payload], [1, 2, 3]);
});

Deno.test("parseMessages() takes a last message without its padding", () => {
  const bytes = encodeMessage({ type: 7, flags: 0, sequence: 1, payload: new Uint8Array(1) });
  assert.equal(parseMessages(bytes.subarray(0, 17)).length, 1);
});

Deno.test("parseMessages() refuses lengths that lie", () => {
  for (const length of ["00000000", "0f000000", "15000000", "ffffffff"]) {
    const bytes = hex(`${length} 0000 0000 00000000 00000000 00000000`);
    assert.throws(() => parseMessages(bytes), NetlinkFormatError);
  }
  assert.throws(() => parseMessages(new Uint8Array(3)), NetlinkFormatError);
});

Deno.test("parseAttributes() refuses lengths that lie", () => {
  for (const text of ["0000 0100", "0300 0100", "0900 0100 00000000", "04 00", "ffff 0100"]) {
    assert.throws(() => parseAttributes(hex(text)), NetlinkFormatError);
  }
});

Deno.test("integerOf() and stringOf() refuse wrong sizes and missing ends", () => {
  const attributes = parseAttributes(hex("0600 0100 0102 0000" + "0600 0200 4142 0000"));
  assert.equal(integerOf(attributes, 1, 2), 0x0201);
  assert.throws(() => integerOf(attributes, 1, 4), NetlinkFormatError);
  assert.throws(() => stringOf(attributes, 2), NetlinkFormatError);
  assert.equal(stringOf(attributes, 3), undefined);
});

Deno.test("attributes survive encoding and parsing", () => {
  const attribute = fc.tuple(
    fc.integer({ min: 1, max: 0x3fff }),
    fc.uint8Array({ maxLength: 300 }),
  );
  fc.assert(fc.property(fc.uniqueArray(attribute, { selector: ([type]) => type }), (list) => {
    const payload = encodeGeneric(9, 2, list.map(([type, value]) => encodeAttribute(type, value)));
    const message = parseGeneric(payload);
    assert.deepEqual([message.command, message.version], [9, 2]);
    assert.equal(message.attributes.size, list.length);
    for (const [type, value] of list) {
      assert.deepEqual([...message.attributes.get(type)!], [...value]);
    }
  }));
});

Deno.test("encodeInteger() keeps the sign", () => {
  assert.deepEqual([...encodeInteger(-5, 4)], [0xfb, 0xff, 0xff, 0xff]);
  assert.deepEqual([...encodeInteger(1, 1)], [1]);
});

Deno.test("parsers of hostile bytes end in a value or NetlinkFormatError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        for (const { payload } of parseMessages(bytes)) parseGeneric(payload);
        parseAttributes(bytes);
      } catch (error) {
        assert.ok(error instanceof NetlinkFormatError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
