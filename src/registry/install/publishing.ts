/**
 * The publishers' and marketplaces' side: packages with their signatures, and the index that lists
 * them. What was signed is never changed; each change of the index is a new one, with the next version.
 *
 * @module
 */
import type { Manifest } from "../../plugin/mod.ts";
import { parseManifest } from "../../sandbox/manifest.ts";
import { type ArtifactStore, type Digest, RegistryError } from "../artifact_store.ts";
import { EMPTY_DESCRIPTOR, OciType } from "../oci/manifest.ts";
import {
  INDEX_REPOSITORY,
  INDEX_TAG,
  INDEX_TYPE,
  MediaType,
  type PackageContent,
  publisherOf,
  repositoryOf,
  SIGNATURE_TYPE,
} from "../package.ts";
import type {
  Index,
  IndexPackage,
  IndexPublisher,
  IndexVersion,
  KeyRotation,
  PublicKey,
  Revocation,
} from "../signed_index.ts";
import type { Signer } from "../trust/ed25519.ts";
import { fingerprintOf } from "../trust/fingerprint.ts";
import { openIndex, publisherKeys, signIndex } from "../trust/index_check.ts";
import {
  DAY_MS,
  IndexLimit,
  isMarketplaceName,
  LIFETIME_DEFAULT_DAYS,
} from "../trust/index_document.ts";
import { formatRevoked } from "../trust/key_text.ts";
import { signPackage } from "../trust/package_statement.ts";
import type { Marketplace } from "./marketplace.ts";
import { compareVersions } from "./version_order.ts";

/** Characters of a README that an index carries; the package has all of it. */
const README_LENGTH_MAX = 65_536;

/** A key that was unlocked, and those that came before it. */
export interface SigningKey {
  /** Of its file. */
  readonly name: string;
  readonly signer: Signer;
  readonly rotations: readonly KeyRotation[];
}

/** What the next index says that differs from the one before. */
export type IndexChange = (
  index: Omit<Index, "issued" | "expires">,
) => Promise<Partial<Pick<Index, "packages" | "publishers" | "revocations">>>;

/** How an index is signed. */
export interface IndexOptions {
  /** What a new marketplace calls itself. Default: the name of the key. */
  readonly name?: string;
  readonly lifetime_days?: number;
}

/** Puts a signed statement about a package beside it. */
export async function writeSignature(
  store: ArtifactStore,
  { id, digest }: Pick<PackageContent, "id" | "digest">,
  signature: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const repository = repositoryOf(id);
  const subject = (await store.readManifest(repository, digest))?.descriptor;
  if (subject === undefined) {
    throw new RegistryError("not-found", `${id}@${digest} is not in ${store.location}`);
  }
  const layer = await store.writeBlob(repository, MediaType.SIGNATURE, signature);
  const { mediaType, size } = subject;
  await store.writeManifest(repository, {
    schemaVersion: 2,
    mediaType: OciType.MANIFEST,
    artifactType: SIGNATURE_TYPE,
    config: EMPTY_DESCRIPTOR,
    layers: [layer],
    subject: { mediaType, digest, size },
  });
}

/** Signs a package that is in a store. */
export async function addSignature(
  store: ArtifactStore,
  content: PackageContent,
  signer: Signer,
): Promise<void> {
  await writeSignature(store, content, await signPackage(content, signer));
}

function checkLifetime(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= IndexLimit.LIFETIME_DAYS) return days;
  throw new RegistryError(
    "usage",
    `An index lasts 1 to ${IndexLimit.LIFETIME_DAYS} days, and not ${days}`,
  );
}

/** What comes before the first index of a marketplace. */
function emptyIndex(
  name: string,
  version: number,
  revocations: readonly Revocation[],
): Omit<Index, "issued" | "expires"> {
  if (!isMarketplaceName(name)) {
    throw new RegistryError("usage", `"${name}" cannot be the name of a marketplace`);
  }
  return {
    type: "lunette.index.v1",
    name,
    version,
    packages: [],
    publishers: [],
    revocations,
  };
}

async function checkIsOurs(
  { location }: Marketplace,
  key: PublicKey,
  { name, signer, rotations }: SigningKey,
): Promise<void> {
  if (key === signer.key || rotations.some(({ old_key }) => old_key === key)) return;
  throw new RegistryError(
    "permission",
    `The index of ${location} is signed by another key (${await fingerprintOf(key)}) ` +
      `than "${name}" (${await fingerprintOf(signer.key)})`,
    "Name the marketplace's key with --index-key, or publish with --no-index, and whoever runs " +
      "the marketplace lists the package with: lunette plugin index add ID@VERSION.",
  );
}

/** A key that has replaced another is listed with the old one's word for it: clients look for it. */
async function withSigner(
  publishers: readonly IndexPublisher[],
  { name, signer, rotations }: SigningKey,
): Promise<readonly IndexPublisher[]> {
  if (rotations.length === 0 || publishers.some(({ key }) => key === signer.key)) return publishers;
  return await withPublisher(publishers, { name, key: signer.key, rotations });
}

/**
 * Signs the next index of a marketplace, or its first one. `change` makes what it is to say. Throws
 * RegistryError "permission" where the index is another key's.
 */
