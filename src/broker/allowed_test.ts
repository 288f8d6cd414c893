import assert from "node:assert/strict";
import type { HttpRequest } from "../plugin/mod.ts";
import { GrantError } from "../sandbox/grants.ts";
import { allowedAddress, allowedOrigins, formatAllowed, reachOf } from "./allowed.ts";

const any: HttpRequest = { kind: "http" };
const some: HttpRequest = { kind: "http", origins: ["https://*.example.org", "http://one.test"] };

function refusal(work: () => unknown): GrantError {
  try {
    work();
  } catch (error) {
    if (error instanceof GrantError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

Deno.test("allowedOrigins() allows nothing that the operator did not name, and says what to do", () => {
  for (const binding of [undefined, "", " , "]) {
    const { message, advice } = refusal(() => allowedOrigins("image", some, binding));
    assert.match(message, /needs HTTP servers as "image" .*, and is allowed none/);
    assert.match(advice, /--set image=https:\/\/\*\.example\.org,http:\/\/one\.test/);
  }
});

Deno.test("allowedOrigins() takes what the manifest asks for, or less", () => {
  const allowed = allowedOrigins("image", some, "https://a.example.org, http://one.test+private");
  assert.deepEqual(allowed.map(formatAllowed), [
    "https://a.example.org",
    "http://one.test+private",
  ]);
  const { message, advice } = refusal(() => allowedOrigins("image", some, "https://example.org"));
  assert.match(message, /does not ask for https:\/\/example\.org/);
  assert.match(advice, /\*\.example\.org/);
  assert.equal(allowedOrigins("image", any, "http://anything.test:81").length, 1);
});

for (
  const wrong of ["example.org", "https://a/b", "ftp://a", "https://a+public", "x".repeat(300)]
) {
  Deno.test(`allowedOrigins() refuses ${wrong.slice(0, 30)}`, () => {
    assert.match(refusal(() => allowedOrigins("image", any, wrong)).message, /is no origin/);
  });
}

Deno.test("allowedOrigins() refuses more than a list", () => {
  const many = Array.from({ length: 65 }, (_, index) => `http://a${index}`).join(",");
  assert.match(refusal(() => allowedOrigins("image", any, many)).message, /more than 64/);
});

Deno.test("reachOf() finds how far the operator's words go", () => {
  const allowed = allowedOrigins("image", any, "https://*.a.test,http://b.test:81+private");
  const reach = (url: string) => reachOf(allowed, new URL(url));
  assert.deepEqual(reach("https://x.a.test/y"), { host: "x.a.test", private: false });
  assert.deepEqual(reach("https://X.A.test.:443/y"), { host: "x.a.test", private: false });
  assert.deepEqual(reach("http://b.test:81/"), { host: "b.test", private: true });
  for (const url of ["https://a.test/", "http://x.a.test/", "http://b.test/", "ftp://b.test:81/"]) {
    assert.equal(reach(url), undefined, url);
  }
});

Deno.test("allowedAddress() takes one host and port", () => {
  const near = { host: "db.test", port: 5432, private: true };
  assert.deepEqual(allowedAddress("upstream", "DB.test:5432+private"), near);
  assert.deepEqual(allowedAddress("upstream", "[::1]:80"), {
    host: "::1",
    port: 80,
    private: false,
  });
  for (const wrong of [undefined, "", "db.test", "db.test:0", "db.test:65536", "a b:1", "a/b:1"]) {
    const { advice } = refusal(() => allowedAddress("upstream", wrong));
    assert.match(advice, /--set upstream=HOST:PORT/);
  }
});
