import assert from "node:assert/strict";
import type { Descriptor } from "../artifact_store.ts";
import { MediaType, PACKAGE_TYPE, PackageLimit } from "../package.ts";
import { digestOf } from "./digest.ts";
import { FolderStore } from "./folder_store.ts";
import { type PackageFiles, readPackage, writePackage } from "./package_artifact.ts";
import { artifactOf, inFolder, packageFiles, refused, REPOSITORY, utf8 } from "./store_double.ts";

Deno.test("package: what was written is read, by version and by digest", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const files = { ...packageFiles(), readme: utf8("# Disk"), source_map: utf8("{}") };
    const seen: number[][] = [];
    const onProgress = (...numbers: number[]) => seen.push(numbers);
    const { id, version, descriptor } = await writePackage(store, files, { onProgress });
    assert.deepEqual([id, version], ["acme.disk", "1.0.0"]);
    const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(seen.at(-1), [total, total]);
    const content = await readPackage(store, "acme.disk", "1.0.0");
    assert.deepEqual(content, {
      id,
      version,
      digest: descriptor.digest,
      manifest: files.manifest,
      manifest_digest: digestOf(files.manifest),
      bundle: files.bundle,
      readme: files.readme,
      capabilities: { blocks: { kind: "memory", size: "volume" } },
    });
    assert.deepEqual(await readPackage(store, "acme.disk", descriptor.digest), content);
    const missing = await refused("not-found", "no acme.disk 2", readPackage(store, id, "2.0.0"));
    assert.notEqual(missing.advice, "");
  }));

Deno.test("package: the digest depends on the files alone", () =>
  inFolder(async (folder) => {
    const digests = [];
    for (const name of ["a", "b"]) {
      const { descriptor } = await writePackage(
        new FolderStore(`${folder}/${name}`),
        packageFiles(),
      );
      digests.push(descriptor.digest);
    }
    assert.equal(digests[0], digests[1]);
    const other = await writePackage(
      new FolderStore(`${folder}/a`),
      packageFiles({}, "export {}\n"),
      { replace: true },
    );
    assert.notEqual(other.descriptor.digest, digests[0]);
  }));

Deno.test("package: a version that is there does not change", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    await writePackage(store, packageFiles());
    await writePackage(store, packageFiles());
    const changed = packageFiles({}, "evil();");
    await refused("usage", "with other content", writePackage(store, changed));
    assert.equal((await readPackage(store, "acme.disk", "1.0.0")).bundle.length, 11);
    await writePackage(store, changed, { replace: true });
    assert.equal((await readPackage(store, "acme.disk", "1.0.0")).bundle.length, 7);
  }));

Deno.test("package: what could not be read again is not written", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const long = (length: number) => new Uint8Array(length).fill(0x20);
    const cases: [string, PackageFiles][] = [
      ["not publisher.name", packageFiles({ id: "disk" })],
      ["not publisher.name", packageFiles({ id: "acme..disk" })],
      ['not "mod.js"', packageFiles({ module: "mod.ts" })],
      ['not "mod.js"', packageFiles({ module: undefined })],
      ["semantic version", packageFiles({ version: "1.0" })],
      ["unknown member", packageFiles({ "\u001b[2J\u202e": 1 })],
      ["is not UTF-8", { ...packageFiles(), bundle: new Uint8Array([0xff]) }],
      ["is not UTF-8", { ...packageFiles(), manifest: new Uint8Array([0xff]) }],
      ["is wrong", { ...packageFiles(), manifest: utf8("\u001b[2J") }],
      ["is longer", { ...packageFiles(), bundle: long(PackageLimit.BUNDLE + 1) }],
      ["is longer", { ...packageFiles(), manifest: long(PackageLimit.HANDLER_MANIFEST + 1) }],
      ["is longer", { ...packageFiles(), readme: long(PackageLimit.README + 1) }],
    ];
    for (const [words, files] of cases) await refused("usage", words, writePackage(store, files));
    assert.deepEqual(await store.tags(REPOSITORY), []);
  }));

/** Puts an artifact that claims to be acme.disk 1.0.0 there. */
async function claim(
  store: FolderStore,
  layers: readonly (readonly [string, Uint8Array<ArrayBuffer>])[],
  more: { artifactType?: string; subject?: Descriptor } = {},
): Promise<void> {
  const written: Descriptor[] = [];
  for (const [mediaType, bytes] of layers) {
    written.push(await store.writeBlob(REPOSITORY, mediaType, bytes));
  }
  const manifest = artifactOf(written, { artifactType: PACKAGE_TYPE, ...more });
  await store.writeManifest(REPOSITORY, manifest, "1.0.0");
}

Deno.test("package: an artifact that is none, or another, is refused", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const files = packageFiles();
    const own = [MediaType.MANIFEST, files.manifest] as const;
    const bundle = [MediaType.BUNDLE, files.bundle] as const;
    const manifest = (more: Record<string, unknown>) =>
      [MediaType.MANIFEST, packageFiles(more).manifest] as const;
    const read = () => readPackage(store, "acme.disk", "1.0.0");
    const cases: [string, Parameters<typeof claim>[1], Parameters<typeof claim>[2]?][] = [
      ["is no package", [own, bundle], { artifactType: "application/x" }],
      ["have no subject", [own, bundle], {
        subject: await store.writeBlob(REPOSITORY, "application/x", utf8("x")),
      }],
      ["has no handler.json", [bundle]],
      ["has no mod.js", [own]],
      ["two layers handler.json", [own, own, bundle]],
      ["two layers mod.js", [own, bundle, [MediaType.BUNDLE, utf8("evil()")]]],
      ["has a layer of type", [own, bundle, ["application/x-tar", utf8("../../etc/passwd")]]],
      ["is another package", [manifest({ id: "acme.other" }), bundle]],
      ["not publisher.name", [manifest({ id: "disk" }), bundle]],
      ["is version 1.0.1", [manifest({ version: "1.0.1" }), bundle]],
      ["outside of the", [manifest({ module: "../mod.js" }), bundle]],
      ['not "mod.js"', [manifest({ module: "a/../mod.js" }), bundle]],
      ["is wrong", [manifest({ description: "\u202e" }), bundle]],
      ["is wrong", [[MediaType.MANIFEST, utf8("{\u001b[2J")], bundle]],
      ["is not UTF-8", [own, [MediaType.BUNDLE, new Uint8Array([0xc3])]]],
      ["at most 65536", [[MediaType.MANIFEST, new Uint8Array(65_537)], bundle]],
      ["at most 8388608", [own, [MediaType.BUNDLE, new Uint8Array((8 << 20) + 1)]]],
    ];
    for (const [words, layers, more] of cases) {
      await claim(store, layers, more);
      await refused("untrusted", words, read());
    }
    await claim(store, [bundle, own]);
    assert.equal((await read()).version, "1.0.0");
  }));

Deno.test("package: names that are none are refused before the store is asked", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    for (const id of ["disk", "../x.y", "Acme.disk", "acme.disk/x", "acme.d\u0131sk", "a.b\n"]) {
      await refused("usage", "is no id of a package", readPackage(store, id, "1.0.0"));
    }
    for (const version of ["", "../1", "1.0.0+x", "1.0.0 "]) {
      await refused("usage", "is no tag", readPackage(store, "acme.disk", version));
    }
    await refused("usage", "SHA-256", readPackage(store, "acme.disk", "sha256:x"));
  }));
