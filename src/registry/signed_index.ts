/**
 * The index of a marketplace: what is there, who published it, and what must not be used any more. It
 * is signed by the marketplace, counts up, and expires: an old one is noticed, and so is one that is
 * not renewed.
 *
 * @module
 */
import type { CapabilityRequest, DeviceType } from "../plugin/mod.ts";
import type { Digest } from "./artifact_store.ts";

/** An Ed25519 public key: 32 bytes in base64url. */
export type PublicKey = string;

/** One version of a package. */
export interface IndexVersion {
  readonly version: string;
  /** Of the package's manifest. */
  readonly digest: Digest;
  /** Bytes of bundle and manifest. */
  readonly size_bytes: number;
  /** RFC 3339. */
  readonly published: string;
  readonly capabilities: Readonly<Record<string, CapabilityRequest>>;
  readonly api_version: number;
}

/** A package. */
export interface IndexPackage {
  readonly id: string;
  readonly publisher: string;
  readonly description: string;
  readonly device_type: DeviceType;
  /** Newest first. */
  readonly versions: readonly IndexVersion[];
  /** README of the newest version, in Markdown: hostile. */
  readonly readme?: string;
}

/** Who publishes, and with which key. */
export interface IndexPublisher {
  readonly name: string;
  readonly key: PublicKey;
  /** Former keys, oldest first, each with the signature by which it handed over to the next one. */
  readonly rotations: readonly KeyRotation[];
}

/** A key's word for the one after it, and that one's word that it comes after it. */
export interface KeyRotation {
  readonly old_key: PublicKey;
  readonly new_key: PublicKey;
  /** By the old key, in base64url: else anybody would be its successor. */
  readonly signature: string;
  /** By the new key, in base64url: else anybody would be its predecessor, who may sign as well. */
  readonly new_signature: string;
}

/** Something that must not be used any more. */
export interface Revocation {
  /** A package's digest, or a key. */
  readonly what: "digest" | "key";
  readonly value: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly revoked: string;
}

/** What is signed. */
export interface Index {
  readonly type: "lunette.index.v1";
  /** What the marketplace calls itself. */
  readonly name: string;
  /** Counts up by at least 1 with each change. */
  readonly version: number;
  /** RFC 3339. */
  readonly issued: string;
  /** RFC 3339; not used after it. */
  readonly expires: string;
  readonly packages: readonly IndexPackage[];
  readonly publishers: readonly IndexPublisher[];
  readonly revocations: readonly Revocation[];
}
