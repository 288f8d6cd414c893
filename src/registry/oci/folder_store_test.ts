import assert from "node:assert/strict";
import { join } from "node:path";
import { RegistryError } from "../artifact_store.ts";
import { SIGNATURE_TYPE } from "../package.ts";
import { digestOf, hexOf } from "./digest.ts";
import { FolderStore } from "./folder_store.ts";
import { OciType } from "./manifest.ts";
import { openStore } from "./store.ts";
import { inFolder, put, refused, REPOSITORY, TYPE, utf8 } from "./store_double.ts";

Deno.test("folder: what was put in comes out, by tag and by digest", () =>
  inFolder(async (folder) => {
    const store = openStore(join(folder, "new", "market"));
    assert.deepEqual(await store.readManifest(REPOSITORY, "1.0.0"), undefined);
    assert.deepEqual(await store.tags(REPOSITORY), []);
    const { layer, descriptor } = await put(store, "one", "1.0.0", {
      annotations: { b: "2", a: "1" },
    });
    const again = openStore(join(folder, "new", "market"));
    const stored = await again.readManifest(REPOSITORY, "1.0.0");
    assert(stored !== undefined);
    assert.deepEqual(stored.descriptor, descriptor);
    assert.deepEqual(digestOf(stored.bytes), descriptor.digest);
    assert.deepEqual(stored.manifest.layers, [layer]);
    assert.deepEqual(stored.manifest.annotations, { a: "1", b: "2" });
    assert.deepEqual(await again.readManifest(REPOSITORY, descriptor.digest), stored);
    const seen: number[][] = [];
    const bytes = await again.readBlob(REPOSITORY, layer, 3, {
      onProgress: (...numbers) => seen.push(numbers),
    });
    assert.deepEqual(new TextDecoder().decode(bytes), "one");
    assert.deepEqual(seen, [[3, 3]]);
    assert.deepEqual(await again.tags(REPOSITORY), ["1.0.0"]);
    assert.deepEqual(await again.tags("handlers/acme"), []);
    assert.deepEqual(await again.readManifest("handlers/other.disk", "1.0.0"), undefined);
  }));

Deno.test("folder: it is as open as its files, what is made above it is this user's", () =>
  inFolder(async (folder) => {
    const market = join(folder, "new", "market");
    await put(openStore(market), "one", "1.0.0");
    const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assert.equal(await modeOf(market), 0o777 & ~Deno.umask());
    assert.equal(await modeOf(join(market, "index.json")), 0o666 & ~Deno.umask());
    assert.equal(await modeOf(join(folder, "new")), 0o700);
  }));

Deno.test("folder: the same content gives the same files", () =>
  inFolder(async (folder) => {
    const listed = [];
    for (const name of ["a", "b"]) {
      const { descriptor } = await put(new FolderStore(join(folder, name)), "same", "1.0.0");
      listed.push([descriptor, await Deno.readTextFile(join(folder, name, "index.json"))]);
    }
    assert.deepEqual(listed[0], listed[1]);
  }));

Deno.test("folder: a tag moves, and other programs' entries stay as they are", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const first = await put(store, "one", "latest");
    const path = join(folder, "index.json");
    const index = JSON.parse(await Deno.readTextFile(path));
    const foreign = { ...first.descriptor, platform: { os: "linux" }, data: "x" };
    const name = `${REPOSITORY}:../x`;
    const strange = {
      ...foreign,
      annotations: { "org.opencontainers.image.ref.name": name },
    };
    index.manifests.push(foreign, strange);
    await Deno.writeTextFile(path, JSON.stringify(index));
    const second = await put(store, "two", "latest");
    const { manifests } = JSON.parse(await Deno.readTextFile(path));
    assert.equal(manifests.length, 3);
    assert.deepEqual(manifests.slice(0, 2), [foreign, strange]);
    assert.deepEqual(await store.tags(REPOSITORY), ["latest"]);
    const stored = await store.readManifest(REPOSITORY, "latest");
    assert.deepEqual(stored?.descriptor.digest, second.descriptor.digest);
    assert(await store.readManifest(REPOSITORY, first.descriptor.digest) !== undefined);
  }));

