import assert from "node:assert/strict";
import fc from "fast-check";
import type { CapabilityRequest } from "../../plugin/mod.ts";
import { checkCapabilities } from "../../sandbox/capability_request.ts";
import { ManifestError } from "../../sandbox/manifest.ts";
import { type Capabilities, capabilitiesText, excessOf, isSameText } from "./capability_text.ts";

const hostile = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ab',=:+ $;\u001b\u0430"), maxLength: 6 }),
  fc.constantFrom("protection", "x'; reboot; '", "x,other=file:read-write"),
);
const origins = fc.oneof(
  fc.constantFrom("https://a.test", "https://*.a.test", "http://a.test:8080", "https://A.test/"),
  hostile.map((text) => `https://a${text}.test`),
);
const counts = fc.constantFrom(1, 65_536, 1 << 20, 16 << 20);
const requests = fc.oneof(
  fc.record({
    kind: fc.constant("memory"),
    size: fc.constantFrom("volume", "protection", 4096, 8192),
    when: hostile,
  }, { requiredKeys: ["kind", "size"] }),
  fc.record({
    kind: fc.constant("file"),
    access: fc.constantFrom("read-only", "read-write"),
    create: fc.boolean(),
  }, { requiredKeys: ["kind", "access"] }),
  fc.record({
    kind: fc.constant("http"),
    origins: fc.array(origins, { minLength: 1, maxLength: 3 }),
    methods: fc.subarray(["GET", "HEAD", "PUT", "DELETE"], { minLength: 1 }),
    maxResponseBytes: counts,
    maxRequestBytes: counts,
    requestsPerSecond: fc.constantFrom(1, 100, 1000),
  }, { requiredKeys: ["kind"] }),
  fc.record({ kind: fc.constant("state"), maxBytes: counts }, { requiredKeys: ["kind"] }),
  fc.record({ kind: fc.constantFrom("tcp", "clock", "random") }),
);
const names = fc.oneof(fc.constantFrom("a", "b", "blocks"), hostile);

/** What a manifest may ask for; what it may not is left out. */
const capabilities: fc.Arbitrary<Capabilities> = fc.dictionary(names, requests, { maxKeys: 3 })
  .map((all) => {
    const taken: Record<string, CapabilityRequest> = {};
    for (const [name, request] of Object.entries(all)) {
      try {
        Object.assign(taken, checkCapabilities({ [name]: request }));
      } catch (error) {
        assert.ok(error instanceof ManifestError);
      }
    }
    return taken;
  });

Deno.test("capabilities as text: nothing that a shell or a terminal acts upon within quotes", () => {
  fc.assert(
    fc.property(capabilities, (all) => {
      assert.match(capabilitiesText(all), /^[A-Za-z0-9_.:,=+*/[\]-]+$/);
      assert.ok(isSameText(capabilitiesText(all), all));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("capabilities as text: the same text allows the same", () => {
  const seen = new Map<string, Capabilities>();
  let same = 0;
  fc.assert(
    fc.property(capabilities, (all) => {
      const text = capabilitiesText(all);
      const other = seen.get(text);
      seen.set(text, all);
      if (other === undefined) return;
      same++;
      assert.deepEqual([excessOf(other, all), excessOf(all, other)], [[], []]);
    }),
    { numRuns: 3000 },
  );
  assert.ok(same > 100, `${same} of the same text`);
});

Deno.test("capabilities as text: what one goes further by, the other does not", () => {
  fc.assert(
    fc.property(capabilities, capabilities, (approved, wanted) => {
      assert.deepEqual(excessOf(approved, approved), []);
      for (const { name } of excessOf(approved, wanted)) assert.ok(Object.hasOwn(wanted, name));
      if (capabilitiesText(wanted) === "none") assert.deepEqual(excessOf(approved, wanted), []);
    }),
    { numRuns: 1000 },
  );
});
