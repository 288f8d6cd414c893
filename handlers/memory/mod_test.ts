import assert from "node:assert/strict";
import { testContext, TestStorage, testVolume } from "lunette/plugin/testing";
import { open } from "./mod.ts";

for (const blockSize of [512, 4096]) {
  testVolume(`memory, blocks of ${blockSize}`, () => {
    return open(testContext({ memories: { blocks: 1 << 20 } }), { blockSize });
  });
}

Deno.test("discard() and writeZeroes() give memory back", async () => {
  const blocks = new TestStorage(1 << 16);
  const volume = open(testContext({ memories: { blocks } }), { blockSize: 512 });
  const { signal } = new AbortController();
  await volume.discard?.(0, 4096, { signal });
  await volume.writeZeroes?.(4096, 4096, { signal, fua: false, unmap: false });
  assert.equal(blocks.discards, 2);
});

Deno.test("open() says that the content is volatile", () => {
  const volume = open(testContext({ memories: { blocks: 512 } }), { blockSize: 512 });
  assert.equal(volume.volatile, true);
});
