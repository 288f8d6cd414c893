import { strict as assert } from "node:assert";
import { Errno, type SystemError } from "./error.ts";
import { GenericNetlink, parseFamily } from "./netlink.ts";
import {
  encodeAttribute,
  encodeGeneric,
  encodeInteger,
  encodeString,
  parseGeneric,
} from "./netlink_message.ts";

Deno.test("GenericNetlink resolves a family that every kernel has, and no other", () => {
  const netlink = new GenericNetlink();
  const controller = netlink.resolve("nlctrl");
  assert.equal(controller?.id, 0x10);
  assert.ok(controller?.groups.has("notify"));
  assert.equal(netlink.resolve("no-such-family"), undefined);
  netlink.close();
});

Deno.test("GenericNetlink.request() throws the kernel's answer", () => {
  const netlink = new GenericNetlink();
  const request = () => netlink.request(0x10, encodeGeneric(200, 1, []));
  assert.throws(request, (error: SystemError) => error.errno === Errno.EOPNOTSUPP);
  netlink.close();
});

Deno.test("parseFamily() reads id and groups", () => {
  const group = (name: string, id: number) =>
    encodeAttribute(
      1,
      join(encodeAttribute(1, encodeString(name)), encodeAttribute(2, encodeInteger(id, 4))),
    );
  const payload = encodeGeneric(1, 2, [
    encodeAttribute(1, encodeInteger(31, 2)),
    encodeAttribute(7, join(group("config", 12), group("other", 13))),
  ]);
  const family = parseFamily(parseGeneric(payload));
  assert.equal(family.id, 31);
  assert.deepEqual([...family.groups], [["config", 12], ["other", 13]]);
});

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
