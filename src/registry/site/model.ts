/**
 * What the site shows: an index, put in order, with everything that strangers wrote made plain.
 *
 * @module
 */
import { RegistryError } from "../artifact_store.ts";
import { plainText, type Reach, type RequestWords, requestWords } from "../capability_words.ts";
import { excessOf } from "../install/capability_text.ts";
import { findVersion } from "../install/marketplace.ts";
import { isPackageId, publisherOf } from "../package.ts";
import type {
  Index,
  IndexPackage,
  IndexPublisher,
  IndexVersion,
  Revocation,
} from "../signed_index.ts";
import { isPublisher } from "../trust/fields.ts";
import { fingerprintOf } from "../trust/fingerprint.ts";
import { type DeviceCategory, deviceCategory } from "./device_category.ts";

/** Why something must not be used any more. */
export interface SiteRevocation {
  readonly what: "digest" | "key";
  /** The digest, or the key's fingerprint. */
  readonly value: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly revoked: string;
}

/** One version of a package. */
export interface SiteVersion {
  readonly version: string;
  readonly digest: string;
  readonly size_bytes: number;
  /** RFC 3339. */
  readonly published: string;
  readonly api_version: number;
  readonly words: RequestWords;
  /** Sentences of what goes further than in the version before. */
  readonly more: readonly string[];
  readonly revocation?: SiteRevocation;
}

/** A key of a publisher. */
export interface SiteKey {
  readonly fingerprint: string;
  readonly revocation?: SiteRevocation;
}

/** Who publishes. */
export interface SitePublisher {
  readonly name: string;
  readonly key: SiteKey;
  /** Former keys, the newest first. */
  readonly former_keys: readonly SiteKey[];
  readonly packages: readonly SitePackage[];
}

/** A package. */
export interface SitePackage {
  readonly id: string;
  readonly publisher: SitePublisher;
  readonly description: string;
  readonly category: DeviceCategory;
  /** Newest first; at least one. */
  readonly versions: readonly SiteVersion[];
  /** The newest version that may be used; undefined where all of them, or the key, are revoked. */
  readonly usable?: SiteVersion;
  /** How far what is shown of it reaches. */
  readonly reaches: readonly Reach[];
  /** Markdown: hostile. */
  readonly readme: string;
}

/** A revocation, and what it hits. */
export interface SiteRevocationEntry extends SiteRevocation {
  readonly hits: readonly { readonly name: string; readonly path: string }[];
}

/** All that is shown. */
export interface SiteModel {
  /** What the marketplace calls itself. */
  readonly name: string;
  /** Counts up. */
  readonly version: number;
  /** RFC 3339. */
  readonly issued: string;
  /** RFC 3339. */
  readonly expires: string;
  /** By id. */
  readonly packages: readonly SitePackage[];
  /** Those last published first. */
  readonly newest: readonly SitePackage[];
  /** By name. */
  readonly publishers: readonly SitePublisher[];
  /** Newest first. */
  readonly revocations: readonly SiteRevocationEntry[];
}

/** Longest text of a reason or a description, in characters. */
const TEXT_LENGTH_MAX = 500;

/** The version whose words stand for the package: the newest usable one, else the newest. */
export function shownVersion({ usable, versions }: SitePackage): SiteVersion {
  return usable ?? versions[0];
}

function refuse(message: string): never {
  throw new RegistryError("untrusted", message, "Ask who runs the marketplace to make it anew.");
}

