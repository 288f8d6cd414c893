import assert from "node:assert/strict";
import { testContext, TestStorage, testVolume } from "lunette/plugin/testing";
import { open } from "./mod.ts";

const { signal } = new AbortController();

function opened(file: TestStorage, blockSize = 512) {
  return open(testContext({ files: { path: file } }), { blockSize, direct: false });
}

for (const blockSize of [512, 4096]) {
  testVolume(`file, blocks of ${blockSize}`, () => opened(new TestStorage(1 << 20), blockSize));
}

Deno.test("open() serves whole blocks of the file, and names it as its backing", () => {
  const file = new TestStorage(10_000);
  assert.equal(opened(file).size, 9728);
  assert.equal(opened(file, 4096).size, 8192);
  assert.equal(opened(file).backing, file);
});

Deno.test("flush(), and a write or writeZeroes with FUA, sync the file", async () => {
  const file = new TestStorage(8192);
  const volume = opened(file);
  await volume.write?.(0, new Uint8Array(512), { signal, fua: false });
  assert.equal(file.syncs, 0);
  await volume.write?.(0, new Uint8Array(512), { signal, fua: true });
  await volume.writeZeroes?.(0, 512, { signal, fua: true, unmap: false });
  await volume.flush?.({ signal });
  assert.equal(file.syncs, 3);
});

Deno.test("writeZeroes() punches holes only where storage may be given back", async () => {
  const file = new TestStorage(8192);
  const volume = opened(file);
  await volume.writeZeroes?.(0, 512, { signal, fua: false, unmap: false });
  assert.equal(file.discards, 0);
  await volume.writeZeroes?.(0, 512, { signal, fua: false, unmap: true });
  await volume.discard?.(0, 512, { signal });
  assert.equal(file.discards, 2);
});
