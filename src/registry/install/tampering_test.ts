/** Everything between a publisher and an operator that can be tampered with: refused, in one line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RegistryError, type RegistryErrorKind } from "../artifact_store.ts";
import { digestOf } from "../oci/digest.ts";
import { EMPTY_DESCRIPTOR, OciType } from "../oci/manifest.ts";
import { writePackage } from "../oci/package_artifact.ts";
import {
  INDEX_REPOSITORY,
  INDEX_TAG,
  MediaType,
  PackageLimit,
  repositoryOf,
  SIGNATURE_TYPE,
} from "../package.ts";
import { PayloadType, seal } from "../trust/envelope.ts";
import { DAY_MS } from "../trust/index_document.ts";
import { signPackage } from "../trust/package_statement.ts";
import { rotate } from "../trust/rotation.ts";
import { install, parseReference, planInstall, removeUnused, uninstall } from "./installer.ts";
import { makeKey, MarketplaceDouble, packageFiles } from "./marketplace_double.ts";
import { readSignatures } from "./marketplace.ts";
import { changeIndex, listPackage, revokeInIndex, writeSignature } from "./publishing.ts";

const utf8 = new TextEncoder();

async function refuses(
  work: () => Promise<unknown>,
  pattern: RegExp,
  kind: RegistryErrorKind = "untrusted",
): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof RegistryError, String(error));
    assert.match(error.message, pattern);
    assert.equal(error.kind, kind, error.message);
    assert(!error.message.includes("\n"), "one line");
    return true;
  });
}

/** Nothing was installed by what was refused. */
async function isUntouched({ parts: { lock } }: MarketplaceDouble): Promise<void> {
  assert.deepEqual(await lock.load(), []);
}

/** What the tag of the index names. */
async function indexBlob({ store }: MarketplaceDouble) {
  const stored = await store.readManifest(INDEX_REPOSITORY, INDEX_TAG);
  assert(stored !== undefined);
  return stored;
}

Deno.test("what was published is installed, byte for byte, and may start", async () => {
  await MarketplaceDouble.with(async (double) => {
    const content = await double.publish();
    const plan = await double.plan();
    assert.equal(plan.publisher.standing, "new");
    assert.equal(plan.index.known, false);
    await isUntouched(double);
    const installed = await double.install();
    assert.equal(installed.digest, content.digest);
    const { manifest, module } = await double.handlers.load("acme.disk");
    assert.equal(manifest.id, "acme.disk");
    assert.deepEqual(await Deno.readFile(new URL(module)), content.bundle);
    assert.equal((await double.plan()).publisher.standing, "known");
  });
});

Deno.test("a changed bundle or manifest of a package is refused", async () => {
  for (const type of [MediaType.BUNDLE, MediaType.MANIFEST]) {
    await MarketplaceDouble.with(async (double) => {
      const { digest } = await double.publish();
      const stored = await double.store.readManifest(repositoryOf("acme.disk"), digest);
      const layer = stored?.manifest.layers.find(({ mediaType }) => mediaType === type);
      assert(layer !== undefined);
      const path = double.blob(layer.digest);
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 2] ^= 1;
      await Deno.chmod(path, 0o644);
      await Deno.writeFile(path, bytes);
      await refuses(() => double.install(), /digest is another/);
      await isUntouched(double);
    });
  }
});

Deno.test("a tag that was moved to another package is refused, signed as that may be", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.put({ code: "other" });
    await refuses(() => double.install(), /^The tag of acme.disk 1.0.0 was moved/);
    await isUntouched(double);
  });
});

Deno.test("an old index that is replayed is refused; what is installed goes on", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const old = await indexBlob(double);
    await double.install();
    await double.publish({ version: "1.1.0" });
    await double.plan();
    await double.store.writeManifest(INDEX_REPOSITORY, old.manifest, INDEX_TAG);
    await refuses(() => double.plan(), /version 1, and version 2 was seen before/);
    await double.handlers.load("acme.disk");
  });
});

Deno.test("an index that was not renewed is refused, and taken again when it was", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    double.now = new Date(Date.now() + 31 * DAY_MS);
    await refuses(() => double.install(), /has expired/);
    await isUntouched(double);
    await changeIndex(double.own, double.key, () => Promise.resolve({}));
    await double.install();
  });
});

Deno.test("two contents of the index under one version are refused", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const first = await indexBlob(double);
    await double.install();
    await double.store.writeManifest(INDEX_REPOSITORY, {
      ...first.manifest,
      layers: [{ ...first.manifest.layers[0], annotations: { other: "way" } }],
    }, INDEX_TAG);
    // The same document in another artifact is the same document.
    await double.plan();
    await Deno.remove(join(double.location, "index.json"));
    await Deno.remove(join(double.folder, "publisher"), { recursive: true });
    double.now = new Date(Date.now() + 1000);
    await double.publish({ version: "6.6.6" });
    await refuses(() => double.plan(), /version 1 had another content before/);
  });
});

