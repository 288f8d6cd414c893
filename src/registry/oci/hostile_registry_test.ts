import assert from "node:assert/strict";
import { SIGNATURE_TYPE } from "../package.ts";
import { digestOf } from "./digest.ts";
import { OciType } from "./manifest.ts";
import { MemoryRegistry, openTest, serve } from "./registry_double.ts";
import { artifactOf, put, refused, REPOSITORY, TYPE, utf8 } from "./store_double.ts";

const content = utf8("0123456789".repeat(10_000));
const blob = { mediaType: TYPE, digest: digestOf(content), size: content.length };

Deno.test("hostile registry: other bytes than asked are refused", async () => {
  const manifest = artifactOf([blob]);
  const bytes = utf8(JSON.stringify(manifest));
  const headers = new Headers({ "content-type": OciType.MANIFEST });
  await using registry = serve(({ url }) =>
    url.includes("/blobs/")
      ? new Response("9".repeat(content.length))
      : new Response(bytes, { headers })
  );
  const store = openTest(registry);
  const read = store.readBlob(REPOSITORY, blob, content.length);
  await refused("untrusted", "sends other bytes", read);
  assert.deepEqual((await store.readManifest(REPOSITORY, "1.0.0"))?.manifest, manifest);
  const wrong = `sha256:${"0".repeat(64)}`;
  await refused("untrusted", "sends other bytes", store.readManifest(REPOSITORY, wrong));
  headers.set("docker-content-digest", wrong);
  await refused("untrusted", "sends other bytes", store.readManifest(REPOSITORY, "1.0.0"));
});

Deno.test("hostile registry: a blob that is too long is refused before it is asked for", async () => {
  await using registry = new MemoryRegistry();
  const read = openTest(registry).readBlob(REPOSITORY, blob, content.length - 1);
  await refused("untrusted", "at most 99999 are taken", read);
  assert.deepEqual(registry.requests, []);
});

Deno.test("hostile registry: redirects in a circle, or without end", async () => {
  let count = 0;
  await using circle = serve(({ url }) => {
    count++;
    return Response.redirect(url, 307);
  });
  await refused("untrusted", "from one place to the next", openTest(circle).tags(REPOSITORY));
  assert.equal(count, 6);
  await using on = serve(({ url }) => Response.redirect(`${url}x`, 302));
  await refused(
    "untrusted",
    "from one place to the next",
    openTest(on).readManifest(REPOSITORY, "1"),
  );
});

Deno.test("hostile registry: redirects to what is not followed", async () => {
  const places: [string, string][] = [
    ["file:///etc/passwd", "is not followed"],
    ["ftp://127.0.0.1/x", "is not followed"],
    ["data:text/plain,x", "is not followed"],
    ["unix:/run/lunette/control.sock", "is not followed"],
    ["http://ada:secret@127.0.0.1/", "a URL with a user"],
    ["http://[", "names no URL"],
    [`/${"x".repeat(9000)}`, "names no URL"],
  ];
  for (const [location, words] of places) {
    await using registry = serve(() => new Response("", { status: 307, headers: { location } }));
    await refused(
      "untrusted",
      words,
      openTest(registry).readBlob(REPOSITORY, blob, content.length),
    );
  }
  await using registry = serve(() => new Response("", { status: 307 }));
  await refused("untrusted", "names no URL", openTest(registry).tags(REPOSITORY));
});

Deno.test("hostile registry: an upload that is sent elsewhere", async () => {
  for (const location of ["file:///tmp/x", "javascript:0", "http://u:p@127.0.0.1/"]) {
    await using registry = new MemoryRegistry({
      intercept: ({ method }) =>
        method === "POST" ? new Response("", { status: 202, headers: { location } }) : undefined,
    });
    const error = await openTest(registry).writeBlob(REPOSITORY, TYPE, content).then(
      () => undefined,
      (reason) => reason,
    );
    assert.match(String(error), /leads to/);
  }
});

