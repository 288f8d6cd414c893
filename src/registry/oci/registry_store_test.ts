import assert from "node:assert/strict";
import { SIGNATURE_TYPE } from "../package.ts";
import { fallbackTag } from "./name.ts";
import { digestOf } from "./digest.ts";
import { EMPTY_DESCRIPTOR, OciType } from "./manifest.ts";
import { readPackage, writePackage } from "./package_artifact.ts";
import { type Behaviour, MemoryRegistry, openTest } from "./registry_double.ts";
import { packageFiles, put, refused, REPOSITORY, utf8 } from "./store_double.ts";

const kinds: [string, Behaviour][] = [
  ["the referrers API", { referrers: true }],
  ["the fallback tag", {}],
  ["the fallback tag and If-Match", { conditions: true }],
];
for (const [name, behaviour] of kinds) {
  Deno.test(`registry: a package and its signatures by ${name}`, async () => {
    await using registry = new MemoryRegistry(behaviour);
    const store = openTest(registry);
    const { descriptor } = await writePackage(store, packageFiles());
    const content = await readPackage(store, "acme.disk", "1.0.0");
    assert.equal(content.digest, descriptor.digest);
    const about = { artifactType: SIGNATURE_TYPE, subject: descriptor };
    const first = await put(store, "one", undefined, about);
    const second = await put(store, "two", undefined, about);
    await put(store, "comment", undefined, { subject: descriptor });
    const found = await store.referrers(REPOSITORY, descriptor.digest, SIGNATURE_TYPE);
    assert.deepEqual(found, [first.descriptor, second.descriptor]);
    const tag = `market/${REPOSITORY}:${fallbackTag(descriptor.digest)}`;
    assert.equal(registry.manifests.has(tag), behaviour.referrers !== true);
    assert.deepEqual(await store.tags(REPOSITORY), ["1.0.0"]);
  });
}

Deno.test("registry: signers who write the fallback tag at once lose nothing", async () => {
  for (const conditions of [true, false]) {
    await using registry = new MemoryRegistry({ conditions });
    const { descriptor: subject } = await put(openTest(registry), "package", "1.0.0");
    const about = { artifactType: SIGNATURE_TYPE, subject };
    const names = ["a", "b", "c", "d"];
    // Without If-Match it takes time to see that somebody else has written.
    const wait = conditions ? {} : { limits: { backoff_ms: 500, backoff_max_ms: 1000 } };
    await Promise.all(
      names.map((name) => put(openTest(registry, wait), name, undefined, about)),
    );
    const found = await openTest(registry).referrers(REPOSITORY, subject.digest, SIGNATURE_TYPE);
    assert.equal(found.length, names.length, `If-Match: ${conditions}`);
  }
});

Deno.test("registry: a list that others have changed meanwhile is not overwritten", async () => {
  const conditions: (string | null)[] = [];
  await using registry = new MemoryRegistry({
    conditions: true,
    intercept: ({ method, headers }, { pathname }) => {
      if (method !== "PUT" || !pathname.includes("/manifests/sha256-")) return;
      conditions.push(headers.get("if-none-match") ?? headers.get("if-match"));
      // Somebody else was faster, the first time.
      if (conditions.length === 2) return new Response("", { status: 412 });
    },
  });
  const store = openTest(registry);
  const { descriptor: subject } = await put(store, "package", "1.0.0");
  const about = { artifactType: SIGNATURE_TYPE, subject };
  await put(store, "one", undefined, about);
  const key = `market/${REPOSITORY}:${fallbackTag(subject.digest)}`;
  const etag = `"${digestOf(registry.manifests.get(key)?.bytes ?? new Uint8Array())}"`;
  await put(store, "two", undefined, about);
  assert.deepEqual(conditions, ["*", etag, etag]);
  const found = await store.referrers(REPOSITORY, subject.digest, SIGNATURE_TYPE);
  assert.equal(found.length, 2);
});

Deno.test("registry: other members of a fallback list stay", async () => {
  await using registry = new MemoryRegistry();
  const store = openTest(registry);
  const { descriptor: subject } = await put(store, "package", "1.0.0");
  const other = { ...subject, artifactType: "a/b", data: "e30=", annotations: { a: "b" } };
  const key = `market/${REPOSITORY}:${fallbackTag(subject.digest)}`;
  const bytes = utf8(JSON.stringify({ schemaVersion: 2, manifests: [other] }));
  registry.manifests.set(key, { bytes, mediaType: OciType.INDEX });
  const about = { artifactType: SIGNATURE_TYPE, subject };
  const { descriptor } = await put(store, "one", undefined, about);
  const list = JSON.parse(new TextDecoder().decode(registry.manifests.get(key)?.bytes));
  assert.deepEqual(list.manifests, [other, descriptor]);
});

