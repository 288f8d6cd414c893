/** Capabilities as texts, versions in order, ids that look alike. */
import assert from "node:assert/strict";
import type { CapabilityRequest, HttpRequest } from "../../plugin/mod.ts";
import { capabilitiesText, excessOf, isSameText } from "./capability_text.ts";
import { isOneEditAway, lookalikesOf } from "./lookalike.ts";
import { compareVersions } from "./version_order.ts";

Deno.test("what is approved by word is exact, in any order", () => {
  const capabilities: Record<string, CapabilityRequest> = {
    web: {
      kind: "http",
      origins: ["https://b.example", "https://*.a.example"],
      methods: ["PUT", "GET"],
      requestsPerSecond: 5,
    },
    disk: { kind: "file", access: "read-write", create: true },
    cache: { kind: "memory", size: 4096, when: "cacheSize" },
    notes: { kind: "state" },
    peer: { kind: "tcp", description: "words do not count" },
  };
  const text = "cache=memory:4096:when=cacheSize,disk=file:read-write:create,notes=state:65536," +
    "peer=tcp,web=http:GET+PUT:https://*.a.example+https://b.example:rate=5";
  assert.equal(capabilitiesText(capabilities), text);
  assert(isSameText(text.split(",").reverse().join(", "), capabilities));
  assert(!isSameText(text.replace("read-write", "read-only"), capabilities));
  assert(!isSameText(`${text},more=tcp`, capabilities));
  assert(!isSameText("", capabilities));
  assert.equal(capabilitiesText({}), "none");
  assert(isSameText("none", {}));
  assert(!isSameText("", {}));
});

Deno.test("what goes further than what was approved is found, whichever way it does", () => {
  const http = (change: Partial<HttpRequest>): CapabilityRequest => ({
    kind: "http",
    origins: ["https://*.example.org"],
    methods: ["GET", "PUT"],
    maxResponseBytes: 1000,
    requestsPerSecond: 10,
    ...change,
  });
  const cases: [CapabilityRequest, CapabilityRequest, boolean][] = [
    [{ kind: "file", access: "read-write" }, { kind: "file", access: "read-only" }, false],
    [{ kind: "file", access: "read-only" }, { kind: "file", access: "read-write" }, true],
    [
      { kind: "file", access: "read-write" },
      { kind: "file", access: "read-write", create: true },
      true,
    ],
    [{ kind: "file", access: "read-only" }, { kind: "tcp" }, true],
    [http({}), http({}), false],
    [http({}), http({ origins: ["https://a.example.org"] }), false],
    [http({}), http({ origins: ["https://example.org"] }), true],
    [http({}), http({ origins: ["http://a.example.org"] }), true],
    [http({}), http({ origins: undefined }), true],
    [http({ origins: undefined }), http({}), false],
    [http({}), http({ methods: ["PUT"] }), false],
    [http({}), http({ methods: ["DELETE"] }), true],
    [http({}), http({ methods: undefined }), true],
    [http({}), http({ maxResponseBytes: 1001 }), true],
    [http({}), http({ maxResponseBytes: undefined }), true],
    [http({}), http({ requestsPerSecond: 9 }), false],
    [{ kind: "memory", size: 8192 }, { kind: "memory", size: 4096 }, false],
    [{ kind: "memory", size: 4096 }, { kind: "memory", size: 8192 }, true],
    [{ kind: "memory", size: 4096 }, { kind: "memory", size: "volume" }, true],
    [{ kind: "memory", size: 4096, when: "x" }, { kind: "memory", size: 4096 }, true],
    [{ kind: "memory", size: 4096 }, { kind: "memory", size: 4096, when: "x" }, false],
    [{ kind: "state" }, { kind: "state", maxBytes: 65_536 }, false],
    [{ kind: "state" }, { kind: "state", maxBytes: 65_537 }, true],
    [{ kind: "tcp" }, { kind: "tcp", description: "other words" }, false],
    [{ kind: "clock" }, { kind: "random" }, false],
  ];
  for (const [approved, wanted, wider] of cases) {
    const text = JSON.stringify([approved, wanted]);
    assert.equal(excessOf({ x: approved }, { x: wanted }).length > 0, wider, text);
  }
  assert.equal(excessOf({}, { x: { kind: "tcp" } }).length, 1);
  assert.equal(excessOf({}, { x: { kind: "clock" } }).length, 0);
  assert.equal(excessOf({ x: { kind: "tcp" } }, {}).length, 0);
});

Deno.test("versions are in the order of semver.org 11", () => {
  const order = [
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "10.0.0",
    "99999999999999999999.0.0",
  ];
  for (const [index, left] of order.entries()) {
    for (const [other, right] of order.entries()) {
      assert.equal(Math.sign(compareVersions(left, right)), Math.sign(index - other), left + right);
    }
  }
});

Deno.test("one edit is a letter more, less or other, or two that are swapped", () => {
  const cases: [string, string, boolean][] = [
    ["disk", "disk", false],
    ["disk", "dist", true],
    ["disk", "disks", true],
    ["disk", "isk", true],
    ["disk", "dsik", true],
    ["disk", "ksid", false],
    ["disk", "tape", false],
    ["aab", "ab", true],
  ];
  for (const [left, right, near] of cases) {
    assert.equal(isOneEditAway(left, right), near, left + right);
  }
});

Deno.test("ids that are taken for others are found, and no others", () => {
  const version = { published: "2026-01-01T00:00:00Z" };
  const later = { published: "2026-02-01T00:00:00Z" };
  const entry = (id: string, one: { published: string }) => ({ id, versions: [one] });
  const known = {
    installed: ["acme.disk", "storage-corp.cache"],
    built_in: ["file", "memory", "http-image"],
    publishers: ["acme", "storage-corp"],
    index: {
      packages: [entry("nimbus.backup", version), entry("nimbvs.backup", later)],
    } as unknown as Parameters<typeof lookalikesOf>[1]["index"],
  };
  const cases: [string, string[]][] = [
    ["acme.disk", []],
    ["acme.disk2", []],
    ["acne.tape", ["acme"]],
    ["acm3.tape", ["acme"]],
    ["st0rage-corp.x", ["storage-corp"]],
    ["storagecorp.x", ["storage-corp"]],
    ["acrne.tape", ["acme"]],
    ["zeta.disk", ["acme.disk"]],
    ["zeta.d1sk", ["acme.disk"]],
    ["zeta.memory", ["memory"]],
    ["zeta.mem0ry", ["memory"]],
    ["lunette.tape", ["lunette"]],
    ["1unette.tape", ["lunette"]],
    ["zeta.tape", []],
    ["nimbvs.backup", ["nimbus.backup"]],
    ["nimbus.backup", []],
  ];
  for (const [id, found] of cases) assert.deepEqual(lookalikesOf(id, known), found, id);
});
