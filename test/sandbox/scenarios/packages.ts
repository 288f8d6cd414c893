/**
 * Families 28 to 31: packages, indexes and keys that were tampered with on their way to an operator,
 * who uses the command line.
 *
 * @module
 */
import { PayloadType, seal } from "../../../src/registry/trust/envelope.ts";
import {
  makeKey,
  MarketplaceDouble,
  packageFiles,
} from "../../../src/registry/install/marketplace_double.ts";
import {
  changeIndex,
  listPackage,
  revokeInIndex,
} from "../../../src/registry/install/publishing.ts";
import { EMPTY_DESCRIPTOR, OciType } from "../../../src/registry/oci/manifest.ts";
import { writePackage } from "../../../src/registry/oci/package_artifact.ts";
import {
  INDEX_REPOSITORY,
  INDEX_TAG,
  MediaType,
  repositoryOf,
  SIGNATURE_TYPE,
} from "../../../src/registry/package.ts";
import { DAY_MS } from "../../../src/registry/trust/index_document.ts";
import type { Findings, Scene } from "../family.ts";
import { APPROVED, ID, inShops, type Shop } from "./shop.ts";

/** sysexits.h, and 1. */
const [FAILED, USAGE, NO_INPUT, NO_PERMISSION] = [1, 64, 66, 77];
const DIGEST_LENGTH = 64;
const CAPABILITIES = { blocks: { kind: "memory", size: "volume" } } as const;

/** The file of a layer of the package, to be changed. */
async function layerFile({ double }: Shop, type: string): Promise<string> {
  const stored = await double.store.readManifest(repositoryOf(ID), "1.0.0");
  const layer = stored?.manifest.layers.find(({ mediaType }) => mediaType === type);
  if (layer === undefined) throw new Error(`the package has no layer ${type}`);
  const path = double.blob(layer.digest);
  await Deno.chmod(path, 0o644);
  return path;
}

/** Changes the file of a layer, and tries to install. */
const changed = (name: string, type: string, change: (path: string) => Promise<void>) =>
  async function changedLayer(shop: Shop): Promise<void> {
    await shop.publish();
    await change(await layerFile(shop, type));
    shop.refuses(name, await shop.install(), { code: FAILED, says: /digest|length|bytes/ });
  };

async function flip(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 2] ^= 1;
  await Deno.writeFile(path, bytes);
}

async function signatures(shop: Shop): Promise<void> {
  const { double } = shop;
  await shop.publish();
  const stranger = await makeKey("mallory");
  await shop.put({ version: "2.0.0" }, stranger);
  shop.refuses("version-not-listed", await shop.install(`${ID}@2.0.0`), {
    code: NO_INPUT,
    says: /There is no|not listed/,
  });
  // Listed as the publisher's, and signed by somebody else alone.
  const other = await shop.put({ version: "3.0.0" }, stranger);
  const publisher = { key: double.key.signer.key, rotations: [] };
  await changeIndex(double.own, double.key, listPackage(other, publisher, double.now));
  shop.refuses("other-signer", await shop.install(`${ID}@3.0.0`), {
    code: FAILED,
    says: /sign/i,
  });
}

async function unsigned(shop: Shop): Promise<void> {
  const { double } = shop;
  const files = packageFiles({ capabilities: CAPABILITIES });
  await writePackage(double.store, files);
  const content = await shop.put({ version: "0.9.0" });
  await changeIndex(
    double.own,
    double.key,
    listPackage(content, { key: double.key.signer.key, rotations: [] }, double.now),
  );
  shop.refuses("unsigned", await shop.install(`${ID}@1.0.0`), {
    code: NO_INPUT,
    says: /There is no|not listed|sign/,
  });
}

async function forgedSignature(shop: Shop): Promise<void> {
  const { double } = shop;
  const content = await shop.publish();
  const repository = repositoryOf(ID);
  const referrers = await double.store.referrers(repository, content.digest, SIGNATURE_TYPE);
  const signature = await double.store.readManifest(repository, referrers[0].digest);
  const path = double.blob(signature!.manifest.layers[0].digest);
  await Deno.chmod(path, 0o644);
  await flip(path);
  shop.refuses("signature-changed", await shop.install(), {
    code: FAILED,
    says: /sign|digest/i,
  });
}

