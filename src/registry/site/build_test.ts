import assert from "node:assert/strict";
import { demoIndex, demoKey, demoVerifiedIndex } from "../../../test/site/demo_index.ts";
import type { Digest } from "../artifact_store.ts";
import { hostileIndex, VECTORS } from "../../../test/site/hostile_index.ts";
import { elementsOf, problemsOf } from "../../../test/site/html_check.ts";
import type { Index } from "../signed_index.ts";
import { buildSite, type SiteFiles } from "./build.ts";

const key = demoKey("marketplace");

function pagesOf(files: SiteFiles): [string, string][] {
  return [...files].filter(([path]) => path.endsWith(".html"));
}

Deno.test("buildSite() writes nothing that runs, whatever strangers have written", async () => {
  const files = await buildSite({ index: hostileIndex, key }, {
    title: VECTORS[2],
    location: VECTORS[2],
    base_url: "https://site.example/",
  });
  assert.ok(pagesOf(files).length > VECTORS.length);
  for (const [path, page] of pagesOf(files)) {
    const found = elementsOf(page);
    assert.deepEqual(problemsOf(found), [], path);
    const scripts = found.filter(({ name }) => name === "script");
    assert.equal(scripts.length, 2, path);
    const policies = found.filter(({ attributes }) => attributes.has("http-equiv"));
    assert.equal(policies.length, 1, path);
    const ids = found.flatMap(({ attributes }) => attributes.get("id") ?? []);
    assert.equal(new Set(ids).size, ids.length, `${path} has an id twice`);
  }
  // The feed is XML, and has but its own elements.
  const elements = new Set(files.get("feed.xml")!.match(/<[^\s>!?/][^\s>]*/g));
  assert.deepEqual([...elements].sort(), [
    ...["<author", "<entry", "<feed", "<id", "<link", "<name", "<summary", "<title", "<updated"],
  ]);
  // The script with the packages is one assignment of data.
  const [, data] = [...files].find(([path]) => path.startsWith("assets/packages."))!;
  const json = /^globalThis\.lunettePackages=(.*);\n$/s.exec(data)![1];
  assert.equal(JSON.parse(json).length, VECTORS.length);
  assert.equal(JSON.parse(files.get("index.json")!).packages.length, VECTORS.length);
});

Deno.test("buildSite() refuses an index whose names could be paths or markup", async () => {
  const [first] = demoIndex.packages;
  const publisher = (name: string) => ({ name, key: demoKey("x"), rotations: [] });
  const bad: Partial<Index>[] = [
    ...["../../etc.x", "acme.x/../../y", "acme.<b>", "ACME.disk", "acme", "acme.x\u0000", ""]
      .map((id) => ({ packages: [{ ...first, id }] })),
    { packages: [first, first] },
    { packages: [{ ...first, publisher: "example" }] },
    { packages: [{ ...first, versions: [] }] },
    { packages: [], publishers: [publisher("../x")] },
    { packages: [], publishers: [publisher("<b>")] },
    { packages: [], publishers: [publisher("x"), publisher("x")] },
    { publishers: [] },
  ];
  for (const change of bad) {
    await assert.rejects(
      buildSite({ index: { ...demoIndex, ...change }, key }),
      { name: "RegistryError", kind: "untrusted" },
      JSON.stringify(change).slice(0, 100),
    );
  }
});

Deno.test("buildSite() makes the same bytes of the same index", async () => {
  const once = await buildSite(demoVerifiedIndex, { title: "x" });
  const again = await buildSite(structuredClone(demoVerifiedIndex), { title: "x" });
  assert.deepEqual([...again], [...once]);
});

Deno.test("buildSite() links to nothing that is not there, by relative links", async () => {
  const files = await buildSite(demoVerifiedIndex);
  let count = 0;
  for (const [path, page] of pagesOf(files)) {
    const found = elementsOf(page);
    const ids = new Set(found.flatMap(({ attributes }) => attributes.get("id") ?? []));
    for (const { name, attributes } of found) {
      const target = attributes.get("href") ?? attributes.get("src") ?? attributes.get("action");
      if (target === undefined || /^(?:https?|mailto):/.test(target)) continue;
      count++;
      if (target.startsWith("#")) {
        assert.ok(ids.has(decodeURIComponent(target.slice(1))), `${path}: ${target}`);
        continue;
      }
      assert.ok(!target.startsWith("/"), `${path}: ${name} ${target} is not relative`);
      const there = new URL(target, `https://site.example/${path}`).pathname.slice(1);
      assert.ok(files.has(there), `${path}: ${target} is not there`);
    }
  }
  assert.ok(count > 700, `${count} links`);
});

