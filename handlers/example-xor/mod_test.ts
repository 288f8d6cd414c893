import assert from "node:assert/strict";
import { testContext, TestStorage, testVolume } from "lunette/plugin/testing";
import { open } from "./mod.ts";

for (const key of [0, 90, 255]) {
  testVolume(`example-xor, key ${key}`, () => {
    return open(testContext({ memories: { blocks: 1 << 20 } }), { key });
  });
}

Deno.test("write() stores every byte XOR the key", async () => {
  const blocks = new TestStorage(8192);
  const volume = open(testContext({ memories: { blocks } }), { key: 0x0f });
  const { signal } = new AbortController();
  await volume.write?.(512, new Uint8Array(512).fill(0xf0), { signal, fua: false });
  assert.ok(blocks.bytes.subarray(512, 1024).every((byte) => byte === 0xff));
  assert.ok(blocks.bytes.subarray(1024).every((byte) => byte === 0));
});
