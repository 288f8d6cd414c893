/**
 * A marketplace as its users see it: an index that is believed only as far as `trust/index_check.ts`
 * allows, and packages that must be what the index and their publisher's signature say.
 *
 * @module
 */
import { resolve } from "node:path";
import {
  type ArtifactStore,
  type Descriptor,
  type Digest,
  RegistryError,
  type TransferOptions,
} from "../artifact_store.ts";
import { parseLocation } from "../oci/location.ts";
import { readPackageOf } from "../oci/package_artifact.ts";
import { openStore, type StoreOptions } from "../oci/store.ts";
import {
  INDEX_REPOSITORY,
  INDEX_TAG,
  INDEX_TYPE,
  MediaType,
  type PackageContent,
  PackageLimit,
  publisherOf,
  repositoryOf,
  SIGNATURE_TYPE,
} from "../package.ts";
import type { Index, IndexPackage, IndexVersion, PublicKey, Revocation } from "../signed_index.ts";
import {
  type CheckedIndex,
  INDEX_ENVELOPE_LENGTH_MAX,
  type IndexLeniency,
  type MarketplacePin,
  openIndex,
  publisherKeys,
} from "../trust/index_check.ts";
import { canonicalJson } from "../trust/encoding.ts";
import { formatRevoked } from "../trust/key_text.ts";
import { checkPackageSignature } from "../trust/package_statement.ts";
import { findRevokedHere, type TrustStore } from "../trust/trust_store.ts";
import { compareVersions, isPrerelease } from "./version_order.ts";

/** What an index says, and whether the operator knows its key. */
export interface MarketplaceIndex extends CheckedIndex {
  readonly known: boolean;
  /** Of the artifact that it was read from. */
  readonly artifact: Digest;
}

/** A package whose signature holds. */
export interface VerifiedPackage {
  readonly content: PackageContent;
  /** The key that signed it: one of its publisher's. */
  readonly key: PublicKey;
  /** Its signed statement. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * The one form of a location, by which keys and versions are remembered: folders as absolute paths,
 * registries in lower case and without the usual port. Throws RegistryError "usage".
 */
export function normalLocation(location: string, plain_http?: boolean): string {
  if (location.startsWith("oci://")) return parseLocation(location, plain_http).location;
  return location.includes("://") ? location : resolve(location);
}

/** The one layer of an artifact of which there is to be one. */
export function onlyLayer(layers: readonly Descriptor[], type: string, what: string): Descriptor {
  const [layer] = layers;
  if (layers.length === 1 && layer.mediaType === type) return layer;
  throw new RegistryError("untrusted", `Cannot use ${what}: it is not one layer of its type`);
}

/** See the module. */
export class Marketplace {
  readonly location: string;
  readonly store: ArtifactStore;
  readonly #trust: TrustStore;
  readonly #now: () => Date;

  constructor(
    location: string,
    trust: TrustStore,
    { now = () => new Date(), ...options }: StoreOptions & { readonly now?: () => Date } = {},
  ) {
    this.location = normalLocation(location, options.plain_http);
    this.store = openStore(this.location, options);
    this.#trust = trust;
    this.#now = now;
  }

