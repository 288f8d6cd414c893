import assert from "node:assert/strict";
import { testContext, TestStorage, testVolume } from "lunette/plugin/testing";
import { open } from "./mod.ts";

// What every volume must do. `lunette plugin test` tries the same, and more, in the real sandbox.
testVolume("a disk", () => open(testContext({ memories: { blocks: 1 << 20 } }), { sealed: 0 }));

Deno.test("sealed blocks are not written, and say so", () => {
  const blocks = new TestStorage(8192);
  const volume = open(testContext({ memories: { blocks } }), { sealed: 2 });
  const { signal } = new AbortController();
  const write = (offset: number) =>
    volume.write?.(offset, new Uint8Array(512).fill(1), { signal, fua: false });
  assert.throws(() => write(512), { name: "HandlerError", code: "write-protected", offset: 512 });
  write(1024);
  assert.equal(blocks.bytes.findIndex((byte) => byte !== 0), 1024);
});
