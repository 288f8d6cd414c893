/**
 * A package: one version of a handler, as an artifact. Each file is a layer of its own, so that there
 * is no archive, and no path, that could lead anywhere.
 *
 * @module
 */
import type { CapabilityRequest } from "../plugin/mod.ts";
import type { Digest } from "./artifact_store.ts";

/** artifactType of a package's manifest. */
export const PACKAGE_TYPE = "application/vnd.lunette.handler.v1";
/** artifactType of the manifest of a signature, whose subject is the package's. */
export const SIGNATURE_TYPE = "application/vnd.lunette.signature.v1";
/** artifactType of the manifest of an index. */
export const INDEX_TYPE = "application/vnd.lunette.index.v1";

/** Media types of layers. */
export const MediaType = {
  /** `handler.json`, whose module is `mod.js`. */
  MANIFEST: "application/vnd.lunette.handler.manifest.v1+json",
  /** `mod.js`. */
  BUNDLE: "application/vnd.lunette.handler.bundle.v1+javascript",
  /** `README.md`. */
  README: "text/markdown",
  /** `mod.js.map`; never installed. */
  SOURCE_MAP: "application/vnd.lunette.handler.source-map.v1+json",
  /** A signed statement about a package. */
  SIGNATURE: "application/vnd.lunette.signature.v1+json",
  /** A signed index. */
  INDEX: "application/vnd.lunette.index.v1+json",
} as const;

/** Limits of everything that comes from a marketplace, in bytes where nothing else is said. */
export const PackageLimit = {
  OCI_MANIFEST: 65_536,
  OCI_INDEX: 4 << 20,
  HANDLER_MANIFEST: 65_536,
  BUNDLE: 8 << 20,
  README: 1 << 20,
  SOURCE_MAP: 32 << 20,
  SIGNATURE: 65_536,
  INDEX: 16 << 20,
  /** Layers of one artifact. */
  LAYERS_COUNT: 8,
  /** Tags of one repository that are looked at. */
  TAGS_COUNT: 10_000,
  /** Signatures of one package that are looked at. */
  SIGNATURES_COUNT: 16,
} as const;

/** `publisher.name`, as an OCI repository's component. */
const PACKAGE_ID = /^(?=.{3,64}$)[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)+$/;

/** Whether a text is a package's id. Ids without a dot are those of built-in handlers. */
export function isPackageId(id: string): boolean {
  return PACKAGE_ID.test(id);
}

/** Who publishes the package: what stands before the first dot. */
export function publisherOf(id: string): string {
  return id.slice(0, id.indexOf("."));
}

/** Repository of a package. */
export function repositoryOf(id: string): string {
  return `handlers/${id}`;
}

/** Repository and tag of a marketplace's index. */
export const INDEX_REPOSITORY = "index";
export const INDEX_TAG = "latest";

/** A package that was read, and whose digests have been checked; not yet its signature. */
export interface PackageContent {
  readonly id: string;
  readonly version: string;
  /** Of the artifact's manifest: what signatures, the index and the lockfile name it by. */
  readonly digest: Digest;
  /** `handler.json`, byte for byte. */
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly manifest_digest: Digest;
  /** `mod.js`. */
  readonly bundle: Uint8Array<ArrayBuffer>;
  readonly readme?: Uint8Array<ArrayBuffer>;
  readonly capabilities: Readonly<Record<string, CapabilityRequest>>;
}