  /**
   * The index as it is now; undefined where there is none. That of a known marketplace is remembered as
   * the newest that was seen. Throws RegistryError.
   */
  async findIndex(
    options: TransferOptions & IndexLeniency = {},
  ): Promise<MarketplaceIndex | undefined> {
    const stored = await this.store.readManifest(INDEX_REPOSITORY, INDEX_TAG, options);
    if (stored === undefined) return undefined;
    const what = `the index of ${this.location}`;
    if (stored.manifest.artifactType !== INDEX_TYPE) {
      throw new RegistryError("untrusted", `Cannot use ${what}: it is another kind of artifact`);
    }
    const layer = onlyLayer(stored.manifest.layers, MediaType.INDEX, what);
    const bytes = await this.store.readBlob(
      INDEX_REPOSITORY,
      layer,
      INDEX_ENVELOPE_LENGTH_MAX,
      options,
    );
    const pin = await this.pin();
    const checked = await openIndex(bytes, this.location, pin, this.#now(), options);
    await this.#checkRevoked([checked.key, ...(pin === undefined ? [] : [pin.key])]);
    if (pin !== undefined) await this.#trust.saw(this.location, checked, pin.key);
    return { ...checked, known: pin !== undefined, artifact: stored.descriptor.digest };
  }

  /** Refuses an index by a key that the operator has revoked, and one that such a key has handed over to. */
  async #checkRevoked(keys: readonly PublicKey[]): Promise<void> {
    const revocation = findRevokedHere(await this.#trust.load(), keys);
    if (revocation === undefined) return;
    const { reason } = revocation;
    throw new RegistryError(
      "untrusted",
      `The key of ${this.location} was revoked by the operator of this machine: ${reason}`,
      `Ask the marketplace for its new key: lunette plugin trust add ${this.location} KEY. ` +
        `The revocation is ended by: lunette plugin trust rm ${formatRevoked(revocation)}.`,
    );
  }

  /** The index as it is now. Throws RegistryError "not-found" where there is none. */
  async index(options: TransferOptions = {}): Promise<MarketplaceIndex> {
    const index = await this.findIndex(options);
    if (index !== undefined) return index;
    throw new RegistryError(
      "not-found",
      `${this.location} has no index: it is no marketplace`,
      'Check the location. "lunette plugin publish" makes one.',
    );
  }

  /** The time by which indexes are judged and signed. */
  get now(): Date {
    return this.#now();
  }

  /** What is remembered of it; undefined where its key is not known. */
  async pin(): Promise<MarketplacePin | undefined> {
    const { marketplaces } = await this.#trust.load();
    return marketplaces.find(({ location }) => location === this.location);
  }

  /** What it has revoked, as far as that is known here. */
  async revocations(): Promise<Revocation[]> {
    const { revocations } = await this.#trust.load();
    return revocations.filter(({ by }) => by === this.location).map(({ by: _, ...one }) => one);
  }

  /** The operator has confirmed the marketplace's key; `before` is the one that was known. */
  async confirm(index: CheckedIndex, before?: PublicKey): Promise<void> {
    await this.#trust.saw(this.location, index, before);
  }

  /**
   * Reads a version of a package: it must be what the index says, and signed for by its publisher.
   * Throws RegistryError "untrusted".
   */
  async read(
    index: Index,
    { id }: IndexPackage,
    entry: IndexVersion,
    options: TransferOptions = {},
  ): Promise<VerifiedPackage> {
    checkNotRevoked(index, entry.digest, `${id} ${entry.version}`);
    const repository = repositoryOf(id);
    const tagged = await this.store.readManifest(repository, entry.version, options);
    if (tagged !== undefined && tagged.descriptor.digest !== entry.digest) {
      throw new RegistryError(
        "untrusted",
        `The tag of ${id} ${entry.version} was moved: it is ${tagged.descriptor.digest}, ` +
          `and the index says ${entry.digest}`,
        "Ask the marketplace.",
      );
    }
    const stored = tagged ?? await this.store.readManifest(repository, entry.digest, options);
    if (stored === undefined) {
      throw new RegistryError("not-found", `${id} ${entry.version} is not in ${this.location}`);
    }
    const content = await readPackageOf(this.store, id, stored, options);
    checkEntry(content, entry);
    return { content, ...await this.#signature(index, content, options) };
  }

  /** The word of its publisher for a package. */
  async #signature(
    index: Index,
    content: PackageContent,
    options: TransferOptions,
  ): Promise<Omit<VerifiedPackage, "content">> {
    const { id, version } = content;
    const publisher = index.publishers.find(({ name }) => name === publisherOf(id));
    if (publisher === undefined) throw new Error("assertion: an index lists its publishers");
    const keys = await publisherKeys(publisher);
    let problem: unknown;
    for (const signature of await readSignatures(this.store, content, options)) {
      try {
        const key = await checkPackageSignature(signature, content);
        if (!keys.includes(key)) continue;
        const revocation = index.revocations.find(({ value }) => value === key);
        if (revocation === undefined) return { key, signature };
        problem = new RegistryError(
          "untrusted",
          `${id} ${version} is signed by a key that was revoked: ${revocation.reason}`,
        );
      } catch (error) {
        problem = error;
      }
    }
    throw problem ?? new RegistryError(
      "untrusted",
      `${id} ${version} is not signed by publisher "${publisher.name}"`,
      "Do not use it. Tell the marketplace.",
    );
  }
}

/** The signed statements about a package, unchecked. */
export async function readSignatures(
  store: ArtifactStore,
  { id, digest }: Pick<PackageContent, "id" | "digest">,
  options: TransferOptions = {},
): Promise<Uint8Array<ArrayBuffer>[]> {
  const repository = repositoryOf(id);
  const found = await store.referrers(repository, digest, SIGNATURE_TYPE, options);
  const signatures: Uint8Array<ArrayBuffer>[] = [];
  for (const { digest: own } of found.slice(0, PackageLimit.SIGNATURES_COUNT)) {
    const stored = await store.readManifest(repository, own, options);
    if (stored === undefined) continue;
    const { artifactType, subject, layers } = stored.manifest;
    if (artifactType !== SIGNATURE_TYPE || subject?.digest !== digest) continue;
    const layer = onlyLayer(layers, MediaType.SIGNATURE, `a signature of ${id}`);
    signatures.push(await store.readBlob(repository, layer, PackageLimit.SIGNATURE, options));
  }
  return signatures;
}

function checkNotRevoked({ revocations }: Index, digest: Digest, what: string): void {
  const revocation = revocations.find(({ value }) => value === digest);
  if (revocation === undefined) return;
  throw new RegistryError(
    "untrusted",
    `${what} was revoked ${revocation.revoked}: ${revocation.reason}`,
    "Use another version.",
  );
}

function checkEntry(content: PackageContent, entry: IndexVersion): void {
  const { id, version, capabilities } = content;
  if (version !== entry.version) {
    throw new RegistryError(
      "untrusted",
      `${id} ${entry.version} is version ${version} by its handler.json`,
    );
  }
  if (canonicalJson(capabilities) !== canonicalJson(entry.capabilities)) {
    throw new RegistryError(
      "untrusted",
      `${id} ${version} asks for other capabilities than the index says`,
    );
  }
}

/** A package of an index. Throws RegistryError "not-found". */
export function findPackage({ packages, name }: Index, id: string): IndexPackage {
  const found = packages.find((one) => one.id === id);
  if (found !== undefined) return found;
  throw new RegistryError(
    "not-found",
    `There is no package "${id}" in the marketplace "${name}"`,
    '"lunette plugin search" lists what there is.',
  );
}

/**
 * The version that a reference means: a version, a digest, or undefined for the newest release that was
 * not revoked. Throws RegistryError "not-found".
 */
export function findVersion(
  { revocations }: Pick<Index, "revocations">,
  { id, versions }: IndexPackage,
  reference: string | undefined,
): IndexVersion {
  if (reference !== undefined) {
    const found = versions.find((one) => one.version === reference || one.digest === reference);
    if (found !== undefined) return found;
    throw new RegistryError(
      "not-found",
      `There is no ${id} ${reference}`,
      `There are: ${versions.slice(0, 20).map(({ version }) => version).join(", ")}.`,
    );
  }
  const revoked = new Set(revocations.map(({ value }) => value));
  const usable = versions.filter(({ digest }) => !revoked.has(digest))
    .toSorted((left, right) => compareVersions(right.version, left.version));
  const newest = usable.find(({ version }) => !isPrerelease(version)) ?? usable[0];
  if (newest !== undefined) return newest;
  throw new RegistryError("untrusted", `All versions of ${id} were revoked`);
}
