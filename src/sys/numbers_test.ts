import assert from "node:assert/strict";
import { closeDescriptor } from "./descriptor.ts";
import { FileCalls, FileError } from "./file.ts";
import { errno, libc } from "./libc.ts";
import { makeMemfd } from "./mapping.ts";

Deno.test("i64() carries offsets above 2^32, also after the call was compiled", () => {
  const fd = makeMemfd("numbers", 2 ** 40);
  const calls = new FileCalls(libc, errno);
  const into = new Uint8Array(8);
  try {
    for (let turn = 0; turn < 20_000; turn++) {
      const offset = 2 ** 32 * (1 + turn % 200) + 8 * turn;
      const from = new Uint8Array(new Float64Array([offset]).buffer);
      if (turn % 100 !== 0) {
        calls.read(fd, offset, into);
        continue;
      }
      calls.write(fd, offset, from);
      calls.read(fd, offset, into);
      assert.deepEqual(into, from);
      calls.read(fd, offset % 2 ** 32, into);
      assert.deepEqual(into, new Uint8Array(8), "nothing at the low half of the offset");
    }
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("FileCalls says what kind of failure it was", () => {
  const fd = makeMemfd("numbers", 4096);
  const calls = new FileCalls(libc, errno);
  try {
    const kind = (act: () => void) => {
      try {
        act();
      } catch (error) {
        return error instanceof FileError ? error.kind : error;
      }
    };
    // The memfd is sealed against growing.
    assert.equal(kind(() => calls.write(fd, 4096, new Uint8Array(1))), "read-only");
    assert.equal(kind(() => calls.read(-1, 0, new Uint8Array(1))), "read-only");
    assert.equal(kind(() => calls.punchHole(fd, 0, 0)), "invalid");
    assert.equal(calls.read(fd, 4000, new Uint8Array(512)), 96, "up to the end");
  } finally {
    closeDescriptor(fd);
  }
});
