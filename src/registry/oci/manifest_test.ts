import assert from "node:assert/strict";
import fc from "fast-check";
import { type ArtifactManifest, type Descriptor, RegistryError } from "../artifact_store.ts";
import { digestOf, isDigest } from "./digest.ts";
import { FolderIndex } from "./folder_index.ts";
import {
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  formatManifest,
  parseArtifactManifest,
  parseDescriptor,
} from "./manifest.ts";
import { artifactOf, utf8 } from "./store_double.ts";

const digests = fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => digestOf(bytes));
const mediaTypes = fc.constantFrom("text/markdown", "application/vnd.a.b+json", "a/b", "X/Y.z-1");
const annotations = fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), {
  maxKeys: 5,
});
const descriptors: fc.Arbitrary<Descriptor> = fc.record({
  mediaType: mediaTypes,
  digest: digests,
  size: fc.maxSafeNat(),
  artifactType: mediaTypes,
  annotations,
}, { requiredKeys: ["mediaType", "digest", "size"] });
const manifests: fc.Arbitrary<ArtifactManifest> = fc.record({
  layers: fc.array(descriptors, { minLength: 1, maxLength: 8 }),
  subject: descriptors,
  annotations,
}, { requiredKeys: ["layers"] }).map(({ layers, ...more }) => artifactOf(layers, more));

/** Parses, or says why not; anything but a RegistryError of one line is a fault of ours. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof RegistryError, `${error}`);
    assert.equal(error.kind, "untrusted");
    // deno-lint-ignore no-control-regex
    assert.match(error.message, /^[^\x00-\x1f\x7f-\x9f\u2028-\u202e]{1,600}$/);
    assert.notEqual(error.advice, "");
    return undefined;
  }
}

Deno.test("manifest: what is formatted is parsed again, the same", () => {
  fc.assert(fc.property(manifests, (manifest) => {
    const bytes = formatManifest(manifest);
    assert.deepEqual(plainly(parseArtifactManifest("x", bytes)), plainly(manifest));
  }));
});

/** Without prototypes, which JSON does not have; `__proto__` is a member like others. */
function plainly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainly);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1);
  return new Map(members.map(([key, member]) => [key, plainly(member)]));
}

Deno.test("manifest: the order of members does not change its bytes", () => {
  fc.assert(fc.property(manifests, (manifest) => {
    const turned = Object.fromEntries(Object.entries(manifest).toReversed());
    const layers = manifest.layers.map((layer) =>
      Object.fromEntries(Object.entries(layer).toReversed()) as unknown as Descriptor
    );
    const other = { ...turned, layers } as unknown as ArtifactManifest;
    assert.equal(digestOf(formatManifest(other)), digestOf(formatManifest(manifest)));
  }));
});

Deno.test("manifest: whatever comes is refused in one line, or is what it has to be", () => {
  const anything = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc.string(),
    // A good one, with one member replaced.
    fc.tuple(manifests, fc.string(), fc.jsonValue()).map(([manifest, key, value]) =>
      JSON.stringify({ ...manifest, [key]: value })
    ),
    fc.tuple(
      manifests,
      fc.constantFrom("config", "layers", "subject", "annotations", "mediaType", "schemaVersion"),
      fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
    ).map(([manifest, key, value]) => JSON.stringify({ ...manifest, [key]: value })),
  );
  fc.assert(
    fc.property(anything, (text) => {
      const manifest = attempt(() => parseArtifactManifest("x", utf8(text)));
      if (manifest === undefined) return;
      assert.deepEqual(manifest.config, EMPTY_DESCRIPTOR);
      assert.ok(manifest.layers.length >= 1 && manifest.layers.length <= 8);
      for (const { digest, size } of manifest.layers) {
        assert.ok(isDigest(digest) && Number.isSafeInteger(size) && size >= 0);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("manifest: bytes at random are refused in one line", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    attempt(() => parseArtifactManifest("x", bytes));
    attempt(() => FolderIndex.parse("x", bytes));
  }));
});

Deno.test("manifest: a bit that flips is noticed, or leaves a manifest of another digest", () => {
  const bytes = formatManifest(artifactOf([{ ...EMPTY_DESCRIPTOR, mediaType: "a/b" }]));
  fc.assert(fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
    const flipped = bytes.slice();
    flipped[bit >>> 3] ^= 1 << (bit & 7);
    attempt(() => parseArtifactManifest("x", flipped));
    assert.notEqual(digestOf(flipped), digestOf(bytes));
  }));
});

