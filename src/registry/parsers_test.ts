/**
 * Properties of the parsers of what is signed, remembered or installed: whatever comes, they refuse it
 * in words, or what they return is what its type says.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isRepository, isTag } from "./oci/name.ts";
import { RegistryError } from "./artifact_store.ts";
import { compareVersions } from "./install/version_order.ts";
import { isOneEditAway, lookalikesOf } from "./install/lookalike.ts";
import { Lockfile } from "./install/lockfile.ts";
import { inFolder } from "./oci/store_double.ts";
import { isPackageId, publisherOf, repositoryOf } from "./package.ts";
import type { Index } from "./signed_index.ts";
import { generateKey, isPublicKey } from "./trust/ed25519.ts";
import { canonicalJson, fromBase64url, toBase64url } from "./trust/encoding.ts";
import { PayloadType, seal, unseal } from "./trust/envelope.ts";
import { Fields, isVersion } from "./trust/fields.ts";
import { fingerprintOf, matchesFingerprint } from "./trust/fingerprint.ts";
import { readIndex, writeIndex } from "./trust/index_document.ts";
import { readKeyFile, writeKeyFile } from "./trust/key_file.ts";
import { rotate } from "./trust/rotation.ts";
import { TrustStore } from "./trust/trust_store.ts";

const { signer, secret } = await generateKey();
const { signer: old_signer } = await generateKey();
const utf8 = (text: string) => new TextEncoder().encode(text);
const digest = `sha256:${"a".repeat(64)}` as const;
const rotation = await rotate(old_signer, signer);
const revocation = {
  what: "digest" as const,
  value: digest,
  reason: "it lost data",
  revoked: "2026-01-02T00:00:00Z",
};
const capabilities = { disk: { kind: "file" as const, access: "read-only" as const } };

/** With all that an index may hold. */
const INDEX: Index = {
  type: "lunette.index.v1",
  name: "example",
  version: 7,
  issued: "2026-01-01T00:00:00Z",
  expires: "2026-02-01T00:00:00Z",
  packages: [{
    id: "acme.disk",
    publisher: "acme",
    description: "A disk",
    device_type: "disk",
    versions: [{
      version: "1.0.0",
      digest,
      size_bytes: 1000,
      published: "2026-01-01T00:00:00Z",
      capabilities,
      api_version: 1,
    }],
    readme: "# Disk",
  }],
  publishers: [{ name: "acme", key: signer.key, rotations: [rotation] }],
  revocations: [revocation],
};

/** What may be put in the place of anything. */
const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    -1,
    0.5,
    1e300,
    2 ** 53,
    "",
    [],
    {},
    true,
    "..",
    "../../etc/passwd",
    "acme.disk/../x",
    "Acme.disk",
    "\u0430cme.disk",
    "acme.disk\n",
    "1.0.0+x",
    "1.0.0-..",
    "\u001b[2J\u202e",
    "__proto__",
    "constructor",
    `sha256:${"A".repeat(64)}`,
    "9999-99-99T99:99:99Z",
    "2026-01-01T00:00:00+00:00",
    "A".repeat(43),
    "x".repeat(100_000),
  ),
  fc.jsonValue(),
);

interface Change {
  /** Which member of which, from the outside inwards. */
  readonly at: readonly number[];
  readonly how: string;
  readonly name: string;
  readonly value: unknown;
}

/** A value with one part of it replaced, removed, doubled, or joined by one of a name at random. */
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.array(fc.nat(20), { maxLength: 8 }),
  how: fc.constantFrom("replace", "remove", "double", "join"),
  name: fc.constantFrom("__proto__", "constructor", "toString", "id", "key", "x\u202e"),
  value: hostile,
});

function changed(value: unknown, { at, how, name, value: other }: Change): unknown {
  const [first, ...rest] = at;
  const inside = typeof value === "object" && value !== null;
  if (first === undefined || !inside) return other;
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > 0) {
    const index = first % entries.length;
    const [key, member] = entries[index];
    if (rest.length > 0) {
      entries[index] = [key, changed(member, { at: rest, how, name, value: other })];
    } else if (how === "remove") entries.splice(index, 1);
    else if (how === "double") entries.push([`${entries.length}`, member]);
    else if (how === "join") entries.push([name, other]);
    else entries[index] = [key, other];
  }
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}

/** What a parser returns; undefined where it refuses in words. */
async function attempt<T>(parse: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await parse();
  } catch (error) {
    assert.ok(error instanceof RegistryError, String(error instanceof Error ? error.stack : error));
    assert.ok(error.message.length < 1000, error.message.slice(0, 2000));
    return undefined;
  }
}

