import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StateCapability } from "../plugin/mod.ts";
import { removeStates } from "./broker.ts";
import { BrokerRig } from "./broker_double.ts";
import { memoryFile, type StateFile, stateFile, StateStore } from "./state_store.ts";

const capabilities = { notes: { kind: "state", maxBytes: 200_000 } } as const;

function rig(state_folder?: string, lun = "unit"): BrokerRig {
  return new BrokerRig(capabilities, { state_folder, lun });
}

function notes(broker: BrokerRig): StateCapability {
  const found = broker.guest().states.get("notes");
  assert.ok(found !== undefined);
  return found;
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(join(folder, "values"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("values are kept, changed, deleted and listed", async () => {
  await using broker = rig();
  const state = notes(broker);
  assert.equal(await state.get("a"), undefined);
  await state.set("a", Uint8Array.of(1, 2));
  await state.set("b", new Uint8Array());
  await state.set("a", Uint8Array.of(3));
  assert.deepEqual(await state.get("a"), Uint8Array.of(3));
  assert.deepEqual(await state.get("b"), new Uint8Array());
  assert.deepEqual(await state.list(), ["a", "b"]);
  assert.equal(await state.delete("a"), true);
  assert.equal(await state.delete("a"), false);
  assert.deepEqual(await state.list(), ["b"]);
});

Deno.test("keys are texts, whatever they look like", async () => {
  await withFolder(async (folder) => {
    const keys = ["__proto__", "constructor", "../../etc/passwd", "a\0b", '"', "\u2028", "é", "🦊"];
    keys.push("/", ".", "..", " ", "x".repeat(256));
    {
      await using broker = rig(folder);
      const state = notes(broker);
      for (const [index, key] of keys.entries()) await state.set(key, Uint8Array.of(index));
    }
    await using broker = rig(folder);
    const state = notes(broker);
    for (const [index, key] of keys.entries()) {
      assert.deepEqual(await state.get(key), Uint8Array.of(index), key);
    }
    assert.deepEqual(await state.list(), keys.toSorted());
    assert.deepEqual(await state.list("__"), ["__proto__"]);
    // One file, with a name that no key has a part in.
    const files = [...Deno.readDirSync(join(folder, "unit"))].map(({ name }) => name);
    assert.deepEqual(files, ["notes.json"]);
    for (const key of ["", "x".repeat(257), "é".repeat(129), "\ud800"]) {
      await assert.rejects(state.set(key, Uint8Array.of(1)), { code: "invalid" });
    }
  });
});

Deno.test("what was answered is there in the next daemon, and goes with its unit alone", async () => {
  await withFolder(async (folder) => {
    for (const lun of ["one", "two"]) {
      await using broker = rig(folder, lun);
      const state = notes(broker);
      await state.set("name", new TextEncoder().encode(lun));
    }
    await removeStates(folder, "one");
    await removeStates(folder, "never-was");
    await using one = rig(folder, "one");
    assert.deepEqual(await notes(one).list(), []);
    await using two = rig(folder, "two");
    assert.deepEqual(await notes(two).get("name"), new TextEncoder().encode("two"));
  });
});

/** Starts the writer, kills it in the midst, and returns the last number that it was sure of. */
async function writeUntilKilled(path: string, after_ms: number): Promise<number> {
  const script = fileURLToPath(new URL("./state_writer_double.ts", import.meta.url));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", script, path],
    stdout: "piped",
  });
  const child = command.spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    // From the first number on: a start takes how long it takes.
    if (text === "") setTimeout(() => child.kill("SIGKILL"), after_ms);
    text += decoder.decode(bytes);
  }
  await child.status;
  return Number(text.split("\n").at(-2));
}

Deno.test("what was acknowledged survives SIGKILL of the daemon, and nothing is half there", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "unit", "notes.json");
    for (const after_ms of [3, 17, 40, 61]) {
      const sure = await writeUntilKilled(path, after_ms);
      const store = new StateStore(stateFile(path));
      const values = await Promise.all(["count", "copy"].map((key) => store.get(key)));
      const [count, copy] = values.map((value) => Number(new TextDecoder().decode(value)));
      assert.ok(count >= sure, `${count} is there, and ${sure} was acknowledged`);
      assert.equal(copy, count, "what was changed together is there together");
    }
  });
});

Deno.test("a store has an end, and what did not fit changes nothing", async () => {
  await using broker = rig();
  const state = notes(broker);
  const value = new Uint8Array(65536);
  for (const key of ["a", "b", "c"]) await state.set(key, value);
  await assert.rejects(state.set("d", value), { code: "no-space" });
  await assert.rejects(state.set("d", new Uint8Array(65537)), { code: "too-large" });
  assert.deepEqual(await state.list(), ["a", "b", "c"]);
  await state.delete("a");
  await state.set("d", value);
  // A value that becomes smaller fits always.
  await state.set("d", new Uint8Array(1));
});

