import assert from "node:assert/strict";
import { HandlerError, type Volume } from "./mod.ts";
import { sendCommand, TestStorage, testVolume } from "./testing.ts";

/** A volume that can do everything. */
function able(storage = new TestStorage(1 << 20)): Volume {
  return {
    get size() {
      return storage.size;
    },
    blockSize: 512,
    atomicWrite: 4096,
    read: (offset, into) => storage.read(offset, into),
    write: (offset, from) => storage.write(offset, from),
    flush: () => storage.sync(),
    discard: (offset, length) => storage.discard(offset, length),
    extents: (offset, length) => storage.extents(offset, length),
    space: () => Promise.resolve(storage.space()),
    resize: (size) => storage.truncate(size),
  };
}

testVolume("a volume that can do everything", able);
testVolume("a volume that refuses to grow", () => ({
  ...able(),
  size: 1 << 20,
  resize: () => {
    throw new HandlerError("no-space", "no");
  },
}));

/** The checks of `testVolume` for one volume, without `Deno.test`. */
async function failures(volume: Volume): Promise<string[]> {
  const checks: [string, () => unknown][] = [];
  const { test } = Deno;
  const own = (name: string, check: () => unknown) => void checks.push([name, check]);
  Object.defineProperty(Deno, "test", { value: own, configurable: true, writable: true });
  try {
    testVolume("x", () => volume);
  } finally {
    Object.defineProperty(Deno, "test", { value: test, configurable: true, writable: true });
  }
  const failed: string[] = [];
  for (const [name, check] of checks) {
    try {
      await check();
    } catch {
      failed.push(name);
    }
  }
  return failed;
}

const bad: Record<string, [Partial<Volume>, RegExp]> = {
  "promises atomic writes of no whole blocks": [{ atomicWrite: 1000 }, /describes itself/],
  "leaves a gap between its extents": [
    { extents: () => [{ offset: 0, length: 512, mapped: true }] },
    /extents/,
  ],
  "says that what was written has no storage": [
    { extents: (offset, length) => [{ offset, length, mapped: false }] },
    /extents/,
  ],
  "has less than no space": [{ space: () => ({ used: 0, available: -1 }) }, /space/],
  "does not resize": [{ resize: () => {}, size: 1 << 20 }, /changes its size/],
};
for (const [what, [members, message]] of Object.entries(bad)) {
  Deno.test(`testVolume() finds a volume that ${what}`, async () => {
    const volume = Object.defineProperties(able(), Object.getOwnPropertyDescriptors(members));
    assert.match((await failures(volume as Volume)).join(), message);
  });
}

Deno.test("sendCommand() checks what command() returns as a host does", async () => {
  const volume = { ...able(), command: () => ({ dataInLength: 5 }) };
  assert.deepEqual((await sendCommand(volume, [0xc1], { data_in_length: 8 })).dataIn.length, 5);
  await assert.rejects(sendCommand(volume, [0xc1], { data_in_length: 4 }), /5 bytes of data-in/);
  await assert.rejects(sendCommand(able(), [0xc1]), /no command/);
});