/** All that others rely on. */
function checkIndex(index: Index): void {
  for (const { id, publisher, versions, description } of index.packages) {
    assert.ok(isPackageId(id) && isRepository(repositoryOf(id)));
    assert.equal(publisher, publisherOf(id));
    assert.doesNotMatch(description, /[\p{Cc}\p{Cf}]/u);
    for (const { version, digest, published } of versions) {
      assert.ok(isVersion(version) && isTag(version));
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
      assert.ok(Date.parse(published) > 0);
    }
  }
  for (const { name, key } of index.publishers) assert.ok(isPublicKey(key) && isTag(name));
  assert.ok(Date.parse(index.expires) > Date.parse(index.issued));
}

Deno.test("index: whatever is changed in it, it is refused or sound", async () => {
  checkIndex(readIndex(writeIndex(INDEX), "the index"));
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
      const value = changes.reduce<unknown>(changed, INDEX);
      const index = await attempt(() => readIndex(utf8(JSON.stringify(value) ?? ""), "the index"));
      if (index === undefined) return;
      taken++;
      checkIndex(index);
    }),
    { numRuns: 1500 },
  );
  // Some changes are none that count: the property is no empty one.
  assert.ok(taken > 0, `${taken} were sound`);
});

Deno.test("index: what is signed is read as it was written", () => {
  assert.deepEqual(readIndex(writeIndex(INDEX), "the index"), INDEX);
});

Deno.test("envelope: no byte of it can be changed, left out, added or swapped", async () => {
  const envelope = await seal(PayloadType.INDEX, utf8('{"a":1}'), signer);
  const open = (bytes: Uint8Array<ArrayBuffer>) =>
    unseal(bytes, PayloadType.INDEX, 10_000, "the index");
  assert.equal(new TextDecoder().decode((await open(envelope)).payload), '{"a":1}');
  const places = fc.nat(envelope.length - 1);
  const edits = fc.oneof(
    fc.tuple(places, fc.integer({ min: 1, max: 255 })).map(([at, by]) =>
      envelope.map((byte, index) => index === at ? byte ^ by : byte)
    ),
    places.map((at) => envelope.filter((_, index) => index !== at)),
    fc.tuple(places, fc.nat(255)).map(([at, byte]) =>
      new Uint8Array([...envelope.subarray(0, at), byte, ...envelope.subarray(at)])
    ),
    fc.constantFrom(" ", "\n", "\ufeff").map((text) =>
      new Uint8Array([...utf8(text), ...envelope])
    ),
    fc.constantFrom(" ", "\n", "{}").map((text) => new Uint8Array([...envelope, ...utf8(text)])),
  ).filter((bytes) =>
    bytes.length !== envelope.length || bytes.some((byte, at) => byte !== envelope[at])
  );
  await fc.assert(
    fc.asyncProperty(edits, async (bytes) => {
      assert.equal(await attempt(() => open(new Uint8Array(bytes))), undefined);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("envelope: what is none is refused in words", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
      const opened = await attempt(() => unseal(utf8(text), PayloadType.PACKAGE, 10_000, "x"));
      assert.equal(opened, undefined);
    }),
    { numRuns: 500 },
  );
});

Deno.test("key file: whatever is changed in it is refused, or asks for no more than it may", async () => {
  const description = {
    name: "acme",
    key: signer.key,
    created: "2026-01-01T00:00:00Z",
    rotations: [rotation],
  };
  const file = JSON.parse(await writeKeyFile(description, secret, "correct horse"));
  await fc.assert(
    fc.asyncProperty(change, async (one) => {
      const bytes = utf8(JSON.stringify(changed(file, one)) ?? "");
      const key = await attempt(() => readKeyFile(bytes, "the key"));
      if (key === undefined) return;
      assert.ok(isPublicKey(key.key));
      assert.doesNotMatch(key.name, /[\p{Cc}\p{Cf}]/u);
    }),
    { numRuns: 700 },
  );
});

Deno.test("trust.json and lock.json: whatever is changed in them is refused, or sound", async () => {
  const location = "oci://registry.test/x";
  const trust = {
    type: "lunette.trust.v1",
    marketplaces: [{ location, name: "example", key: signer.key, version: 3, digest }],
    publishers: [{ name: "acme", key: signer.key, pinned: "2026-01-01T00:00:00Z" }],
    revocations: [{ by: "", revocation }],
  };
  const lock = {
    type: "lunette.lock.v1",
    packages: [{
      ...{ id: "acme.disk", version: "1.0.0", digest, manifest: digest, bundle: digest },
      ...{ readme: digest, approved: capabilities, publisher: "acme", key: signer.key },
      ...{ signature: "{}", marketplace: location, installed: "2026-01-01T00:00:00Z" },
      current: true,
    }],
  };
  await inFolder(async (folder) => {
    const store = new TrustStore(folder);
    const lockfile = new Lockfile(folder);
    await Deno.writeTextFile(store.path, JSON.stringify(trust));
    assert.equal((await store.load()).marketplaces[0].version, 3);
    await Deno.writeTextFile(lockfile.path, JSON.stringify(lock));
    assert.equal((await lockfile.load())[0].id, "acme.disk");
    await fc.assert(
      fc.asyncProperty(change, async (one) => {
        await Deno.writeTextFile(store.path, JSON.stringify(changed(trust, one)) ?? "");
        const loaded = await attempt(() => store.load());
        for (const { key, version } of loaded?.marketplaces ?? []) {
          assert.ok(isPublicKey(key) && Number.isSafeInteger(version) && version >= 0);
        }
        await Deno.writeTextFile(lockfile.path, JSON.stringify(changed(lock, one)) ?? "");
        for (const { id, digest } of await attempt(() => lockfile.load()) ?? []) {
          assert.ok(isPackageId(id));
          assert.ok(lockfile.folderOf(digest).startsWith(`${folder}/packages/sha256-`));
        }
      }),
      { numRuns: 400 },
    );
  });
});

Deno.test("fields: bytes at random are refused in words", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
    await attempt(() => Fields.parse(new Uint8Array(bytes), "the file", ["type"]));
    await attempt(() => readIndex(new Uint8Array(bytes), "the index"));
    await attempt(() => readKeyFile(new Uint8Array(bytes), "the key"));
  }));
});