Deno.test("folder: referrers are found, by our entries and by what manifests say", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const { descriptor: subject } = await put(store, "package", "1.0.0");
    const { descriptor: other } = await put(store, "another", "1.0.1");
    const about = { artifactType: SIGNATURE_TYPE, subject };
    const { descriptor: signature } = await put(store, "signature", undefined, about);
    await put(store, "of another", undefined, { artifactType: SIGNATURE_TYPE, subject: other });
    await put(store, "comment", undefined, { subject });
    assert.deepEqual(await store.referrers(REPOSITORY, subject.digest, SIGNATURE_TYPE), [
      signature,
    ]);
    // As oras writes it: no hint, and no artifactType.
    const path = join(folder, "index.json");
    const index = JSON.parse(await Deno.readTextFile(path));
    for (const entry of index.manifests) {
      delete entry.artifactType;
      delete entry.annotations?.["vnd.lunette.subject.digest"];
    }
    await Deno.writeTextFile(path, JSON.stringify(index));
    assert.deepEqual(await store.referrers(REPOSITORY, subject.digest, SIGNATURE_TYPE), [
      signature,
    ]);
  }));

Deno.test("folder: writers take turns and lose nothing", () =>
  inFolder(async (folder) => {
    const numbers = Array.from({ length: 12 }, (_, index) => `1.0.${index}`);
    await Promise.all(numbers.map((tag) => put(new FolderStore(folder), tag, tag)));
    const tags = await new FolderStore(folder).tags(REPOSITORY);
    assert.deepEqual(tags.toSorted(), numbers.toSorted());
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name).toSorted();
    assert.deepEqual(left, [".lock", "blobs", "index.json", "oci-layout"]);
  }));

Deno.test("folder: a writer waits for the lock, and not for ever", () =>
  inFolder(async (folder) => {
    await put(new FolderStore(folder), "one", "1.0.0");
    using file = await Deno.open(join(folder, ".lock"), { write: true });
    await file.lock(true);
    const store = new FolderStore(folder, 100);
    await refused("unavailable", "Another process writes", put(store, "two", "1.0.1"));
    // Readers do not wait.
    assert(await store.readManifest(REPOSITORY, "1.0.0") !== undefined);
  }));

Deno.test("folder: what a crash left behind goes with the next write", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, ".new-crashed"), "half");
    const store = new FolderStore(folder);
    assert.deepEqual(await store.tags(REPOSITORY), []);
    await put(store, "one", "1.0.0");
    await Deno.writeTextFile(join(folder, ".new-crashed"), "half");
    const { layer } = await put(store, "two", "1.0.1");
    assert(!Array.from(Deno.readDirSync(folder)).some(({ name }) => name.startsWith(".new")));
    // A blob that is not whole is written again.
    await Deno.writeTextFile(join(folder, "blobs/sha256", hexOf(layer.digest)), "tw");
    await put(store, "two", "1.0.1");
    assert.deepEqual((await store.readBlob(REPOSITORY, layer, 3)).length, 3);
  }));

Deno.test("folder: a folder of something else is neither read nor written", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine"), "x");
    const store = new FolderStore(folder);
    const words = "neither empty nor an OCI layout";
    await refused("usage", words, store.readManifest(REPOSITORY, "1.0.0"));
    await refused("usage", words, put(store, "one", "1.0.0"));
    assert.deepEqual(Array.from(Deno.readDirSync(folder)).length, 1);
    await refused(
      "usage",
      "is not in a folder",
      put(new FolderStore(join(folder, "mine")), "x", "1"),
    );
    await Deno.writeTextFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"9"}');
    await refused("untrusted", "version 1.0.0", store.tags(REPOSITORY));
  }));

Deno.test("folder: names that lead elsewhere are refused before anything is looked at", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    const names = [
      "",
      "..",
      "../x",
      "a/../b",
      "/a",
      "a//b",
      "A",
      "a/",
      "a:b",
      "a%2fb",
      "\u0131",
      "a\n",
    ];
    for (const name of [...names, "x".repeat(256)]) {
      await refused("usage", "no name of a repository", store.readManifest(name, "1"));
      await refused("usage", "no name of a repository", store.writeBlob(name, TYPE, utf8("x")));
    }
    for (const tag of ["", ".", "..", "-a", "a/b", "a b", "\u00e4", "a".repeat(129)]) {
      await refused("usage", "is no tag", store.readManifest("a", tag));
    }
    const digests = [
      "sha256:",
      "sha256:../x",
      `sha512:${"a".repeat(128)}`,
      `sha256:${"A".repeat(64)}`,
    ];
    for (const digest of digests) {
      await refused("usage", "is no SHA-256 digest", store.readManifest("a", digest));
    }
    assert.deepEqual(Array.from(Deno.readDirSync(folder)), []);
  }));

