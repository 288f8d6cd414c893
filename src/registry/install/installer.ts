/**
 * From an id to a package that may be installed: everything that the operator is to know is gathered
 * first, and nothing is kept before it was approved.
 *
 * @module
 */
import { API_VERSION } from "../../plugin/mod.ts";
import { parseManifest } from "../../sandbox/manifest.ts";
import { RegistryError, type TransferOptions } from "../artifact_store.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import { isPackageId, type PackageContent, publisherOf } from "../package.ts";
import type { PublicKey } from "../signed_index.ts";
import { isVersion } from "../trust/fields.ts";
import { publisherKeys } from "../trust/index_check.ts";
import {
  findRevocation,
  findRevokedHere,
  type Trust,
  type TrustStore,
} from "../trust/trust_store.ts";
import { type Excess, excessOf } from "./capability_text.ts";
import type { InstalledPackage, Lockfile } from "./lockfile.ts";
import { lookalikesOf } from "./lookalike.ts";
import {
  findPackage,
  findVersion,
  type Marketplace,
  type MarketplaceIndex,
} from "./marketplace.ts";
import { checkPackageFiles, removePackageFiles, writePackageFiles } from "./package_files.ts";

/** What is known of a publisher's key. */
export type Standing =
  /** It is the one that was confirmed. */
  | "known"
  /** The one that was confirmed has signed for it. */
  | "rotated"
  /** None was confirmed yet. */
  | "new"
  /** Another one was confirmed, which has not signed for it, or was revoked here. */
  | "other";

/** A package that could be installed. */
export interface InstallPlan {
  readonly marketplace: Marketplace;
  readonly index: MarketplaceIndex;
  readonly content: PackageContent;
  readonly description: string;
  /** Bytes of all that is installed. */
  readonly size_bytes: number;
  readonly publisher: {
    readonly name: string;
    /** Its present key. */
    readonly key: PublicKey;
    readonly standing: Standing;
    /** The one that was confirmed, where it is another. */
    readonly known_key?: PublicKey;
  };
  /** The key that signed the package. */
  readonly signed_by: PublicKey;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Ids and publishers that it could be taken for. */
  readonly lookalikes: readonly string[];
  /** What the id means now. */
  readonly before: InstalledPackage | undefined;
  /** Where it goes further than what was approved for the version before. */
  readonly excess: readonly Excess[];
}

/** What packages are installed with. */
export interface InstallerParts {
  readonly trust: TrustStore;
  readonly lock: Lockfile;
  /** Ids of the handlers that came with this program. */
  readonly built_in: readonly string[];
}

/** `ID`, `ID@VERSION` or `ID@sha256:...`. Throws RegistryError "usage". */
export function parseReference(text: string): { id: string; reference: string | undefined } {
  const at = text.indexOf("@");
  const id = at < 0 ? text : text.slice(0, at);
  const reference = at < 0 ? undefined : text.slice(at + 1);
  const fits = reference === undefined || isVersion(reference) || isDigest(reference);
  if (isPackageId(id) && fits) return { id, reference };
  throw new RegistryError(
    "usage",
    `${JSON.stringify(text.slice(0, 100))} names no package`,
    "Write publisher.name, publisher.name@1.2.3 or publisher.name@sha256:...",
  );
}

/** Finds, reads and checks a package. Throws RegistryError. */
export async function planInstall(
  { trust, lock, built_in }: InstallerParts,
  marketplace: Marketplace,
  { id, reference }: { readonly id: string; readonly reference: string | undefined },
  options: TransferOptions = {},
): Promise<InstallPlan> {
  const index = await marketplace.index();
  const entry = findPackage(index.index, id);
  const known = await trust.load();
  const here = known.revocations.filter(({ by }) => by === "");
  const revocations = [...index.index.revocations, ...here];
  const version = findVersion({ revocations }, entry, reference);
  if (version.api_version > API_VERSION) {
    throw new RegistryError(
      "unavailable",
      `${id} ${version.version} was written for version ${version.api_version} of the contract; ` +
        `here is ${API_VERSION}`,
      "Use a newer lunette, or an older version of the package.",
    );
  }
  const { content, key, signature } = await marketplace.read(index.index, entry, version, options);
  const revocation = findRevocation(known, marketplace.location, content.digest, key);
  if (revocation !== undefined) {
    throw new RegistryError("untrusted", `${id} was revoked: ${revocation.reason}`);
  }
  const packages = await lock.load();
  const before = packages.find((one) => one.id === id && one.current);
  return {
    marketplace,
    index,
    content,
    // As its publisher has signed it; the index has the marketplace's words for it.
    description: parseManifest(new TextDecoder().decode(content.manifest)).description,
    size_bytes: sizeOf(content),
    publisher: await judgePublisher(index, id, known),
    signed_by: key,
    signature,
    lookalikes: before !== undefined ? [] : lookalikesOf(id, {
      installed: packages.map((one) => one.id),
      built_in,
      publishers: known.publishers.map(({ name }) => name),
      index: index.index,
    }),
    before,
    excess: before === undefined ? [] : excessOf(before.approved, content.capabilities),
  };
}

