/**
 * What packages are kept in: artifacts as the OCI's image and distribution specifications 1.1 have
 * them, in a registry or in a folder. Whatever comes out of one is hostile until its digest, and then
 * its signature, has been checked.
 *
 * @module
 */

/** `sha256:` and 64 hexadecimal digits in lower case. */
export type Digest = `sha256:${string}`;

/** Names bytes (OCI image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An artifact's manifest (OCI image-spec, manifest.md), checked. */
export interface ArtifactManifest {
  readonly schemaVersion: 2;
  readonly mediaType: "application/vnd.oci.image.manifest.v1+json";
  readonly artifactType: string;
  /** The empty descriptor. */
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The artifact that this one is about: a signature's package. */
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest, and the bytes that its digest is of. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly manifest: ArtifactManifest;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Of a transfer. */
export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** Called with bytes that are there, and how many there will be. */
  readonly onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/**
 * Holds artifacts by repository (`handlers/acme.disk`, `index`) and reference (a tag or a digest). All
 * methods throw RegistryError.
 */
export interface ArtifactStore {
  /** As the user named it, for messages: `oci://registry.example.org/lunette`, or a folder. */
  readonly location: string;
  /** The manifest that a tag or digest names; undefined where there is none. */
  readManifest(
    repository: string,
    reference: string,
    options?: TransferOptions,
  ): Promise<StoredManifest | undefined>;
  /** Bytes whose length and digest are the descriptor's; longer than `length_max` is refused before. */
  readBlob(
    repository: string,
    descriptor: Descriptor,
    length_max: number,
    options?: TransferOptions,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Stores bytes, if they are not there. */
  writeBlob(
    repository: string,
    mediaType: string,
    bytes: Uint8Array<ArrayBuffer>,
    options?: TransferOptions,
  ): Promise<Descriptor>;
  /** Stores a manifest, whose blobs are there, and moves the tag to it. */
  writeManifest(
    repository: string,
    manifest: ArtifactManifest,
    tag?: string,
    options?: TransferOptions,
  ): Promise<Descriptor>;
  /** Tags of a repository; empty where there is no such repository. */
  tags(repository: string, options?: TransferOptions): Promise<string[]>;
  /** Manifests whose subject is `digest`, by referrers API or fallback tag. */
  referrers(
    repository: string,
    digest: Digest,
    artifactType: string,
    options?: TransferOptions,
  ): Promise<Descriptor[]>;
}

/** What can go wrong with packages, and how the program ends. */
export type RegistryErrorKind =
  /** The user's words make no sense. */
  | "usage"
  /** There is no such package, version, tag, key. */
  | "not-found"
  /** It is not what was signed or promised: never used. */
  | "untrusted"
  /** It wants the user's consent first. */
  | "consent"
  /** The other side wants credentials, or refuses these. */
  | "permission"
  /** The network, or the other side. */
  | "unavailable";

/** An operating error around packages, with advice. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly kind: RegistryErrorKind;
  /** What to do about it; may be empty. */
  readonly advice: string;
  constructor(kind: RegistryErrorKind, message: string, advice = "", options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.advice = advice;
  }
}