/** A layout with one artifact, and its parts. */
async function spoilt(folder: string) {
  const store = new FolderStore(folder);
  const { layer, descriptor } = await put(store, "one", "1.0.0");
  const blobs = join(folder, "blobs", "sha256");
  return {
    store,
    layer,
    descriptor,
    blob: join(blobs, hexOf(layer.digest)),
    manifest: join(blobs, hexOf(descriptor.digest)),
    index: join(folder, "index.json"),
  };
}

Deno.test("folder: a link is not followed, wherever it stands", () =>
  inFolder(async (outer) => {
    const secret = join(outer, "secret");
    await Deno.writeTextFile(secret, "one");
    const places = ["blob", "manifest", "index"] as const;
    for (const place of places) {
      const folder = join(outer, place);
      const it = await spoilt(folder);
      await Deno.rename(it[place], `${it[place]}.real`);
      await Deno.symlink(`${it[place]}.real`, it[place]);
      const read = place === "blob"
        ? it.store.readBlob(REPOSITORY, it.layer, 10)
        : it.store.readManifest(REPOSITORY, "1.0.0");
      await refused("untrusted", "symbolic link", read);
    }
    for (const name of ["blobs", "blobs/sha256"]) {
      const folder = join(outer, name.replace("/", "-"));
      const it = await spoilt(folder);
      await Deno.rename(join(folder, name), join(outer, `${name.replace("/", "-")}.real`));
      await Deno.symlink(join(outer, `${name.replace("/", "-")}.real`), join(folder, name));
      await refused("untrusted", "symbolic link", it.store.readBlob(REPOSITORY, it.layer, 10));
      await refused("untrusted", "symbolic link", put(it.store, "two", "1.0.1"));
    }
    const marker = join(outer, "marker");
    await spoilt(marker);
    await Deno.remove(join(marker, "oci-layout"));
    await Deno.symlink(secret, join(marker, "oci-layout"));
    await refused("untrusted", "symbolic link", new FolderStore(marker).tags(REPOSITORY));
    const locked = join(outer, "locked");
    const it = await spoilt(locked);
    await Deno.remove(join(locked, ".lock"));
    await Deno.symlink(join(outer, "made"), join(locked, ".lock"));
    await refused("untrusted", "symbolic link", put(it.store, "two", "1.0.1"));
    assert.deepEqual(await Deno.lstat(join(outer, "made")).catch(() => "none"), "none");
  }));

Deno.test("folder: a link in the place of a blob is replaced and not written through", () =>
  inFolder(async (outer) => {
    const it = await spoilt(join(outer, "market"));
    const victim = join(outer, "victim");
    await Deno.writeTextFile(victim, "precious");
    await Deno.remove(it.blob);
    await Deno.symlink(victim, it.blob);
    await put(it.store, "one", "1.0.0");
    assert.deepEqual(await Deno.readTextFile(victim), "precious");
    assert.deepEqual((await it.store.readBlob(REPOSITORY, it.layer, 3)).length, 3);
  }));

Deno.test("folder: content that is not what its digest says is refused", () =>
  inFolder(async (folder) => {
    const it = await spoilt(folder);
    const blob = () => it.store.readBlob(REPOSITORY, it.layer, 10);
    await Deno.writeTextFile(it.blob, "two");
    await refused("untrusted", "its digest is another", blob());
    await Deno.writeTextFile(it.blob, "on");
    await refused("untrusted", "its digest is another", blob());
    await Deno.writeTextFile(it.blob, "one more");
    await refused("untrusted", "at most 3 are expected", blob());
    // A hole of a terabyte: nothing of it is read.
    await Deno.truncate(it.blob, 2 ** 40);
    await refused("untrusted", "at most 3 are expected", blob());
    await Deno.remove(it.blob);
    await refused("not-found", "is not in", blob());
    await Deno.mkdir(it.blob);
    await refused("untrusted", "not a plain file", blob());
    await Deno.remove(it.blob);
    new Deno.Command("mkfifo", { args: [it.blob] }).outputSync();
    await refused("untrusted", "not a plain file", blob());
    const large = { ...it.layer, size: 11 };
    await refused("untrusted", "at most 10 are taken", it.store.readBlob(REPOSITORY, large, 10));
  }));