Deno.test("encodings: one form for each value, one value for each form", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
    assert.deepEqual(fromBase64url(toBase64url(bytes)), new Uint8Array(bytes));
  }));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AB_-+/= \n9w"), maxLength: 12 }), (text) => {
      const bytes = fromBase64url(text);
      if (bytes !== undefined) assert.equal(toBase64url(bytes), text);
    }),
  );
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
    assert.equal(canonicalJson(JSON.parse(canonicalJson(one))), canonicalJson(one));
    const same = JSON.stringify(one) === JSON.stringify(other);
    if (same) assert.equal(canonicalJson(one), canonicalJson(other));
  }));
});

Deno.test("fingerprints: another key has another one, however it is typed", async () => {
  const fingerprint = await fingerprintOf(signer.key);
  assert.ok(await matchesFingerprint(signer.key, fingerprint.toUpperCase().replaceAll("-", " ")));
  const { length } = fingerprint;
  await fc.assert(
    fc.asyncProperty(
      fc.nat(length - 1),
      fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyz"),
      async (at, letter) => {
        const other = fingerprint.slice(0, at) + letter + fingerprint.slice(at + 1);
        const same = other === fingerprint;
        assert.equal(await matchesFingerprint(signer.key, other), same);
        assert.ok(!await matchesFingerprint(signer.key, fingerprint.slice(0, at)));
      },
    ),
    { numRuns: 200 },
  );
});

const numbers = fc.oneof(fc.nat(12), fc.constantFrom("9007199254740993", "9007199254740992"));
const identifiers = fc.oneof(
  fc.nat(12).map(String),
  fc.constantFrom("a", "A", "rc", "1a", "-", "alpha"),
);
const versions = fc.tuple(
  fc.array(numbers, { minLength: 3, maxLength: 3 }),
  fc.array(identifiers, { maxLength: 3 }),
).map(([core, before]) => core.join(".") + (before.length === 0 ? "" : `-${before.join(".")}`));

Deno.test("versions: a total order, in which a release comes after what leads to it", () => {
  fc.assert(
    fc.property(versions, versions, versions, (a, b, c) => {
      assert.ok(isVersion(a) && isTag(a), a);
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) || 0);
      assert.equal(compareVersions(a, b) === 0, a === b, `${a} ${b}`);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
        assert.ok(compareVersions(a, c) <= 0);
      }
      const [release] = a.split("-");
      if (a !== release) assert.ok(compareVersions(a, release) < 0);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("lookalikes: one edit is one edit, both ways; an id is none of itself", () => {
  const texts = fc.string({ unit: fc.constantFrom(..."abc1"), minLength: 1, maxLength: 6 });
  fc.assert(fc.property(texts, texts, (left, right) => {
    assert.equal(isOneEditAway(left, right), isOneEditAway(right, left));
    assert.equal(isOneEditAway(left, left), false);
  }));
  fc.assert(fc.property(texts, fc.nat(5), fc.constantFrom(..."abc1"), (text, at, letter) => {
    const place = at % text.length;
    const other = text.slice(0, place) + letter + text.slice(place + 1);
    const longer = text.slice(0, place) + letter + text.slice(place);
    assert.equal(isOneEditAway(text, other), text !== other);
    assert.ok(isOneEditAway(text, longer));
  }));
  const known = {
    installed: ["acme.disk"],
    built_in: ["file"],
    publishers: ["acme"],
    index: INDEX,
  };
  assert.deepEqual(lookalikesOf("acme.disk", known), []);
});