export async function changeIndex(
  marketplace: Marketplace,
  key: SigningKey,
  change: IndexChange,
  { name = key.name, lifetime_days = LIFETIME_DEFAULT_DAYS }: IndexOptions = {},
): Promise<Index> {
  const lifetime_ms = checkLifetime(lifetime_days) * DAY_MS;
  const before = await marketplace.findIndex({ expired: true });
  const pin = await marketplace.pin();
  const known_key = before?.key ?? pin?.key;
  if (known_key !== undefined) await checkIsOurs(marketplace, known_key, key);
  // An index that was lost, or is kept from us, is made anew behind the versions that were seen; what
  // was revoked stays so.
  const start = before?.index ??
    emptyIndex(pin?.name ?? name, pin?.version ?? 0, await marketplace.revocations());
  const changed = { ...start, ...await change(start) };
  const now = marketplace.now;
  const index: Index = {
    ...changed,
    publishers: await withSigner(changed.publishers, key),
    version: start.version + 1,
    issued: now.toISOString(),
    expires: new Date(now.getTime() + lifetime_ms).toISOString(),
  };
  const envelope = await signIndex(index, key.signer);
  await writeIndexArtifact(marketplace, envelope, before?.artifact);
  const opened = await openIndex(envelope, marketplace.location, undefined, now);
  await marketplace.confirm(opened, known_key);
  return index;
}

async function writeIndexArtifact(
  { store, location }: Marketplace,
  envelope: Uint8Array<ArrayBuffer>,
  before: Digest | undefined,
): Promise<void> {
  const layer = await store.writeBlob(INDEX_REPOSITORY, MediaType.INDEX, envelope);
  // Two that sign at once would tell different things under one version.
  const present = await store.readManifest(INDEX_REPOSITORY, INDEX_TAG);
  if (present?.descriptor.digest !== before) {
    throw new RegistryError(
      "unavailable",
      `The index of ${location} was changed by somebody else meanwhile`,
      "Try again.",
    );
  }
  await store.writeManifest(INDEX_REPOSITORY, {
    schemaVersion: 2,
    mediaType: OciType.MANIFEST,
    artifactType: INDEX_TYPE,
    config: EMPTY_DESCRIPTOR,
    layers: [layer],
  }, INDEX_TAG);
}

/** Lists a publisher, or its new key. Throws RegistryError "untrusted" where the old one did not sign. */
async function withPublisher(
  publishers: readonly IndexPublisher[],
  publisher: IndexPublisher,
  replace_key = false,
): Promise<readonly IndexPublisher[]> {
  const keys = await publisherKeys(publisher);
  const before = publishers.find(({ name }) => name === publisher.name);
  if (before !== undefined && (await publisherKeys(before)).includes(publisher.key)) {
    return publishers;
  }
  if (before !== undefined && !keys.includes(before.key) && !replace_key) {
    throw new RegistryError(
      "untrusted",
      `Publisher "${publisher.name}" is listed with another key: ${await fingerprintOf(
        before.key,
      )}, and not ${await fingerprintOf(publisher.key)}`,
      'Use that key; "lunette plugin key rotate" replaces one by another. Where it was lost, whoever ' +
        "runs the marketplace says: lunette plugin index add --replace-key.",
    );
  }
  return [...publishers.filter((one) => one !== before), publisher];
}

function entryOf(
  { version, digest, capabilities, manifest, bundle }: PackageContent,
  { apiVersion }: Manifest,
  now: Date,
): IndexVersion {
  return {
    version,
    digest,
    size_bytes: manifest.length + bundle.length,
    published: now.toISOString(),
    capabilities,
    api_version: apiVersion,
  };
}

function withVersion(
  before: IndexPackage | undefined,
  content: PackageContent,
  entry: IndexVersion,
  { description, deviceType }: Manifest,
): IndexPackage {
  const versions = [...before?.versions ?? [], entry]
    .toSorted((left, right) => compareVersions(right.version, left.version));
  const is_newest = versions[0] === entry;
  const readme = is_newest
    ? content.readme && new TextDecoder().decode(content.readme).slice(0, README_LENGTH_MAX)
    : before?.readme;
  return {
    id: content.id,
    publisher: publisherOf(content.id),
    description: is_newest ? description : before?.description ?? description,
    device_type: deviceType,
    versions,
    ...(readme === undefined || readme === "" ? {} : { readme: readme.toWellFormed() }),
  };
}

/**
 * The change that lists a version of a package, signed by `publisher`'s key. With `replace_key` that takes
 * the place of another one without its word: each user has to confirm it.
 */
export function listPackage(
  content: PackageContent,
  publisher: { readonly key: PublicKey; readonly rotations: readonly KeyRotation[] },
  now: Date,
  replace_key = false,
): IndexChange {
  return async ({ packages, publishers }) => {
    const manifest = parseManifest(new TextDecoder().decode(content.manifest));
    const before = packages.find(({ id }) => id === content.id);
    const there = before?.versions.find(({ version }) => version === content.version);
    if (there !== undefined && there.digest !== content.digest) {
      throw new RegistryError(
        "usage",
        `${content.id} ${content.version} is listed already, with other content`,
        "What was published does not change: raise the version in handler.json.",
      );
    }
    const name = publisherOf(content.id);
    const listed = await withPublisher(publishers, { name, ...publisher }, replace_key);
    const entry = entryOf(content, manifest, now);
    const changed = there === undefined ? withVersion(before, content, entry, manifest) : before;
    const others = packages.filter(({ id }) => id !== content.id);
    return {
      packages: [...others, ...(changed === undefined ? [] : [changed])]
        .toSorted((left, right) => left.id < right.id ? -1 : 1),
      publishers: listed,
    };
  };
}

/** The change that revokes something. */
export function revokeInIndex(revocation: Revocation): IndexChange {
  return ({ revocations }) => {
    if (revocations.some(({ value }) => value === revocation.value)) {
      throw new RegistryError("usage", `${formatRevoked(revocation)} is revoked already`);
    }
    return Promise.resolve({ revocations: [...revocations, revocation] });
  };
}