Deno.test("a package that was revoked is not installed, and does not start any more", async () => {
  await MarketplaceDouble.with(async (double) => {
    const { digest } = await double.publish();
    await double.install();
    const revoked = new Date().toISOString();
    const revocation = { what: "digest", value: digest, reason: "loses data", revoked } as const;
    await changeIndex(double.own, double.key, revokeInIndex(revocation));
    await refuses(() => double.plan("acme.disk", "1.0.0"), /1.0.0 was revoked .*: loses data/);
    await refuses(() => double.plan(), /All versions of acme.disk were revoked/);
    // By asking for it, the operator has learned of it.
    await refuses(
      () => double.handlers.load("acme.disk"),
      /acme.disk 1.0.0 was revoked by .*loses/,
    );
  });
});

Deno.test("what a revoked key has signed is not installed, and does not start any more", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const old = double.key;
    double.key = await makeKey("acme", old);
    const value = old.signer.key;
    const revoked = new Date().toISOString();
    const revocation = { what: "key", value, reason: "stolen", revoked } as const;
    await changeIndex(double.own, double.key, revokeInIndex(revocation));
    await refuses(() => double.plan(), /signed by a key that was revoked: stolen/);
    await refuses(() => double.handlers.load("acme.disk"), /The key that signed .* was revoked/);
    // Signed again by the new key it is as good as before.
    await double.publish();
    const { publisher, content } = await double.plan();
    assert.equal(publisher.standing, "rotated");
    assert.equal(content.version, "1.0.0");
    await double.install();
    await double.handlers.load("acme.disk");
  });
});

Deno.test("a revocation by one marketplace says nothing of what came from another", async () => {
  await MarketplaceDouble.with(async (double) => {
    const { digest } = await double.publish();
    await double.install();
    const revoked = new Date().toISOString();
    const revocation = { what: "digest", value: digest, reason: "envy", revoked } as const;
    await double.parts.trust.change((trust) => ({
      ...trust,
      revocations: [{ by: "/srv/another", ...revocation }],
    }));
    await double.handlers.load("acme.disk");
    await double.parts.trust.change((trust) => ({
      ...trust,
      revocations: [{ by: "", ...revocation }],
    }));
    await refuses(() => double.handlers.load("acme.disk"), /by the operator of this machine: envy/);
  });
});

Deno.test("a package without its publisher's signature is refused, whoever else has signed", async () => {
  await MarketplaceDouble.with(async (double) => {
    const stranger = await makeKey("stranger");
    const content = await double.put({}, stranger);
    const good = await double.put({ version: "0.9.0" });
    const { key, rotations } = { key: double.key.signer.key, rotations: [] };
    const list = listPackage(content, { key, rotations }, double.now);
    await changeIndex(double.own, double.key, list);
    await refuses(() => double.install(), /not signed by publisher "acme"/);
    // A statement for another version, carried over.
    const [replayed] = await readSignatures(double.store, good);
    await writeSignature(double.store, content, replayed);
    await refuses(() => double.install(), /it is about another version/);
    // A statement of another kind.
    const sealed = await seal(PayloadType.INDEX, utf8.encode("{}"), double.key.signer);
    await writeSignature(double.store, content, sealed);
    await refuses(() => double.install(), /another kind|another version/);
    await isUntouched(double);
    // None of them stands in the way of the right one.
    await writeSignature(double.store, content, await signPackage(content, double.key.signer));
    await double.install();
  });
});

Deno.test("a statement for another package, put beside this one, is refused", async () => {
  await MarketplaceDouble.with(async (double) => {
    const other = await double.put({ id: "acme.tape" });
    const [replayed] = await readSignatures(double.store, other);
    const content = await double.put({}, await makeKey("stranger"));
    const publisher = { key: double.key.signer.key, rotations: [] };
    await changeIndex(double.own, double.key, listPackage(content, publisher, double.now));
    await writeSignature(double.store, content, replayed);
    await refuses(() => double.install(), /it is about another id/);
  });
});