Deno.test("folder: a manifest that is not what its digest or index.json says is refused", () =>
  inFolder(async (folder) => {
    const it = await spoilt(folder);
    const read = () => it.store.readManifest(REPOSITORY, "1.0.0");
    const bytes = await Deno.readFile(it.manifest);
    await Deno.writeFile(
      it.manifest,
      utf8(new TextDecoder().decode(bytes).replace("thing", "thinG")),
    );
    await refused("untrusted", "its digest is another", read());
    await Deno.truncate(it.manifest, 2 ** 40);
    await refused("untrusted", "at most 65536 are expected", read());
    await Deno.remove(it.manifest);
    await refused("not-found", "is not in", read());
    await Deno.writeFile(it.manifest, bytes);
    const index = JSON.parse(await Deno.readTextFile(it.index));
    index.manifests[0].size++;
    await Deno.writeTextFile(it.index, JSON.stringify(index));
    await refused("untrusted", "is not as long", read());
    index.manifests[0].mediaType = OciType.INDEX;
    await Deno.writeTextFile(it.index, JSON.stringify(index));
    await refused("untrusted", "is no OCI image manifest", read());
  }));

Deno.test("folder: an absurd index.json is refused with one line", () =>
  inFolder(async (folder) => {
    const it = await spoilt(folder);
    const good = JSON.parse(await Deno.readTextFile(it.index));
    const [entry] = good.manifests;
    const cases: [string, string][] = [
      ["", "is not JSON"],
      ["\xff", "is no OCI image index"],
      ["null", "is no OCI image index"],
      ["[".repeat(4 << 20), "is not JSON"],
      ['{"manifests":'.repeat(100_000), "is not JSON"],
      [JSON.stringify({ ...good, schemaVersion: 1 }), "is no OCI image index"],
      [JSON.stringify({ ...good, manifests: {} }), "is no OCI image index"],
      [JSON.stringify({ ...good, manifests: [entry, entry] }), "twice"],
      [JSON.stringify({ ...good, manifests: [null] }), "manifests[0] is not an object"],
      [JSON.stringify({ ...good, manifests: [{ ...entry, size: -1 }] }), "no length in bytes"],
      [JSON.stringify({ ...good, manifests: [{ ...entry, size: 1e300 }] }), "no length in bytes"],
      [JSON.stringify({ ...good, manifests: [{ ...entry, digest: "sha256:../.." }] }), "digest"],
      [JSON.stringify({ ...good, manifests: [{ ...entry, annotations: [] }] }), "annotations"],
      [" ".repeat((4 << 20) + 1), "at most 4194304"],
    ];
    for (const [content, words] of cases) {
      await Deno.writeFile(
        it.index,
        content === "\xff" ? new Uint8Array([0x22, 0xff]) : utf8(content),
      )
        .catch(() => {});
      const expected = content === "\xff" ? "is not JSON" : words;
      await refused("untrusted", expected, it.store.readManifest(REPOSITORY, "1.0.0"));
      await refused("untrusted", expected, put(it.store, "two", "1.0.1"));
    }
  }));

Deno.test("folder: a manifest whose blobs are not there is not taken", () =>
  inFolder(async (folder) => {
    const it = await spoilt(folder);
    const layers = [{ mediaType: TYPE, digest: digestOf(utf8("none")), size: 4 }];
    await refused("not-found", "is not in", put(it.store, "two", "1.0.1", { layers }));
    assert.deepEqual(await it.store.tags(REPOSITORY), ["1.0.0"]);
  }));

const isRoot = Deno.uid() === 0;
if (isRoot) console.log("skipped: root may write everywhere");
Deno.test(
  "folder: one that may not be written says so",
  { ignore: isRoot },
  () =>
    inFolder(async (folder) => {
      const it = await spoilt(folder);
      await Deno.chmod(folder, 0o500);
      try {
        await refused("permission", "not permitted", put(it.store, "two", "1.0.1"));
        assert(await it.store.readManifest(REPOSITORY, "1.0.0") !== undefined);
      } finally {
        await Deno.chmod(folder, 0o700);
      }
    }),
);

Deno.test("locations: other schemes than oci are refused", () => {
  for (const location of ["http://a/b", "file:///x", "OCI+x://a", "", "a\0b"]) {
    try {
      openStore(location);
    } catch (error) {
      assert(error instanceof RegistryError && error.kind === "usage");
      continue;
    }
    throw new Error(`${location} was taken`);
  }
});
