import { strict as assert } from "node:assert";
import {
  populateTokenList,
  tokenCommand,
  writeUsingTokenList,
  zeroToken,
} from "./parameter_lists.ts";

const hex = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

Deno.test("populateTokenList() has its descriptors from byte 16 on", () => {
  assert.equal(
    hex(populateTokenList([{ lba: 1, blocks: 16 }])),
    "00 1e 00 00 00 00 00 00 00 00 00 00 00 00 00 10 " +
      "00 00 00 00 00 00 00 01 00 00 00 10 00 00 00 00",
  );
});

Deno.test("writeUsingTokenList() leaves 512 bytes for the token", () => {
  const { head, tail } = writeUsingTokenList([{ lba: 4096, blocks: 2048 }]);
  assert.equal(head.length + 512 + tail.length, 552);
  assert.equal(hex(head.subarray(0, 4)), "02 26 00 00");
  assert.equal(
    hex(tail),
    "00 00 00 00 00 00 00 10 00 00 00 00 00 00 10 00 00 00 08 00 00 00 00 00",
  );
});

Deno.test("zeroToken() names its type and length", () => {
  assert.equal(hex(zeroToken().subarray(0, 8)), "ff ff 00 01 00 00 01 f8");
});

Deno.test("tokenCommand() is a CDB of 16 bytes", () => {
  assert.equal(tokenCommand(0x10, 0x101, 32), "83 10 00 00 00 00 00 00 01 01 00 00 00 20 00 00");
});
