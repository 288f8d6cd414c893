/** Indexes that are old, expired, exchanged or forged are refused, each with one line that says why. */
import assert from "node:assert/strict";
import { RegistryError } from "../artifact_store.ts";
import { digestOf } from "../oci/digest.ts";
import type { Index } from "../signed_index.ts";
import { generateKey, type Signer } from "./ed25519.ts";
import { PayloadType, seal } from "./envelope.ts";
import { type MarketplacePin, openIndex, signIndex } from "./index_check.ts";
import { DAY_MS, IndexLimit } from "./index_document.ts";
import { rotate } from "./rotation.ts";
import { TrustStore } from "./trust_store.ts";

const LOCATION = "/srv/marketplace";
const NOW = new Date("2026-06-15T12:00:00Z");
const { signer } = await generateKey();
const { signer: stranger } = await generateKey();
const utf8 = new TextEncoder();

function index(change: Partial<Index> = {}): Index {
  return {
    type: "lunette.index.v1",
    name: "example",
    version: 5,
    issued: "2026-06-01T00:00:00Z",
    expires: "2026-07-01T00:00:00Z",
    packages: [],
    publishers: [{ name: "acme", key: signer.key, rotations: [] }],
    revocations: [],
    ...change,
  };
}

async function pinOf(value: Index, by: Signer = signer): Promise<MarketplacePin> {
  const { index, key, digest } = await openIndex(
    await signIndex(value, by),
    LOCATION,
    undefined,
    NOW,
  );
  return { location: LOCATION, name: index.name, key, version: index.version, digest };
}

async function refuses(
  value: Index,
  pattern: RegExp,
  { pin, now = NOW, by = signer }: { pin?: MarketplacePin; now?: Date; by?: Signer } = {},
): Promise<void> {
  const envelope = await signIndex(value, by);
  await assert.rejects(
    () => openIndex(envelope, LOCATION, pin, now),
    (error) =>
      error instanceof RegistryError && error.kind === "untrusted" && pattern.test(error.message) &&
      !error.message.includes("\n"),
  );
}

Deno.test("an index of the known key that is as new as the newest seen opens", async () => {
  const pin = await pinOf(index());
  const same = await openIndex(await signIndex(index(), signer), LOCATION, pin, NOW);
  assert.equal(same.digest, pin.digest);
  const next = await signIndex(index({ version: 6 }), signer);
  assert.equal((await openIndex(next, LOCATION, pin, NOW)).index.version, 6);
});

Deno.test("an old index that is replayed is refused", async () => {
  const pin = await pinOf(index());
  await refuses(index({ version: 4 }), /version 4, and version 5 was seen before/, { pin });
});

Deno.test("two contents of one version are refused", async () => {
  const pin = await pinOf(index());
  const changed = index({ expires: "2026-07-02T00:00:00Z" });
  await refuses(changed, /version 5 had another content before/, { pin });
});