Deno.test("buildSite() shows what is revoked, why, and what is good instead", async () => {
  const files = await buildSite(demoVerifiedIndex);
  const mirror = files.get("package/acme.mirror.html")!;
  assert.match(mirror, /<strong>Version 1\.2\.1 was revoked<\/strong>/);
  assert.match(mirror, /acme\.mirror 1\.2\.0 is the newest good version/);
  assert.match(mirror, /<s><span class="version-name">1\.2\.1<\/span><\/s>/);
  assert.match(mirror, /After a crash the wrong half/);
  assert.match(mirror, /lunette plugin install acme\.mirror/);
  // Nothing good is left: nothing to install.
  const given_up = files.get("package/example.postgres-blocks.html")!;
  assert.match(given_up, /No version of this package is good/);
  assert.doesNotMatch(given_up, /lunette plugin install/);
  assert.match(files.get("revocations.html")!, /Former key of acme/);
});

Deno.test("buildSite() tells what a version asks for beyond the one before, where it does", async () => {
  const files = await buildSite(demoVerifiedIndex);
  const more = /Asks for more than the version before: to ([^<]*)</g;
  const told = [...files.get("package/acme.object-store.html")!.matchAll(more)];
  assert.deepEqual(told.map(([, what]) => what), ["keep up to 256 KiB of notes of its own."]);
  assert.doesNotMatch(files.get("package/acme.mirror.html")!, more);
});

Deno.test("buildSite() says of every package of a revoked key that it is not to be used", async () => {
  const value = demoKey("acme-labs");
  const revocation = {
    what: "key",
    value,
    reason: "Stolen",
    revoked: "2026-11-01T00:00:00Z",
  } as const;
  const files = await buildSite({ index: { ...demoIndex, revocations: [revocation] }, key });
  for (const name of ["zeros", "slow-disk"]) {
    const page = files.get(`package/acme-labs.${name}.html`)!;
    assert.match(page, /The key of acme-labs was revoked<\/strong>/);
    assert.doesNotMatch(page, /lunette plugin install/);
  }
  assert.match(files.get("publisher/acme-labs.html")!, /Nothing that it signed is installed/);
  assert.match(files.get("type/zoned.html")!, /<li class="card is-revoked">/);
});

Deno.test("buildSite() installs what the client would: a release before a preview", async () => {
  const [base] = demoIndex.packages;
  const versions = ["2.0.0-preview", "1.1.0"].map((version, index) => ({
    ...base.versions[0],
    version,
    digest: `sha256:${String(index).repeat(64)}` as Digest,
  }));
  const index = { ...demoIndex, packages: [{ ...base, versions }] };
  const files = await buildSite({ index, key });
  assert.match(files.get("packages.html")!, /<span class="version">1\.1\.0</);
});

Deno.test("buildSite() spreads long lists over pages", async () => {
  const [base] = demoIndex.packages;
  const packages = Array.from({ length: 120 }, (_, index) => ({
    ...base,
    id: `acme.disk-${String(index).padStart(3, "0")}`,
  }));
  const files = await buildSite({ index: { ...demoIndex, packages }, key });
  assert.ok(files.has("packages-3.html") && !files.has("packages-4.html"));
  assert.match(files.get("packages-3.html")!, /acme\.disk-119/);
  assert.match(files.get("type/disk-2.html")!, /acme\.disk-050/);
  assert.match(files.get("type/disk-2.html")!, /href="\.\.\/type\/disk-3\.html"/);
});

Deno.test("buildSite() of an index without packages has its pages too", async () => {
  const index = { ...demoIndex, packages: [], publishers: [], revocations: [] };
  const files = await buildSite({ index, key });
  assert.match(files.get("index.html")!, /0 packages from 0 publishers/);
  assert.match(files.get("revocations.html")!, /Nothing is revoked/);
});

Deno.test("buildSite() with a base has addresses where relative links will not do", async () => {
  const base_url = "https://site.example/handlers/";
  const files = await buildSite(demoVerifiedIndex, { base_url, location: "oci://r.example/x y" });
  assert.match(files.get("404.html")!, /href="\/handlers\/assets\/site\./);
  assert.match(files.get("feed.xml")!, /href="https:\/\/site\.example\/handlers\/package\/acme/);
  assert.match(
    files.get("index.html")!,
    /rel="canonical" href="https:\/\/site\.example\/handlers\/"/,
  );
  assert.match(files.get("package/acme.thin.html")!, /--from &#39;oci:\/\/r\.example\/x y&#39;/);
});