Deno.test("registry: tags come in pages", async () => {
  await using registry = new MemoryRegistry({ tags_per_page: 3 });
  const store = openTest(registry);
  const { layer } = await put(store, "one", "1.0.0");
  for (let patch = 1; patch < 10; patch++) {
    await put(store, "one", `1.0.${patch}`, { layers: [layer] });
  }
  assert.equal((await store.tags(REPOSITORY)).length, 10);
  assert.equal(registry.requests.filter((line) => line.includes("/tags/")).length, 4);
  assert.deepEqual(await store.tags("handlers/none.here"), []);
});

Deno.test("registry: blobs that are there are not sent again", async () => {
  await using registry = new MemoryRegistry();
  const store = openTest(registry);
  await put(store, "one", "1.0.0");
  registry.requests.length = 0;
  await put(store, "one", "1.0.0");
  assert.ok(
    !registry.requests.some((line) => line.startsWith("POST")),
    registry.requests.join("\n"),
  );
  assert.ok(registry.blobs.has(EMPTY_DESCRIPTOR.digest));
});

Deno.test("registry: what is too large for one request goes in chunks", async () => {
  await using registry = new MemoryRegistry({ body_max: 100_000 });
  const store = openTest(registry);
  const bytes = new Uint8Array(1_000_000).map((_, index) => index ^ (index >>> 8));
  const descriptor = await store.writeBlob(REPOSITORY, "a/b", bytes);
  assert.deepEqual(await store.readBlob(REPOSITORY, descriptor, bytes.length), bytes);
  assert.ok(registry.requests.filter((line) => line.startsWith("PATCH")).length >= 10);
});

Deno.test("registry: an upload that breaks begins anew", async () => {
  let broken = 0;
  await using registry = new MemoryRegistry({
    intercept: (request) => {
      if (request.method === "PUT" && request.url.includes("/blobs/") && broken++ < 2) {
        return new Response("", { status: 503 });
      }
    },
  });
  const { descriptor } = await put(openTest(registry), "one", "1.0.0");
  assert.ok(await openTest(registry).readManifest(REPOSITORY, descriptor.digest) !== undefined);
  assert.equal(registry.requests.filter((line) => line.startsWith("POST")).length, 4);
});

Deno.test("registry: one that is busy is asked again, and not for ever", async () => {
  let left = 2;
  const answers: [number, Record<string, string>][] = [[429, { "retry-after": "0" }], [503, {}]];
  await using registry = new MemoryRegistry({
    intercept: () => {
      if (left-- <= 0) return undefined;
      const [status, headers] = answers[left % 2];
      return new Response("", { status, headers });
    },
  });
  const store = openTest(registry);
  assert.deepEqual(await store.tags(REPOSITORY), []);
  assert.equal(registry.requests.length, 3);
  left = 1001;
  await refused("unavailable", "answers 503", store.tags(REPOSITORY));
  assert.equal(registry.requests.length, 3 + 4);
});

Deno.test("registry: one that asks for much patience is not waited for", async () => {
  const later = new Date(Date.now() + 3600_000).toUTCString();
  for (const wait of ["3600", later]) {
    await using registry = new MemoryRegistry({
      intercept: () => new Response("", { status: 429, headers: { "retry-after": wait } }),
    });
    const error = await refused("unavailable", "answers 429", openTest(registry).tags(REPOSITORY));
    assert.match(error.advice, /^Try again in 3[56]\d\d s\.$/);
    assert.equal(registry.requests.length, 1);
  }
});

Deno.test("registry: what it says about an error is shown, tamed", async () => {
  const message = "no\u001b[2J\n\u202eway" + "x".repeat(1000);
  await using registry = new MemoryRegistry({
    intercept: () => Response.json({ errors: [{ code: "DENIED", message }] }, { status: 403 }),
  });
  const error = await refused(
    "permission",
    "403 (DENIED: no\\x1b[2J\\x0a\\u202eway",
    openTest(registry).tags(REPOSITORY),
  );
  assert.ok(error.message.length < 400);
});

Deno.test("registry: a transfer ends with its signal", async () => {
  await using registry = new MemoryRegistry();
  const bytes = new Uint8Array(1 << 20);
  const descriptor = await openTest(registry).writeBlob(REPOSITORY, "a/b", bytes);
  const abort = new AbortController();
  const reason = new Error("enough");
  const read = openTest(registry).readBlob(REPOSITORY, descriptor, bytes.length, {
    signal: abort.signal,
    onProgress: () => abort.abort(reason),
  });
  await assert.rejects(read, reason);
  const options = { signal: abort.signal };
  await assert.rejects(openTest(registry).tags(REPOSITORY, options), reason);
  await assert.rejects(openTest(registry).writeBlob(REPOSITORY, "a/b", bytes, options), reason);
});