Deno.test("an expired index is refused, and a clock that is absurdly wrong is named", async () => {
  const late = new Date("2026-07-01T00:00:01Z");
  await refuses(index(), /has expired 2026-07-01T00:00:00Z$/, { now: late });
  await refuses(index(), /clock says 2093/, { now: new Date("2093-01-01T00:00:00Z") });
  await refuses(index(), /^This machine's clock says 1970/, { now: new Date(0) });
  await refuses(index(), /was issued 2026.*clock says 2025-07/, {
    now: new Date("2025-07-01T00:00:00Z"),
  });
  // Clocks of two machines differ.
  const early = new Date(Date.parse(index().issued) - DAY_MS / 2);
  await openIndex(await signIndex(index(), signer), LOCATION, undefined, early);
});

Deno.test("the index of another marketplace of the same key is refused", async () => {
  const pin = await pinOf(index());
  await refuses(index({ name: "other", version: 9 }), /that of "other", and not of "example"/, {
    pin,
  });
});

Deno.test("another key is refused, unless the known one has signed for it", async () => {
  const pin = await pinOf(index());
  await refuses(index({ version: 6 }), /signed by another key than before/, { pin, by: stranger });
  const handed = index({
    version: 6,
    publishers: [{
      name: "acme",
      key: stranger.key,
      rotations: [await rotate(signer, stranger)],
    }],
  });
  const opened = await openIndex(await signIndex(handed, stranger), LOCATION, pin, NOW);
  assert.equal(opened.key, stranger.key);
  const { signer: third } = await generateKey();
  const forged = index({
    version: 6,
    publishers: [{
      name: "acme",
      key: stranger.key,
      rotations: [{ ...await rotate(third, stranger), old_key: signer.key }],
    }],
  });
  await refuses(forged, /old key did not sign/, { pin, by: stranger });
});

Deno.test("an index that makes no sense is refused though its signature holds", async () => {
  const version = {
    version: "1.0.0",
    digest: digestOf(utf8.encode("x")),
    size_bytes: 1,
    published: "2026-06-01T00:00:00Z",
    capabilities: {},
    api_version: 1,
  };
  const entry = {
    id: "acme.disk",
    publisher: "acme",
    description: "A disk",
    device_type: "disk",
    versions: [version],
  };
  const cases: [unknown, RegExp][] = [
    [{ ...index(), more: 1 }, /unknown member "more"/],
    [{ ...index(), version: 0 }, /"version"/],
    [{ ...index(), version: 1.5 }, /"version"/],
    [{ ...index(), expires: "2099-01-01T00:00:00Z" }, /within 366 days/],
    [{ ...index(), expires: "2026-05-01T00:00:00Z" }, /within 366 days/],
    [{ ...index(), expires: "soon" }, /"expires"/],
    [{ ...index(), packages: [entry, entry] }, /"acme.disk" twice/],
    [{ ...index(), packages: [{ ...entry, publisher: "evil" }] }, /"publisher"/],
    [{ ...index(), packages: [{ ...entry, id: "../../etc" }] }, /package's id/],
    [{ ...index(), packages: [{ ...entry, id: "evil.disk", publisher: "evil" }] }, /not list/],
    [{ ...index(), packages: [{ ...entry, description: "a\u202eb" }] }, /control characters/],
    [{ ...index(), packages: [{ ...entry, versions: [] }] }, /no versions/],
    [{ ...index(), packages: [{ ...entry, versions: [version, version] }] }, /twice/],
    [
      { ...index(), packages: [{ ...entry, versions: [{ ...version, digest: "md5:1" }] }] },
      /digest/,
    ],
    [
      {
        ...index(),
        packages: [{ ...entry, versions: [{ ...version, capabilities: { x: { kind: "root" } } }] }],
      },
      /kind is none of/,
    ],
    [
      { ...index(), publishers: [{ name: "acme", key: "AAAA", rotations: [] }] },
      /sound public key/,
    ],
    [{ ...index(), revocations: [{ what: "all" }] }, /"digest" or "key"/],
  ];
  for (const [value, pattern] of cases) {
    const payload = utf8.encode(JSON.stringify(value));
    const envelope = await seal(PayloadType.INDEX, payload, signer);
    await assert.rejects(
      () => openIndex(envelope, LOCATION, undefined, NOW),
      (error) => error instanceof RegistryError && pattern.test(error.message),
      JSON.stringify(value).slice(0, 300),
    );
  }
});

Deno.test("what was seen is remembered: the highest version, the key, the revocations", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-trust-" });
  try {
    const store = new TrustStore(folder);
    assert.deepEqual((await store.load()).marketplaces, []);
    const revocation = {
      what: "key",
      value: stranger.key,
      reason: "stolen",
      revoked: "2026-06-02T00:00:00Z",
    } as const;
    const open = async (value: Index) =>
      await openIndex(await signIndex(value, signer), LOCATION, undefined, NOW);
    await store.saw(LOCATION, await open(index({ version: 7, revocations: [revocation] })));
    await store.saw(LOCATION, await open(index({ version: 6 })));
    await store.pinPublisher("acme", signer.key);
    const trust = await new TrustStore(folder).load();
    assert.equal(trust.marketplaces[0].version, 7);
    assert.deepEqual(trust.revocations, [{ by: LOCATION, ...revocation }]);
    assert.equal(trust.publishers[0].key, signer.key);
    assert.equal((await Deno.stat(store.path)).mode! & 0o777, 0o600);
    // What could not be read again is not written.
    const evil = { by: "", ...revocation, reason: "two\nlines" };
    await assert.rejects(
      () => store.change((trust) => ({ ...trust, revocations: [evil] })),
      /control characters/,
    );
    assert.equal((await store.load()).revocations.length, 1);
    // A key that was confirmed while an index was judged by another stays.
    const other = await openIndex(
      await signIndex(index({ version: 8 }), stranger),
      LOCATION,
      undefined,
      NOW,
    );
    await assert.rejects(() => store.saw(LOCATION, other), /was changed meanwhile/);
    // A file that cannot be read is never taken for an empty one.
    await Deno.writeTextFile(store.path, "{}");
    await assert.rejects(() => store.load(), /trust.json/);
    await assert.rejects(() => store.pinPublisher("acme", stranger.key), /trust.json/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a marketplace that revokes as much as it may leaves room for others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-trust-" });
  try {
    const store = new TrustStore(folder);
    const revocations = Array.from({ length: IndexLimit.REVOCATIONS_COUNT }, (_, count) => ({
      what: "digest" as const,
      value: `sha256:${String(count).padStart(64, "0")}`,
      reason: "noise",
      revoked: "2026-06-01T00:00:00Z",
    }));
    const digest = digestOf(utf8.encode("index"));
    await store.saw(LOCATION, { index: index({ revocations }), key: signer.key, digest });
    const own = { by: "", ...revocations[0], value: signer.key, what: "key" as const };
    await store.change((trust) => ({ ...trust, revocations: [...trust.revocations, own] }));
    assert.equal((await store.load()).revocations.at(-1)?.value, signer.key);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("changes by several at once are all kept", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-trust-" });
  try {
    const names = Array.from({ length: 20 }, (_, index) => `publisher${index}`);
    await Promise.all(
      names.map((name) => new TrustStore(folder).pinPublisher(name, signer.key)),
    );
    const { publishers } = await new TrustStore(folder).load();
    assert.deepEqual(publishers.map(({ name }) => name).sort(), names.sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