function sizeOf({ manifest, bundle, readme }: PackageContent): number {
  return manifest.length + bundle.length + (readme?.length ?? 0);
}

async function judgePublisher(
  { index }: MarketplaceIndex,
  id: string,
  trust: Trust,
): Promise<InstallPlan["publisher"]> {
  const name = publisherOf(id);
  const publisher = index.publishers.find((one) => one.name === name);
  if (publisher === undefined) throw new Error("assertion: an index lists its publishers");
  const { key } = publisher;
  const pin = trust.publishers.find((one) => one.name === name);
  if (pin === undefined) return { name, key, standing: "new" };
  if (pin.key === key) return { name, key, standing: "known" };
  const keys = await publisherKeys(publisher);
  // A key that must not be used hands over to nobody.
  const is_handed_over = keys.includes(pin.key) && findRevokedHere(trust, [pin.key]) === undefined;
  const standing = is_handed_over ? "rotated" : "other";
  return { name, key, standing, known_key: pin.key };
}

/**
 * Installs what was approved: its keys are known from now on, its files are there, and its id means it.
 * Versions that were there before stay where `inUse` holds them: LUNs may use them, and their processes
 * are started again.
 */
export async function install(
  { trust, lock }: InstallerParts,
  plan: InstallPlan,
  inUse: (digest: string) => boolean,
): Promise<InstalledPackage> {
  const { content, marketplace, publisher } = plan;
  if (!plan.index.known) await marketplace.confirm(plan.index);
  if (publisher.standing !== "known") {
    const before = { key: publisher.known_key };
    await trust.pinPublisher(publisher.name, publisher.key, before);
  }
  const installed: InstalledPackage = {
    id: content.id,
    version: content.version,
    digest: content.digest,
    manifest: content.manifest_digest,
    bundle: digestOf(content.bundle),
    ...(content.readme === undefined ? {} : { readme: digestOf(content.readme) }),
    approved: content.capabilities,
    publisher: publisher.name,
    key: plan.signed_by,
    signature: new TextDecoder().decode(plan.signature),
    marketplace: marketplace.location,
    installed: new Date().toISOString(),
    current: true,
  };
  await lock.change(async (packages) => {
    const folder = lock.folderOf(content.digest);
    // What is as it should be stays: a process may be starting from it.
    if (!await isIntact(folder, installed)) await writePackageFiles(folder, content);
    const others = packages.filter(({ digest }) => digest !== content.digest)
      .map((one) => one.id === content.id ? { ...one, current: false } : one);
    return [...others, installed];
  });
  await removeUnused(lock, inUse);
  return installed;
}

async function isIntact(folder: string, installed: InstalledPackage): Promise<boolean> {
  try {
    await checkPackageFiles(folder, installed);
    return true;
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}

/** Removes versions that are not current and that no LUN uses; returns them. */
export async function removeUnused(
  lock: Lockfile,
  inUse: (digest: string) => boolean,
): Promise<InstalledPackage[]> {
  const gone: InstalledPackage[] = [];
  await lock.change((packages) => {
    gone.push(...packages.filter(({ current, digest }) => !current && !inUse(digest)));
    return Promise.resolve(packages.filter((one) => !gone.includes(one)));
  });
  for (const { digest } of gone) await removePackageFiles(lock.folderOf(digest));
  return gone;
}

/** Removes a package with all its versions. Throws RegistryError "not-found". */
export async function uninstall(lock: Lockfile, id: string): Promise<InstalledPackage[]> {
  const gone: InstalledPackage[] = [];
  await lock.change((packages) => {
    gone.push(...packages.filter((one) => one.id === id));
    return Promise.resolve(packages.filter((one) => one.id !== id));
  });
  if (gone.length === 0) {
    throw new RegistryError(
      "not-found",
      `${id} is not installed`,
      '"lunette plugin ls" lists what is.',
    );
  }
  for (const { digest } of gone) await removePackageFiles(lock.folderOf(digest));
  return gone;
}