Deno.test("signatures that are no artifacts of one layer, or too long, are refused", async () => {
  await MarketplaceDouble.with(async (double) => {
    const content = await double.put({}, await makeKey("stranger"));
    const publisher = { key: double.key.signer.key, rotations: [] };
    await changeIndex(double.own, double.key, listPackage(content, publisher, double.now));
    const long = new Uint8Array(PackageLimit.SIGNATURE + 1);
    const repository = repositoryOf(content.id);
    const layer = await double.store.writeBlob(repository, MediaType.SIGNATURE, long);
    const subject = { mediaType: OciType.MANIFEST, digest: content.digest, size: 1 };
    await double.store.writeManifest(repository, {
      schemaVersion: 2,
      mediaType: OciType.MANIFEST,
      artifactType: SIGNATURE_TYPE,
      config: EMPTY_DESCRIPTOR,
      layers: [layer],
      subject,
    });
    await refuses(() => double.install(), /at most 65536/);
  });
});

Deno.test("a package that asks for other things than the index says is refused", async () => {
  await MarketplaceDouble.with(async (double) => {
    const content = await double.put({});
    const publisher = { key: double.key.signer.key, rotations: [] };
    const told = { ...content, capabilities: {} };
    await changeIndex(double.own, double.key, listPackage(told, publisher, double.now));
    await refuses(() => double.install(), /asks for other capabilities than the index says/);
    await isUntouched(double);
  });
});

Deno.test("an oversized index is refused before it is read", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const { manifest } = await indexBlob(double);
    const [layer] = manifest.layers;
    const size = 2 ** 40;
    // No writer would put it there.
    const huge = JSON.stringify({ ...manifest, layers: [{ ...layer, size }] });
    const digest = digestOf(utf8.encode(huge));
    await Deno.writeTextFile(double.blob(digest), huge);
    const path = join(double.location, "index.json");
    const folder = JSON.parse(await Deno.readTextFile(path));
    for (const entry of folder.manifests) {
      if (entry.annotations["org.opencontainers.image.ref.name"] !== "index:latest") continue;
      entry.digest = digest;
      entry.size = huge.length;
    }
    await Deno.writeTextFile(path, JSON.stringify(folder));
    await refuses(() => double.install(), /1099511627776 bytes; at most/);
  });
});

Deno.test("ids that are paths name nothing, in references and in packages", async () => {
  for (
    const text of ["../../etc/passwd", "acme/disk", "acme..disk", "acme.disk@../1", "acme", ""]
  ) {
    await refuses(
      async () => await Promise.resolve(parseReference(text)),
      /names no package/,
      "usage",
    );
  }
  await MarketplaceDouble.with(async (double) => {
    const evil = packageFiles({ id: "../../evil" });
    await refuses(() => writePackage(double.store, evil), /id/, "usage");
  });
});

Deno.test("another key of a publisher is held unless the old one has signed for it", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const before = double.key;
    // The marketplace's own key stays; its publisher has another one, from nowhere.
    const other = await makeKey("acme");
    await changeIndex(double.own, double.key, ({ publishers }) =>
      Promise.resolve({
        publishers: publishers.map((one) => ({ ...one, key: other.signer.key, rotations: [] })),
      }));
    await double.put({ version: "1.1.0" }, other);
    const content = await double.put({ version: "1.1.0" }, other);
    const publisher = { key: other.signer.key, rotations: [] };
    await changeIndex(double.own, before, listPackage(content, publisher, double.now));
    const plan = await double.plan();
    assert.equal(plan.content.version, "1.1.0");
    assert.equal(plan.publisher.standing, "other");
    // What is installed goes on.
    assert.equal((await double.handlers.load("acme.disk")).installed.version, "1.0.0");
  });
});

Deno.test("a listing under another key than the publisher's is refused to its marketplace", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const other = await makeKey("evil");
    await refuses(
      () => double.publish({ version: "1.1.0" }, other),
      /Publisher "acme" is listed with another key/,
    );
    await refuses(
      () => changeIndex(double.own, other, () => Promise.resolve({})),
      /signed by another key/,
      "permission",
    );
    await refuses(() => double.publish({ code: "other" }), /listed already, with other/, "usage");
  });
});

Deno.test("a key that was lost is replaced by the marketplace, and confirmed by each user", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const next = await makeKey("acme");
    const content = await double.put({ version: "1.1.0" }, next);
    const publisher = { key: next.signer.key, rotations: [] };
    const list = listPackage(content, publisher, double.now, true);
    await changeIndex(double.own, double.key, list);
    assert.equal((await double.plan()).publisher.standing, "other");
    await double.parts.trust.pinPublisher("acme", next.signer.key);
    assert.equal((await double.plan()).publisher.standing, "known");
    // What the lost key has signed is nobody's word any more.
    await refuses(() => double.plan("acme.disk", "1.0.0"), /not signed by publisher "acme"/);
  });
});

