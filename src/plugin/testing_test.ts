import assert from "node:assert/strict";
import { HandlerError, type Volume } from "./mod.ts";
import {
  sendCommand,
  testContext,
  testEcho,
  TestState,
  TestStorage,
  testVolume,
} from "./testing.ts";

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

Deno.test("testContext() stands in for HTTP servers", async () => {
  const context = testContext({
    https: {
      image: async (request) => {
        const { method, url, headers } = request;
        return new Response(`${method} ${url} ${headers.get("range")} ${await request.text()}`);
      },
      broken: () => {
        throw new TypeError("no");
      },
    },
  });
  const response = await context.http("image").fetch({
    url: "https://example.org/x",
    method: "PUT",
    headers: { range: "bytes=0-1" },
    body: new TextEncoder().encode("body"),
  });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "PUT https://example.org/x bytes=0-1 body");
  const failing = context.http("broken").fetch("https://example.org/");
  await assert.rejects(failing, { name: "CapabilityError", code: "unreachable" });
  await assert.rejects(context.http("image").fetch("file:///etc/passwd"), { code: "invalid" });
  assert.throws(() => context.http("other"), /not granted/);
});

Deno.test("testContext() stands in for a TCP address and a store", async () => {
  const state = new TestState(16);
  const context = testContext({ tcps: { upstream: testEcho() }, states: { notes: state } });
  const connection = await context.tcp("upstream").connect();
  await connection.write(Uint8Array.of(1, 2, 3));
  const into = new Uint8Array(2);
  assert.equal(await connection.read(into), 2);
  assert.equal(await connection.read(into), 1);
  await connection.close();
  assert.equal(await connection.read(into), null);

  const notes = context.state("notes");
  await notes.set("a", Uint8Array.of(1));
  assert.deepEqual(await notes.get("a"), Uint8Array.of(1));
  await assert.rejects(notes.set("b", new Uint8Array(16)), { code: "no-space" });
  assert.deepEqual(await notes.list(), ["a"]);
  assert.equal(await notes.delete("a"), true);
  assert.equal(state.values.size, 0);
});