Deno.test("hostile registry: lists without end", async () => {
  const next = (link: string) => serve(() => Response.json({ tags: ["a"] }, { headers: { link } }));
  let count = 0;
  const loops: [string, string][] = [
    [`</v2/market/${REPOSITORY}/tags/list?n=1000>; rel="next"`, "does not end"],
    [`</v2/other/tags/list>; rel="next"`, "goes on elsewhere"],
    [`<http://127.0.0.2:1/v2/market/${REPOSITORY}/tags/list>; rel=next`, "goes on elsewhere"],
    [`<file:///etc/passwd>; rel="next"`, "is not followed"],
  ];
  for (const [link, words] of loops) {
    await using registry = next(link);
    await refused("untrusted", words, openTest(registry).tags(REPOSITORY));
  }
  await using registry = serve(({ url }) => {
    const link = `<${new URL(url).pathname}?last=${++count}>; rel="next"`;
    return Response.json({ tags: [`v${count}`] }, { headers: { link } });
  });
  await refused("untrusted", "does not end", openTest(registry).tags(REPOSITORY));
  assert.equal(count, 100);
  const impatient = openTest(registry, { limits: { list_ms: 0 } });
  await refused("untrusted", "does not end", impatient.tags(REPOSITORY));
  assert.equal(count, 101);
});

Deno.test("hostile registry: more tags than are looked at", async () => {
  const tags = Array.from({ length: 30_000 }, (_, index) => `v${index}`);
  await using registry = serve(() => Response.json({ tags }));
  assert.equal((await openTest(registry).tags(REPOSITORY)).length, 10_000);
});

Deno.test("hostile registry: lists that are none", async () => {
  const bodies: [unknown, string][] = [
    [null, "sends no list"],
    [{ tags: {} }, "sends no list"],
    [{ tags: [1] }, 'has "1"'],
    [{ tags: ["../x"] }, 'has "../x"'],
    [{ tags: ["\u001b[2J"] }, 'has "\\x1b[2J"'],
  ];
  for (const [body, words] of bodies) {
    await using registry = serve(() => Response.json(body));
    await refused("untrusted", words, openTest(registry).tags(REPOSITORY));
  }
});

Deno.test("hostile registry: referrers that are none, or too many", async () => {
  const headers = { "content-type": OciType.INDEX };
  const entry = { mediaType: OciType.MANIFEST, digest: blob.digest, size: 1, artifactType: "a/b" };
  const list = (manifests: unknown) => ({ schemaVersion: 2, mediaType: OciType.INDEX, manifests });
  const bodies: [unknown, string][] = [
    [null, "is no OCI image index"],
    [list({}), "is no OCI image index"],
    [list([null]), "manifests[0] is not an object"],
    [list([{ ...entry, digest: "sha256:../.." }]), "is no SHA-256 digest"],
    [list([{ ...entry, size: 0.5 }]), "is no length"],
    [list([{ ...entry, artifactType: 1 }]), "is no media type"],
    [list(Array.from({ length: 10_001 }, () => entry)), "more than 10000 referrers"],
  ];
  for (const [body, words] of bodies) {
    await using registry = serve(() => Response.json(body, { headers }));
    const found = openTest(registry).referrers(REPOSITORY, blob.digest, SIGNATURE_TYPE);
    await refused("untrusted", words, found);
  }
  // Others' are left out, whatever the registry thinks.
  await using registry = serve(() => Response.json(list([entry]), { headers }));
  assert.deepEqual(await openTest(registry).referrers(REPOSITORY, blob.digest, SIGNATURE_TYPE), []);
});

Deno.test("hostile registry: referrers that cannot be listed now are not taken for none", async () => {
  for (const status of [403, 429, 500, 503]) {
    await using registry = new MemoryRegistry({
      intercept: (_request, { pathname }) =>
        pathname.includes("/referrers/") ? new Response("", { status }) : undefined,
    });
    const found = openTest(registry).referrers(REPOSITORY, blob.digest, SIGNATURE_TYPE);
    await refused(status === 403 ? "permission" : "unavailable", `answers ${status}`, found);
  }
});

Deno.test("hostile registry: a fallback tag that never holds what was put there", async () => {
  await using registry = new MemoryRegistry({
    intercept: ({ method }, { pathname }) => {
      if (!pathname.includes("/manifests/sha256-")) return undefined;
      return new Response("", { status: method === "PUT" ? 201 : 404 });
    },
  });
  const store = openTest(registry);
  const { descriptor: subject } = await put(store, "package", "1.0.0");
  const about = { artifactType: SIGNATURE_TYPE, subject };
  await refused("unavailable", "Others keep writing", put(store, "x", undefined, about));
});

Deno.test("hostile registry: a manifest that is kept as another", async () => {
  await using registry = new MemoryRegistry({
    intercept: ({ method }, { pathname }) => {
      if (method !== "PUT" || !pathname.includes("/manifests/")) return undefined;
      const headers = { "docker-content-digest": `sha256:${"0".repeat(64)}` };
      return new Response("", { status: 201, headers });
    },
  });
  await refused("untrusted", "kept other bytes", put(openTest(registry), "x", "1.0.0"));
});