Deno.test("a key that was handed over signs for marketplace and publisher alike", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    double.key = await makeKey("acme", double.key);
    await double.publish({ version: "1.1.0" });
    const plan = await double.plan();
    assert.equal(plan.publisher.standing, "rotated");
    assert.equal(plan.excess.length, 0);
    await double.install();
    assert.equal((await double.plan()).publisher.standing, "known");
    // The old key is not one to go back to.
    const { publishers } = await double.parts.trust.load();
    assert.equal(publishers[0].key, double.key.signer.key);
  });
});

Deno.test("a marketplace makes no key of its own a former one of a publisher", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const evil = await makeKey("evil");
    const { signer: { key } } = double.key;
    // It can sign for the publisher's key, as if it had been handed over to it; that says nothing.
    const handover = await rotate(evil.signer, double.key.signer);
    const forged = { ...handover, new_signature: handover.signature };
    const content = await double.put({ version: "1.1.0", code: "evil" }, evil);
    const list = listPackage(content, { key, rotations: [] }, double.now);
    await changeIndex(double.own, double.key, async (index) => ({
      ...await list(index),
      publishers: [{ name: "acme", key, rotations: [forged] }],
    }));
    await refuses(() => double.plan(), /new key did not sign that it follows/);
  });
});

Deno.test("an index that was lost is made anew behind the versions that were seen", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.publish({ version: "1.1.0" });
    await double.install();
    await Deno.remove(double.location, { recursive: true });
    await double.publish({ version: "1.2.0" });
    const { index, content } = await double.plan();
    assert.deepEqual([index.index.version, content.version], [3, "1.2.0"]);
    // Whoever has another key cannot do the same.
    await Deno.remove(double.location, { recursive: true });
    const other = await makeKey("evil");
    await refuses(
      () => changeIndex(double.own, other, () => Promise.resolve({})),
      /signed by another key/,
      "permission",
    );
  });
});

Deno.test("what was revoked stays so in an index that is made anew", async () => {
  await MarketplaceDouble.with(async (double) => {
    const { digest } = await double.publish();
    const revoked = new Date().toISOString();
    const revocation = { what: "digest", value: digest, reason: "loses data", revoked } as const;
    await changeIndex(double.own, double.key, revokeInIndex(revocation));
    // A registry that keeps the index from its owner.
    await Deno.remove(double.location, { recursive: true });
    await double.publish({ version: "1.1.0" });
    const { index } = await double.plan();
    assert.deepEqual(index.index.revocations, [revocation]);
  });
});

Deno.test("a key that the operator has revoked signs no index, and hands over to nobody", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const { key } = double.key.signer;
    const { trust } = double.parts;
    const revoked = new Date().toISOString();
    await trust.change((before) => ({
      ...before,
      revocations: [{ by: "", what: "key", value: key, reason: "stolen", revoked }],
    }));
    await refuses(() => double.plan(), /The key of .* was revoked by the operator .*: stolen/);
    // Whoever has stolen it has a new one, for both.
    double.key = await makeKey("acme", double.key);
    await double.publish({ version: "1.1.0" });
    await refuses(() => double.plan(), /The key of .* was revoked by the operator .*: stolen/);
    await trust.change((before) => ({
      ...before,
      marketplaces: before.marketplaces.map((one) => ({ ...one, key: double.key.signer.key })),
    }));
    const { publisher } = await double.plan();
    assert.equal(publisher.standing, "other");
  });
});

Deno.test("what the operator has revoked is not the newest version", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const { digest } = await double.publish({ version: "1.1.0" });
    const revoked = new Date().toISOString();
    await double.parts.trust.change((before) => ({
      ...before,
      revocations: [{ by: "", what: "digest", value: digest, reason: "slow here", revoked }],
    }));
    assert.equal((await double.plan()).content.version, "1.0.0");
    await refuses(() => double.plan("acme.disk", "1.1.0"), /acme.disk was revoked: slow here/);
  });
});

Deno.test("a publisher's key that became known meanwhile is not replaced", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const plan = await double.plan();
    assert.equal(plan.publisher.standing, "new");
    const other = await makeKey("acme");
    await double.parts.trust.pinPublisher("acme", other.signer.key);
    await refuses(
      () => install(double.parts, plan, () => true),
      /key of publisher "acme" was changed meanwhile/,
      "unavailable",
    );
    await isUntouched(double);
  });
});

Deno.test("what a package says of itself is its publisher's word", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await changeIndex(double.own, double.key, ({ packages }) =>
      Promise.resolve({
        packages: packages.map((one) => ({ ...one, description: "Audited by everybody" })),
      }));
    assert.equal((await double.plan()).description, "A disk for tests");
  });
});

