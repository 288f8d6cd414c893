import assert from "node:assert/strict";
import { covers, formatOrigin, normalHost, parseOrigin } from "./origin.ts";

const read: [text: string, normal: string][] = [
  ["https://example.org", "https://example.org"],
  ["https://Example.ORG./", "https://example.org"],
  ["http://example.org:80", "http://example.org"],
  ["http://example.org:8080", "http://example.org:8080"],
  ["https://*.example.org:444", "https://*.example.org:444"],
  ["https://bücher.example", "https://xn--bcher-kva.example"],
  ["http://[::1]:8080", "http://[::1]:8080"],
  // All ways to write an address are one.
  ["http://0x7f.1", "http://127.0.0.1"],
  ["http://2130706433", "http://127.0.0.1"],
];
for (const [text, normal] of read) {
  Deno.test(`parseOrigin() reads ${text}`, () => {
    const origin = parseOrigin(text);
    assert.ok(origin !== undefined);
    assert.equal(formatOrigin(origin), normal);
  });
}

const wrong = [
  "",
  "example.org",
  "ftp://example.org",
  "https://",
  "https://*",
  "https://*.",
  "https://a.*.org",
  "https://user@example.org",
  "https://example.org/path",
  "https://example.org?x",
  "https://example.org:0",
  "https://example.org:65536",
  "https://exa mple.org",
  "https://*.127.0.0.1",
  "https://*.[::1]",
];
for (const text of wrong) {
  Deno.test(`parseOrigin() refuses "${text}"`, () => {
    assert.equal(parseOrigin(text), undefined);
  });
}

const pairs: [wide: string, narrow: string, covered: boolean][] = [
  ["https://example.org", "https://example.org:443", true],
  ["https://example.org", "http://example.org", false],
  ["https://example.org", "https://example.org:444", false],
  ["https://example.org", "https://www.example.org", false],
  ["https://*.example.org", "https://www.example.org", true],
  ["https://*.example.org", "https://a.b.example.org", true],
  ["https://*.example.org", "https://example.org", false],
  ["https://*.example.org", "https://badexample.org", false],
  ["https://*.example.org", "https://*.example.org", true],
  ["https://*.example.org", "https://*.a.example.org", true],
  ["https://*.a.example.org", "https://*.example.org", false],
  ["https://www.example.org", "https://*.www.example.org", false],
];
for (const [wide, narrow, covered] of pairs) {
  Deno.test(`${wide} ${covered ? "covers" : "does not cover"} ${narrow}`, () => {
    const [left, right] = [parseOrigin(wide), parseOrigin(narrow)];
    assert.ok(left !== undefined && right !== undefined);
    assert.equal(covers(left, right), covered);
  });
}

Deno.test("normalHost() gives one form of each host", () => {
  assert.equal(normalHost("EXAMPLE.org."), "example.org");
  assert.equal(normalHost("[::FFFF:127.0.0.1]"), "::ffff:7f00:1");
  assert.equal(normalHost("a b"), undefined);
});