Deno.test("many keys are listed in parts", async () => {
  await using broker = rig();
  const state = notes(broker);
  const keys = Array.from({ length: 3000 }, (_, index) => `key-${String(index).padStart(5, "0")}`);
  await Promise.all(keys.map((key) => state.set(key, Uint8Array.of(1))));
  assert.deepEqual(await state.list("key-"), keys);
});

Deno.test("changes that come together are written together, in order", async () => {
  const texts: string[] = [];
  const file: StateFile = {
    read: () => Promise.resolve(undefined),
    async write(text) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      texts.push(text);
    },
  };
  const store = new StateStore(file);
  const sets = Array.from({ length: 100 }, (_, index) => store.set("a", Uint8Array.of(index)));
  const removed = store.delete("a");
  await Promise.all(sets);
  assert.equal(await removed, true);
  assert.ok(texts.length <= 2, `${texts.length} writings`);
  assert.equal(await store.get("a"), undefined);
});

Deno.test("a store is not written all the time", async () => {
  const store = new StateStore(memoryFile());
  const began_ms = performance.now();
  for (let turn = 0; turn < 20; turn++) await store.set("a", Uint8Array.of(turn));
  const took_ms = performance.now() - began_ms;
  assert.ok(took_ms >= 19 * 5, `20 changes, one after the other, took ${took_ms} ms`);
});

Deno.test("a value is not there before it is durable, and not where writing failed", async () => {
  const kept = memoryFile();
  let broken = true;
  const store = new StateStore({
    read: kept.read,
    write: (text) => broken ? Promise.reject(new Error("the disk is full")) : kept.write(text),
  });
  const failing = assert.rejects(store.set("a", Uint8Array.of(1)), {
    code: "failed",
    message: /the disk is full/,
  });
  assert.equal(await store.get("a"), undefined);
  await failing;
  assert.equal(await store.get("a"), undefined);
  broken = false;
  await store.set("b", Uint8Array.of(2));
  assert.deepEqual(await new StateStore(kept).list("", ""), ["b"]);
});

for (const text of ["", "{", "[]", '{"format":"other","entries":[]}', '{"entries":[["a"]]}']) {
  Deno.test(`a damaged file is an error, and is not written over: ${text}`, async () => {
    let written = 0;
    const store = new StateStore({
      read: () => Promise.resolve(text),
      write: () => Promise.resolve(void written++),
    });
    await assert.rejects(store.get("a"), { code: "failed", message: /cannot be read/ });
    await assert.rejects(store.set("a", Uint8Array.of(1)), { code: "failed" });
    assert.equal(written, 0);
  });
}

Deno.test("settle() waits for what is being written", async () => {
  const gate = Promise.withResolvers<void>();
  let done = false;
  const file = memoryFile();
  const store = new StateStore({
    read: file.read,
    async write(text) {
      await gate.promise;
      await file.write(text);
      done = true;
    },
  });
  const setting = store.set("a", Uint8Array.of(1));
  setTimeout(() => gate.resolve(), 20);
  // It has begun with the read of the file.
  await store.settle();
  assert.ok(done);
  await setting;
});

Deno.test("revoke() refuses a store", async () => {
  await using broker = rig();
  const state = notes(broker);
  await state.set("a", Uint8Array.of(1));
  broker.broker.revoke("notes");
  await assert.rejects(state.get("a"), { code: "revoked" });
  await assert.rejects(state.set("a", Uint8Array.of(2)), { code: "revoked" });
});

Deno.test("a store with all the keys it can have answers as fast as another", async () => {
  const store = new StateStore(memoryFile(), 1 << 20);
  const keys = Array.from({ length: 16_384 }, (_, at) => `k${at}`);
  await Promise.all(keys.map((key) => store.set(key, new Uint8Array())));
  assert.equal((await store.list("k163", "")).length, 95);
  const elapsed_ms = async (work: () => Promise<unknown>) => {
    await work();
    const began_ms = performance.now();
    for (let count = 0; count < 50; count++) await work();
    return (performance.now() - began_ms) / 50;
  };
  // Sorting or copying so many takes milliseconds, of the thread that does all of the daemon.
  assert.ok(await elapsed_ms(() => store.list("", "zzz")) < 0.5);
  const refused = () =>
    assert.rejects(store.set("one more", new Uint8Array()), { code: "no-space" });
  assert.ok(await elapsed_ms(refused) < 0.5);
});