Deno.test("an update that wants more says what, and what is installed goes on", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    await double.publish({
      version: "2.0.0",
      capabilities: {
        disk: { kind: "file", access: "read-write" },
        home: { kind: "http", methods: ["POST"] },
        clock: { kind: "clock" },
      },
    });
    const { excess } = await double.plan();
    assert.deepEqual(excess, [
      { name: "disk", approved: "disk=file:read-only", wanted: "disk=file:read-write" },
      { name: "home", wanted: "home=http:POST:any" },
    ]);
    assert.equal((await double.handlers.load("acme.disk")).installed.version, "1.0.0");
  });
});

Deno.test("installed files that were changed do not start, nor does more than was approved", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const { digest } = await double.install();
    const { lock } = double.parts;
    const folder = lock.folderOf(digest);
    const module = join(folder, "mod.js");
    const load = () => double.handlers.load("acme.disk");
    const good = await Deno.readFile(module);
    await Deno.chmod(module, 0o644);
    await Deno.writeTextFile(module, "evil");
    await refuses(load, /mod.js has another digest/);
    await Deno.writeFile(module, good);
    await load();
    await Deno.writeTextFile(join(folder, "more.js"), "");
    await refuses(load, /there is a "more.js"/);
    await Deno.remove(join(folder, "more.js"));
    await Deno.remove(join(folder, "README.md"));
    await refuses(load, /README.md is missing/);
    await double.install();
    await load();
    await Deno.remove(join(folder, "mod.js"));
    await Deno.symlink("/etc/passwd", join(folder, "mod.js"));
    await refuses(load, /mod.js/);
    await double.install();
    const text = await Deno.readTextFile(lock.path);
    const file = JSON.parse(text);
    const edits: [Record<string, unknown>, RegExp, RegistryErrorKind][] = [
      [{ approved: {} }, /wants disk=file:read-only, which was not approved/, "consent"],
      [{ version: "1.0.1" }, /about another version/, "untrusted"],
      [{ signature: "{}" }, /no signed statement/, "untrusted"],
      [{ key: (await makeKey("evil")).signer.key }, /signed by another key/, "untrusted"],
    ];
    for (const [edit, pattern, kind] of edits) {
      const packages = [{ ...file.packages[0], ...edit }];
      await Deno.writeTextFile(lock.path, JSON.stringify({ ...file, packages }));
      await refuses(load, pattern, kind);
    }
    await Deno.writeTextFile(lock.path, "{}");
    await refuses(load, /lock.json/);
    await Deno.writeTextFile(lock.path, text);
    await load();
  });
});

Deno.test("what a crash has left of an installation goes with the next one", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    const packages = join(double.parts.lock.folder, "packages");
    await Deno.mkdir(join(packages, ".new-abc"), { recursive: true });
    await Deno.writeTextFile(join(packages, ".new-abc", "mod.js"), "half");
    const { digest } = await double.install();
    const names = (await Array.fromAsync(Deno.readDir(packages))).map(({ name }) => name);
    assert.deepEqual(names, [digest.replace(":", "-")]);
    // The same once more leaves alone what a process may be starting from.
    const module = join(packages, names[0], "mod.js");
    const { ino } = await Deno.stat(module);
    await double.install();
    assert.equal((await Deno.stat(module)).ino, ino);
  });
});

Deno.test("versions that LUNs use stay until nobody does", async () => {
  await MarketplaceDouble.with(async (double) => {
    const { lock } = double.parts;
    const first = await double.publish();
    await double.install();
    const second = await double.publish({ version: "1.1.0" });
    const plan = () =>
      planInstall(double.parts, double.marketplace, { id: "acme.disk", reference: undefined });
    await install(double.parts, await plan(), (digest) => digest === first.digest);
    assert.deepEqual((await lock.load()).map(({ version, current }) => [version, current]), [
      ["1.1.0", true],
      ["1.0.0", false],
    ]);
    // A process of the version before is started again.
    await double.handlers.verify(first);
    assert.equal((await double.handlers.load("acme.disk")).installed.digest, second.digest);
    await removeUnused(lock, () => false);
    await refuses(
      () => double.handlers.verify(first),
      /acme.disk 1.0.0 is not installed/,
      "not-found",
    );
    await assert.rejects(() => Deno.stat(lock.folderOf(first.digest)), Deno.errors.NotFound);
    await uninstall(lock, "acme.disk");
    await refuses(() => double.handlers.load("acme.disk"), /not installed/, "not-found");
    await refuses(() => uninstall(lock, "acme.disk"), /not installed/, "not-found");
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(lock.folder, "packages"))), []);
  });
});
