/** `index.json` of an OCI layout (image-spec, image-layout.md): which manifests are there, by name. */
import {
  type ArtifactManifest,
  type Descriptor,
  type Digest,
  RegistryError,
} from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import { isDigest } from "./digest.ts";
import { formatImageIndex, parseDescriptor, parseImageIndex, refuse } from "./manifest.ts";
import { isTag, shown } from "./name.ts";

const REF_NAME = "org.opencontainers.image.ref.name";
/** Spares looking into each manifest for its subject: where it stands, it is the subject's digest. */
const SUBJECT = "vnd.lunette.subject.digest";

/** One entry of `index.json`. */
interface Entry {
  readonly descriptor: Descriptor;
  /** `REPOSITORY:TAG`, or a name that other programs gave. */
  readonly name: string | undefined;
  /** Digest of the subject, as the entry says; undefined where it says nothing. */
  readonly subject: Digest | undefined;
  /** As it stood there: other programs' members are kept. */
  readonly raw: unknown;
}

function parseEntry(place: string, raw: unknown): Entry {
  const descriptor = parseDescriptor(place, raw);
  const subject = descriptor.annotations?.[SUBJECT];
  if (subject !== undefined && !isDigest(subject)) refuse(place, "has a subject that is no digest");
  return { descriptor, name: descriptor.annotations?.[REF_NAME], subject, raw };
}

function entryOf(descriptor: Descriptor, annotations: Record<string, string>): Entry {
  const none = Object.keys(annotations).length === 0;
  return parseEntry("the entry", none ? descriptor : { ...descriptor, annotations });
}

/** See the module. It does not change: what is put in makes a new one. */
export class FolderIndex {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  static readonly EMPTY: FolderIndex = new FolderIndex([]);

  /** Throws RegistryError "untrusted"; `path` names the file. */
  static parse(path: string, bytes: Uint8Array): FolderIndex {
    const entries = parseImageIndex(path, bytes)
      .map((raw, index) => parseEntry(`${path}: manifests[${index}]`, raw));
    const names = new Set<string>();
    for (const { name } of entries) {
      if (name === undefined) continue;
      if (names.has(name)) refuse(path, `names ${shown(name)} twice`);
      names.add(name);
    }
    return new FolderIndex(entries);
  }

  /** What `REPOSITORY:TAG` names. */
  find(name: string): Descriptor | undefined {
    return this.#entries.find((entry) => entry.name === name)?.descriptor;
  }

  /** What follows `REPOSITORY:` in names; other programs' names that end in no tag are left out. */
  tags(repository: string): string[] {
    const prefix = `${repository}:`;
    return this.#entries.flatMap(({ name = "" }) =>
      name.startsWith(prefix) ? [name.slice(prefix.length)] : []
    ).filter(isTag);
  }

  /**
   * Manifests of a type that may be about `digest`: `sure` where the entry says so, else they are to
   * be looked into.
   */
  referrers(digest: Digest, artifactType: string): { descriptor: Descriptor; sure: boolean }[] {
    return this.#entries.filter(({ descriptor, subject }) =>
      (descriptor.artifactType ?? artifactType) === artifactType &&
      (subject === undefined || subject === digest)
    ).map(({ descriptor, subject }) => ({ descriptor, sure: subject !== undefined }));
  }

  /** With a manifest, to which a name moves if one is given. */
  with(descriptor: Descriptor, manifest: ArtifactManifest, name: string | undefined): FolderIndex {
    const annotations: Record<string, string> = {};
    if (name !== undefined) annotations[REF_NAME] = name;
    if (manifest.subject !== undefined) annotations[SUBJECT] = manifest.subject.digest;
    const same = (entry: Entry) => entry.descriptor.digest === descriptor.digest;
    const isNamed = this.#entries.some((entry) => same(entry) && entry.name !== undefined);
    if (name === undefined && isNamed) return this;
    const others = this.#entries.filter((entry) =>
      entry.name === undefined ? !same(entry) : entry.name !== name
    );
    return new FolderIndex([...others, entryOf(descriptor, annotations)]);
  }

  /** Throws RegistryError where there is too much of it. */
  format(path: string): Uint8Array<ArrayBuffer> {
    const bytes = formatImageIndex(this.#entries.map(({ raw }) => raw));
    if (bytes.length <= PackageLimit.OCI_INDEX) return bytes;
    throw new RegistryError(
      "unavailable",
      `${path} would be longer than ${PackageLimit.OCI_INDEX} bytes`,
      "Use a registry for as many packages, or another folder.",
    );
  }
}