/** Names become names of files, and links: nothing but their grammar is let through. */
function checkNames({ packages, publishers }: Index): void {
  const ids = new Set<string>();
  const names = new Set(publishers.map(({ name }) => name));
  for (const name of names) {
    if (!isPublisher(name)) refuse(`The index has a publisher ${JSON.stringify(name)}`);
  }
  if (names.size < publishers.length) refuse("The index has a publisher twice");
  for (const { id, publisher, versions } of packages) {
    if (!isPackageId(id)) refuse(`The index has a package ${JSON.stringify(id)}: that is no id`);
    if (ids.has(id)) refuse(`The index has the package ${id} twice`);
    ids.add(id);
    if (publisher !== publisherOf(id) || !names.has(publisher)) {
      refuse(`The index does not say who publishes ${id}`);
    }
    if (versions.length === 0) refuse(`The index has no version of ${id}`);
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Milliseconds since 1970, 0 where that is no time. */
function timeOf(text: string): number {
  const time_ms = Date.parse(text);
  return Number.isNaN(time_ms) ? 0 : time_ms;
}

/** The version that `lunette plugin install` takes; undefined where all are revoked. */
function newestUsable(index: Index, source: IndexPackage): IndexVersion | undefined {
  try {
    return findVersion(index, source, undefined);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

class ModelBuilder {
  readonly #index: Index;
  readonly #revocations = new Map<string, SiteRevocation>();
  /** Fingerprints by key. */
  readonly #fingerprints = new Map<string, string>();

  constructor(index: Index) {
    this.#index = index;
  }

  async build(): Promise<SiteModel> {
    const { name, version, issued, expires } = this.#index;
    checkNames(this.#index);
    await this.#readKeys();
    for (const revocation of this.#index.revocations) {
      this.#revocations.set(revocation.value, this.#revocation(revocation));
    }
    const publishers = this.#index.publishers
      .map((publisher) => this.#publisher(publisher))
      .sort((a, b) => compareText(a.name, b.name));
    const packages = publishers.flatMap((publisher) => publisher.packages)
      .sort((a, b) => compareText(a.id, b.id));
    const newest = packages.toSorted((a, b) =>
      timeOf(shownVersion(b).published) - timeOf(shownVersion(a).published)
    );
    const revocations = this.#index.revocations
      .map((revocation) => this.#entry(revocation, publishers))
      .sort((a, b) => timeOf(b.revoked) - timeOf(a.revoked) || compareText(a.value, b.value));
    return {
      name: plainText(name),
      version,
      issued: plainText(issued),
      expires: plainText(expires),
      packages,
      newest,
      publishers,
      revocations,
    };
  }

  async #readKeys(): Promise<void> {
    const keys = new Set<string>();
    for (const { key, rotations } of this.#index.publishers) {
      [key, ...rotations.map(({ old_key }) => old_key)].forEach((one) => keys.add(one));
    }
    for (const { what, value } of this.#index.revocations) if (what === "key") keys.add(value);
    for (const key of keys) this.#fingerprints.set(key, await fingerprintOf(key));
  }

  #revocation({ what, value, reason, revoked }: Revocation): SiteRevocation {
    return {
      what,
      value: what === "key" ? this.#fingerprints.get(value)! : plainText(value),
      reason: plainText(reason, TEXT_LENGTH_MAX),
      revoked: plainText(revoked),
    };
  }

  #key(key: string): SiteKey {
    return { fingerprint: this.#fingerprints.get(key)!, revocation: this.#revocations.get(key) };
  }

  #publisher({ name, key, rotations }: IndexPublisher): SitePublisher {
    const packages: SitePackage[] = [];
    const publisher: SitePublisher = {
      name,
      key: this.#key(key),
      former_keys: rotations.map(({ old_key }) => this.#key(old_key)).reverse(),
      packages,
    };
    const own = this.#index.packages.filter((one) => one.publisher === name);
    packages.push(...own.map((one) => this.#package(one, publisher)));
    packages.sort((a, b) => compareText(a.id, b.id));
    return publisher;
  }

  #package(source: IndexPackage, publisher: SitePublisher): SitePackage {
    const versions = source.versions.map((version, index) =>
      this.#version(version, source.versions[index + 1])
    );
    const newest = publisher.key.revocation === undefined
      ? newestUsable(this.#index, source)
      : undefined;
    const usable = newest === undefined ? undefined : versions[source.versions.indexOf(newest)];
    const shown = usable ?? versions[0];
    return {
      id: source.id,
      publisher,
      description: plainText(source.description, TEXT_LENGTH_MAX),
      category: deviceCategory(source.device_type),
      versions,
      usable,
      reaches: [...new Set(shown.words.asks.map(({ reach }) => reach))],
      readme: source.readme ?? "",
    };
  }

  #version(source: IndexVersion, before: IndexVersion | undefined): SiteVersion {
    const words = requestWords(source.capabilities);
    const further = before === undefined
      ? []
      : excessOf(before.capabilities, source.capabilities).map(({ name }) => plainText(name));
    return {
      version: plainText(source.version),
      digest: plainText(source.digest),
      size_bytes: source.size_bytes,
      published: plainText(source.published),
      api_version: source.api_version,
      words,
      more: words.asks.filter(({ name }) => further.includes(name)).map(({ sentence }) => sentence),
      revocation: this.#revocations.get(source.digest),
    };
  }

  #entry({ what, value, ...rest }: Revocation, publishers: readonly SitePublisher[]) {
    const shown = this.#revocation({ what, value, ...rest });
    const hits = what === "key" ? keyHits(shown.value, publishers) : digestHits(value, publishers);
    return { ...shown, hits };
  }
}

/** Whose key it is or was. */
function keyHits(fingerprint: string, publishers: readonly SitePublisher[]) {
  return publishers.flatMap(({ name, key, former_keys }) => {
    const path = `publisher/${name}.html`;
    if (key.fingerprint === fingerprint) return [{ name: `Key of ${name}`, path }];
    const former = former_keys.some((one) => one.fingerprint === fingerprint);
    return former ? [{ name: `Former key of ${name}`, path }] : [];
  });
}

function digestHits(digest: string, publishers: readonly SitePublisher[]) {
  return publishers.flatMap(({ packages }) => packages).flatMap(({ id, versions }) =>
    versions.filter((one) => one.digest === digest)
      .map(({ version }) => ({ name: `${id} ${version}`, path: `package/${id}.html` }))
  );
}

/** Puts an index in order. Throws RegistryError "untrusted" where its names are none. */
export function makeModel(index: Index): Promise<SiteModel> {
  return new ModelBuilder(index).build();
}