async function movedTag(shop: Shop): Promise<void> {
  await shop.publish();
  await shop.put({ code: "other" });
  shop.refuses("moved-tag", await shop.install(), { code: FAILED, says: /tag .* was moved/ });
}

async function names(shop: Shop): Promise<void> {
  await shop.publish();
  const nothing = `${ID}@sha256:${"0".repeat(DIGEST_LENGTH)}`;
  shop.refuses("wrong-digest", await shop.install(nothing), {
    code: NO_INPUT,
    says: /There is no/,
  });
  for (
    const id of ["../../evil", "acme.disk/../x", "acme.\x1b[2Jdisk", "acme.dіsk", "/etc/passwd"]
  ) {
    shop.refuses(`name-${JSON.stringify(id)}`, await shop.install(id), {
      code: USAGE,
      says: /names no package/,
    });
  }
}

async function pathsInManifest(shop: Shop): Promise<void> {
  const { double } = shop;
  const files = packageFiles({ capabilities: CAPABILITIES });
  const manifest = new TextDecoder().decode(files.manifest)
    .replace('"module":"mod.js"', '"module":"../../../../etc/passwd"');
  const written = await writePackage(double.store, {
    ...files,
    manifest: new TextEncoder().encode(manifest),
  }).then(() => true, () => false);
  shop.holds("path-in-manifest", !written, "a package with a module outside, packed");
}

/** Family 28. */
export function badPackages(scene: Scene): Promise<Findings> {
  return inShops(scene, [
    changed("bundle-changed", MediaType.BUNDLE, flip),
    changed("manifest-swapped", MediaType.MANIFEST, flip),
    changed("huge-bundle", MediaType.BUNDLE, (path) => Deno.truncate(path, 2 ** 34)),
    changed("short-bundle", MediaType.BUNDLE, (path) => Deno.truncate(path, 3)),
    signatures,
    unsigned,
    forgedSignature,
    movedTag,
    names,
    pathsInManifest,
  ]);
}

async function rollback(shop: Shop): Promise<void> {
  const { store } = shop.double;
  await shop.publish();
  const old = await store.readManifest(INDEX_REPOSITORY, INDEX_TAG);
  shop.works(await shop.install());
  await shop.publish({ version: "1.1.0" });
  shop.works(await shop.plugin("update", "--check"));
  await store.writeManifest(INDEX_REPOSITORY, old!.manifest, INDEX_TAG);
  shop.refuses("old-index", await shop.install(), {
    code: FAILED,
    says: /version 1, and version 2 was seen before/,
  });
}

async function freeze(shop: Shop): Promise<void> {
  const { double } = shop;
  double.now = new Date(Date.now() - 40 * DAY_MS);
  await shop.publish();
  shop.refuses("expired-index", await shop.install(), { code: FAILED, says: /expired/ });
}

async function forgedIndex(shop: Shop): Promise<void> {
  const { store } = shop.double;
  await shop.publish();
  shop.works(await shop.install());
  const stranger = await makeKey("mallory");
  const stored = await store.readManifest(INDEX_REPOSITORY, INDEX_TAG);
  const payload = new TextEncoder().encode('{"format":"lunette index 1","version":99}');
  const bytes = await seal(PayloadType.INDEX, payload, stranger.signer);
  const layer = await store.writeBlob(INDEX_REPOSITORY, MediaType.INDEX, bytes);
  const config = await store.writeBlob(
    INDEX_REPOSITORY,
    EMPTY_DESCRIPTOR.mediaType,
    new TextEncoder().encode("{}"),
  );
  const manifest = { ...stored!.manifest, mediaType: OciType.MANIFEST, config, layers: [layer] };
  await store.writeManifest(INDEX_REPOSITORY, manifest, INDEX_TAG);
  shop.refuses("index-of-other-key", await shop.install(), {
    code: FAILED,
    says: /sign|key|index/i,
  });
}