Deno.test("manifest: the limits", () => {
  const layer = EMPTY_DESCRIPTOR;
  const refuses = (words: RegExp, more: Record<string, unknown>) => {
    const bytes = utf8(JSON.stringify({ ...artifactOf([layer]), ...more }));
    assert.throws(() => parseArtifactManifest("x", bytes), words);
  };
  assert.deepEqual(digestOf(EMPTY_BYTES), EMPTY_DESCRIPTOR.digest);
  refuses(/layers are none/, { layers: [] });
  refuses(/layers are more than 8/, { layers: Array(9).fill(layer) });
  refuses(/config is not the empty one/, { config: { ...layer, size: 3 } });
  refuses(/config is not the empty one/, { config: { ...layer, mediaType: "a/b" } });
  refuses(/no artifactType/, { artifactType: undefined });
  refuses(/is no OCI image manifest/, { schemaVersion: "2" });
  refuses(/is no OCI image manifest/, { mediaType: "application/vnd.docker.x" });
  refuses(/annotations are more than 64/, {
    annotations: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [index, ""])),
  });
  refuses(/too much text for "a"/, { annotations: { a: "x".repeat(4097) } });
  refuses(/a key that is too long/, { annotations: { ["x".repeat(257)]: "" } });
  refuses(/no text for "a"/, { annotations: { a: 1 } });
  refuses(/is longer than 65536 bytes/, { x: "x".repeat(65_536) });
  for (const size of [-1, 0.5, 2 ** 53, "1", null, undefined, NaN]) {
    refuses(/layers\[0\]\.size is no length/, { layers: [{ ...layer, size }] });
  }
  const hex = "a".repeat(64);
  for (
    const digest of ["", hex, `sha256:${hex}0`, `SHA256:${hex}`, `sha256:${hex}\n`, `sha512:${hex}`]
  ) {
    refuses(/digest is no SHA-256/, { layers: [{ ...layer, digest }] });
  }
  for (
    const mediaType of ["", "a", "a/", "/b", "a/b/c", "a/b;c", "a/b\n", `a/${"b".repeat(128)}`, 1]
  ) {
    refuses(/mediaType is no media type/, { layers: [{ ...layer, mediaType }] });
  }
});

Deno.test("descriptor: members of prototypes are none", () => {
  const text = `{"__proto__":{"mediaType":"a/b","digest":"${EMPTY_DESCRIPTOR.digest}","size":2}}`;
  assert.throws(() => parseDescriptor("x", JSON.parse(text)), RegistryError);
});

Deno.test("index.json: what was put in is found, whatever order it came in", () => {
  const names = fc.constantFrom("a:1", "a:2", "b:1", undefined);
  const steps = fc.array(fc.tuple(names, fc.nat(3)), { maxLength: 12 });
  fc.assert(fc.property(steps, (list) => {
    let index = FolderIndex.EMPTY;
    const named = new Map<string, string>();
    const all = new Set<string>();
    for (const [name, content] of list) {
      const manifest = artifactOf([{ ...EMPTY_DESCRIPTOR, mediaType: "a/b", size: content }]);
      const bytes = formatManifest(manifest);
      const { mediaType } = manifest;
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      index = index.with(descriptor, manifest, name);
      index = FolderIndex.parse("x", index.format("x"));
      if (name !== undefined) named.set(name, descriptor.digest);
      all.add(descriptor.digest);
    }
    for (const [name, digest] of named) assert.equal(index.find(name)?.digest, digest);
    const tags = [...named.keys()].filter((name) => name.startsWith("a:"));
    assert.deepEqual(index.tags("a").toSorted(), tags.map((name) => name.slice(2)).toSorted());
    const { manifests } = JSON.parse(new TextDecoder().decode(index.format("x")));
    assert.ok(manifests.length <= named.size + all.size);
  }));
});
