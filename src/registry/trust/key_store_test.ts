/** Secret keys at rest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RegistryError } from "../artifact_store.ts";
import { verifySignature } from "./ed25519.ts";
import { KeyStore } from "./key_store.ts";
import { checkRotations } from "./rotation.ts";

const PASSPHRASE = "correct horse battery";
const utf8 = new TextEncoder();

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-keys-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isKind(kind: string, pattern: RegExp) {
  return (error: unknown) =>
    error instanceof RegistryError && error.kind === kind && pattern.test(error.message);
}

Deno.test("a key signs after its passphrase alone, and its file is this user's", async () => {
  await withFolder(async (folder) => {
    const store = new KeyStore(join(folder, "keys"));
    const key = await store.make("acme", PASSPHRASE);
    const path = join(folder, "keys", "acme.json");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(join(folder, "keys"))).mode! & 0o777, 0o700);
    const signer = await key.unlock(PASSPHRASE);
    const message = utf8.encode("message");
    assert(await verifySignature(key.key, message, await signer.sign(message)));
    await assert.rejects(() => key.unlock("another one"), isKind("permission", /passphrase/));
    await assert.rejects(() => store.make("acme", PASSPHRASE), isKind("usage", /already/));
    await assert.rejects(
      () => store.make("../x", PASSPHRASE),
      isKind("usage", /cannot be the name/),
    );
    await assert.rejects(() => store.make("other", "short"), isKind("usage", /shorter than 8/));
    await assert.rejects(() => store.read("none"), isKind("not-found", /no key "none"/));
    await Deno.chmod(path, 0o640);
    await assert.rejects(() => store.read("acme"), isKind("permission", /read by others/));
  });
});

Deno.test("nothing in a key's file can be changed without it being noticed", async () => {
  await withFolder(async (folder) => {
    const store = new KeyStore(folder);
    await store.make("acme", PASSPHRASE);
    const other = await store.make("other", PASSPHRASE);
    const path = join(folder, "acme.json");
    const file = JSON.parse(await Deno.readTextFile(path));
    const changes: [Record<string, unknown>, RegExp][] = [
      [{ key: other.key }, /its file was changed/],
      [{ created: "2020-01-01T00:00:00Z" }, /its file was changed/],
      [{ secret: file.secret.replace(/^./, file.secret[0] === "A" ? "B" : "A") }, /was changed/],
    ];
    for (const [change, pattern] of changes) {
      await Deno.writeTextFile(path, JSON.stringify({ ...file, ...change }));
      const key = await store.read("acme");
      await assert.rejects(() => key.unlock(PASSPHRASE), isKind("permission", pattern));
    }
    // What would make a guess cheap, or take all memory, is not even tried.
    for (const cost of [2, 1 << 30, 100_000]) {
      await Deno.writeTextFile(path, JSON.stringify({ ...file, kdf: { ...file.kdf, cost } }));
      await assert.rejects(() => store.read("acme"), isKind("untrusted", /cost/));
    }
    await Deno.writeTextFile(path, JSON.stringify({ ...file, name: "other" }));
    await assert.rejects(() => store.read("acme"), isKind("untrusted", /of key "other"/));
  });
});

Deno.test("a key is replaced by one that it signs for; the old file stays", async () => {
  await withFolder(async (folder) => {
    const store = new KeyStore(folder);
    const old = await store.make("acme", PASSPHRASE);
    const next = await store.rotate(old, await old.unlock(PASSPHRASE), "another passphrase");
    assert.notEqual(next.key, old.key);
    assert.deepEqual(await checkRotations(next.rotations, next.key, "acme"), [old.key, next.key]);
    await next.unlock("another passphrase");
    assert.deepEqual((await store.list()).map(({ name }) => name), ["acme"]);
    assert.equal((await Deno.stat(join(folder, "acme-1.retired.json"))).mode! & 0o777, 0o600);
  });
});