const revokedWhileServed = (scene: Scene) =>
  async function revoked(shop: Shop): Promise<void> {
    const { daemon } = scene;
    const { double } = shop;
    const { digest } = await shop.publish();
    shop.works(await shop.install());
    const served = await serve(scene, "revoked-digest");
    shop.holds(
      "honest-package-serves",
      served === "serving",
      `a unit that is ${served}`,
      "harmless",
    );
    const revoked = double.now.toISOString();
    const revocation = { what: "digest", value: digest, reason: "it lies", revoked } as const;
    await changeIndex(double.own, double.key, revokeInIndex(revocation));
    const audit = await shop.plugin("audit");
    const told = audit.code !== 0 && /revoked/.test(audit.text);
    shop.holds("audit-tells", told, `an audit with exit code ${audit.code}`);
    // It goes on, as plugin_revocation says where nobody sets it; and it is told.
    const { text } = await daemon.lunette(["show", "revoked-digest"]);
    shop.holds("show-tells", /revoked/.test(text), "a unit of which nothing is said");
    const created = await serve(scene, "revoked-again");
    shop.holds("no-new-unit", /revoked/.test(created), `a unit: ${created}`.slice(0, 200));
    for (const name of ["revoked-digest", "revoked-again"]) {
      await daemon.remove(name).catch(() => {});
    }
    shop.refuses("no-new-install", await shop.install(), { code: FAILED, says: /revoked/ });
  };

const revokedKey = (scene: Scene) =>
  async function keyRevoked(shop: Shop): Promise<void> {
    await shop.publish();
    shop.works(await shop.install());
    shop.works(await shop.plugin("revoke", "--reason", "stolen", "--", shop.double.key.signer.key));
    const created = await serve(scene, "revoked-key");
    shop.holds("key-revoked-here", /revoked/.test(created), `a unit: ${created}`.slice(0, 200));
    await scene.daemon.remove("revoked-key").catch(() => {});
  };

/** Makes a unit of the package; its state, or why there is none. */
async function serve({ daemon }: Scene, name: string): Promise<string> {
  const request = { name, handler: ID, size_bytes: 1 << 20 };
  return await daemon.create(request).then(({ state }) => state, (error) => String(error));
}

/** Family 29. */
export function rolledBack(scene: Scene): Promise<Findings> {
  const parts = [rollback, freeze, forgedIndex, revokedWhileServed(scene), revokedKey(scene)];
  return inShops(scene, parts);
}

async function addedPermission(shop: Shop): Promise<void> {
  await shop.publish();
  shop.refuses("less-than-asked", await shop.install(ID, ["--capabilities", "none"]), {
    code: NO_PERMISSION,
    says: /asks for other capabilities/,
  });
  shop.works(await shop.install());
  const more = { ...CAPABILITIES, web: { kind: "http" } } as const;
  await shop.publish({ version: "1.1.0", capabilities: more });
  const update = await shop.plugin("update");
  const version = (await shop.installed())[ID];
  shop.holds("update-is-held", version === "1.0.0", `version ${version} after update`);
  const told = /held|approv/i.test(update.text) && /web/.test(update.text);
  shop.holds("update-says-why", told, `an update that says: ${update.text.trim().slice(0, 150)}`);
  shop.refuses("accept-of-the-old", await shop.plugin("update", ID, "--accept", APPROVED), {
    code: NO_PERMISSION,
    says: /asks for other capabilities|Held/,
  });
  shop.holds("still-the-old", (await shop.installed())[ID] === "1.0.0", "the new version");
}

/** Family 30. */
export function wantsMore(scene: Scene): Promise<Findings> {
  return inShops(scene, [addedPermission]);
}

async function lookalikes(shop: Shop): Promise<void> {
  await shop.publish();
  shop.works(await shop.install());
  for (const id of ["acne.disk", "acme-.disk", "acrne.disk"]) {
    await shop.publish({ id }).catch(() => {});
    const said = await shop.install(id);
    const refusal = { code: id === "acme-.disk" ? USAGE : said.code, says: /looks like|names no/ };
    shop.refuses(`lookalike-${id}`, said, refusal);
    shop.holds(`not-installed-${id}`, !(id in await shop.installed()), `${id} installed`);
  }
}

async function otherPublisher(shop: Shop): Promise<void> {
  await shop.publish();
  shop.works(await shop.install());
  await MarketplaceDouble.with(async (other) => {
    await shop.publish({ version: "1.2.0" }, other);
    const said = await shop.install(ID, [], other);
    shop.refuses("publisher-changed", said, { code: FAILED, says: /has another key/ });
  });
  const version = (await shop.installed())[ID];
  shop.holds("version-stays", version === "1.0.0", `version ${version} of another publisher`);
}

/** Family 31. */
export function takenForOthers(scene: Scene): Promise<Findings> {
  return inShops(scene, [lookalikes, otherPublisher]);
}
