/** Parsers of what users and registries say in words: names, locations, challenges, times. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RegistryError } from "../artifact_store.ts";
import { isPackageId, repositoryOf } from "../package.ts";
import { parseChallenges } from "./challenge.ts";
import { isLoopback, parseLocation } from "./location.ts";
import { fallbackTag, isFallbackTag, isRepository, isTag, plain, shown } from "./name.ts";
import { NETWORK_LIMITS } from "./network_limit.ts";
import { backoff, retryAfter } from "./retry.ts";

const HOSTILE = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({
    unit: fc.constantFrom(..."abz09._-/:@%\\ \n\0A\u0130\u212a\u202e\u200b"),
    maxLength: 40,
  }),
);

Deno.test("names: what is taken has one meaning in a path, a URL and index.json", () => {
  fc.assert(
    fc.property(HOSTILE, (text) => {
      if (isRepository(text)) {
        assert.equal(new URL(`https://a/v2/${text}/x`).pathname, `/v2/${text}/x`);
        assert.ok(!text.split("/").some((part) => part === "" || part.startsWith(".")));
        assert.equal(text.toLowerCase(), text);
      }
      if (isTag(text)) {
        assert.equal(new URL(`https://a/v2/x/${text}`).pathname, `/v2/x/${text}`);
        assert.ok(!/[/:\s]/.test(text) && !text.startsWith("."));
      }
      if (isPackageId(text)) {
        assert.ok(isRepository(repositoryOf(text)) && isTag(text) && !text.includes("/"));
        assert.equal(text.normalize("NFKC"), text);
      }
    }),
    { numRuns: 5000 },
  );
  for (const id of ["acme.disk", "a.b", "a-b.c-d", "a1.b2.c3"]) assert.ok(isPackageId(id), id);
  const others = ["acme", "Acme.disk", "acme.", ".disk", "acme..disk", "acme.-x", "acme.di_sk"];
  for (const id of [...others, "\u0430cme.disk", "acme.dis\u212a", "acme.disk\n", "a/b.c"]) {
    assert.ok(!isPackageId(id), id);
  }
  assert.ok(isFallbackTag(fallbackTag(`sha256:${"a".repeat(64)}`)));
});

Deno.test("names: long ones are judged at once", () => {
  const begin_ms = performance.now();
  for (const part of ["a", "a-", "a.", "-", "a_", "a__", "a/"]) {
    isRepository(part.repeat(100_000));
    isTag(part.repeat(100_000));
    isPackageId(part.repeat(100_000));
    isPackageId(part.repeat(30));
    parseChallenges(`Bearer ${part}="`.repeat(500));
    parseChallenges(`${part}="\\"`.repeat(900));
  }
  assert.ok(performance.now() - begin_ms < 2000);
});

Deno.test("names: what is shown does nothing to a terminal, and is not long", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
    for (const words of [plain(text), shown(text)]) {
      assert.doesNotMatch(words, /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
      assert.ok(words.length <= 2000);
    }
  }));
});

Deno.test("locations: their origins", () => {
  const origin = (location: string, plain_http?: boolean) =>
    parseLocation(location, plain_http).origin;
  assert.equal(origin("oci://registry.test/x"), "https://registry.test");
  assert.equal(origin("oci://registry.test:5000/x"), "https://registry.test:5000");
  assert.equal(origin("oci://registry.test/x", true), "http://registry.test");
  assert.equal(origin("oci://Registry.Test:443"), "https://registry.test");
  assert.equal(origin("oci://localhost:5000/x"), "http://localhost:5000");
  assert.equal(origin("oci://127.0.0.1:5000/x"), "http://127.0.0.1:5000");
  assert.equal(origin("oci://127.1/x"), "http://127.0.0.1");
  assert.equal(origin("oci://[::1]:5000/x"), "http://[::1]:5000");
  assert.equal(origin("oci://localhost:5000/x", false), "https://localhost:5000");
  assert.equal(origin("oci://127.0.0.1.evil.test/x"), "https://127.0.0.1.evil.test");
  assert.equal(origin("oci://localhost.evil.test/x"), "https://localhost.evil.test");
  assert.equal(origin("oci://registry.test:443/x", true), "http://registry.test:443");
  assert.equal(parseLocation("oci://a.test/b/c/").prefix, "b/c");
  assert.equal(parseLocation("oci://a.test").prefix, "");
});

Deno.test("locations: one form of each, which means the same place", () => {
  const forms: [string, string, boolean?][] = [
    ["oci://A.Test:443/x/", "oci://a.test/x"],
    ["oci://a.test:443/x", "oci://a.test:443/x", true],
    ["oci://a.test:80/x", "oci://a.test/x", true],
    ["oci://a.test:80/x", "oci://a.test:80/x"],
    ["oci://a.test:0443", "oci://a.test"],
    ["oci://LOCALHOST:80/x", "oci://localhost/x"],
    ["oci://127.1:5000/x", "oci://127.0.0.1:5000/x"],
    ["oci://0x7f.0.0.1/x", "oci://127.0.0.1/x"],
    ["oci://[0:0::1]:5000/x", "oci://[::1]:5000/x"],
  ];
  for (const [given, normal, plain_http] of forms) {
    const { location, origin } = parseLocation(given, plain_http);
    assert.equal(location, normal);
    assert.deepEqual(parseLocation(location, plain_http), parseLocation(given, plain_http));
    assert.equal(parseLocation(location, plain_http).origin, origin);
  }
});

Deno.test("locations: what is none", () => {
  const none = [
    "oci://",
    "oci:///x",
    "oci://a b/x",
    "oci://user@a.test/x",
    "oci://user:password@a.test/x",
    "oci://a.test:x/y",
    "oci://a.test:99999/y",
    "oci://a.test/X",
    "oci://a.test/../x",
    "oci://a.test/x//y",
    "oci://a.test//",
    "oci://a.test/x?y",
    "oci://a.test/x#y",
    "oci://a.test/%2e%2e",
    "oci://a.test\\@b.test/x",
    "oci://a.test\n/x",
    "oci://\u0430.test/x",
    "oci://a\u3002test/x",
    "oci://[::1/x",
    "oci://[fe80::1%25eth0]/x",
    `oci://a.test/${"x".repeat(300)}`,
  ];
  for (const location of none) {
    const error = caught(() => parseLocation(location));
    assert.ok(error instanceof RegistryError && error.kind === "usage", location);
    assert.ok(!error.message.includes("\n"));
  }
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

Deno.test("locations: whatever comes is refused, or its host is the one that was named", () => {
  const texts = fc.oneof(
    HOSTILE,
    fc.webAuthority({ withUserInfo: true, withPort: true, withIPv4: true, withIPv6: true }),
  );
  fc.assert(
    fc.property(texts, HOSTILE, (host, path) => {
      const error = caught(() => {
        const { origin, prefix } = parseLocation(`oci://${host}/${path}`);
        const url = new URL(`${origin}/v2/${prefix === "" ? "" : `${prefix}/`}a/tags/list`);
        assert.equal(url.username + url.password + url.search + url.hash, "");
        assert.equal(isLoopback(url.hostname), url.protocol === "http:");
        assert.ok(url.pathname.startsWith("/v2/") && url.pathname.endsWith("a/tags/list"));
      });
      if (error !== undefined) assert.ok(error instanceof RegistryError, String(error));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("challenges: as RFC 9110 has them", () => {
  const parsed = (text: string) =>
    parseChallenges(text).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
  assert.deepEqual(parsed('Basic realm="x"'), [["basic", { realm: "x" }]]);
  assert.deepEqual(
    parsed('Bearer realm="https://a/t",service="a b",scope="r:x:pull,push", Basic realm=y'),
    [["bearer", { realm: "https://a/t", service: "a b", scope: "r:x:pull,push" }], [
      "basic",
      { realm: "y" },
    ]],
  );
  assert.deepEqual(parsed("Negotiate, BASIC"), [["negotiate", {}], ["basic", {}]]);
  assert.deepEqual(parsed(String.raw`Basic realm="a\"b\\"`), [["basic", { realm: 'a"b\\' }]]);
  assert.deepEqual(parsed('Bearer Realm = "a" , realm="b"'), [["bearer", { realm: "a" }]]);
  assert.deepEqual(parsed('Bearer realm="a'), [["bearer", {}], ["realm", {}]]);
  assert.deepEqual(parsed(""), []);
});

Deno.test("challenges: what was quoted comes out", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (realm) => {
    if (/[\r\n\u2028\u2029]/.test(realm)) return;
    const quoted = realm.replace(/["\\]/g, "\\$&");
    const [{ parameters }] = parseChallenges(`Bearer a=b, realm="${quoted}", c=d`);
    assert.deepEqual([...parameters], [["a", "b"], ["realm", realm], ["c", "d"]]);
  }));
});

Deno.test("challenges: whatever comes ends", () => {
  const texts = fc.string({ unit: fc.constantFrom(...'aB=", \\\t'), maxLength: 200 });
  fc.assert(fc.property(texts, (text) => assert.ok(parseChallenges(text).length <= 8)));
});

Deno.test("retries: pauses grow, differ, and have an end", () => {
  const pauses = [1, 2, 3, 4, 5, 6, 100].map((attempt) =>
    backoff(attempt, NETWORK_LIMITS, () => 1)
  );
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
  assert.equal(backoff(3, NETWORK_LIMITS, () => 0), 500);
  assert.equal(retryAfter(undefined, 0), undefined);
  assert.equal(retryAfter("7", 0), 7000);
  assert.equal(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 20_000), 40_000);
  assert.equal(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 90_000), 0);
  for (const text of ["", "x", "-1x", "1e9x"]) assert.equal(retryAfter(text, 0), undefined, text);
});
