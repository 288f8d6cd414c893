/** Digests, as descriptors have them (OCI image-spec, descriptor.md). */
import { createHash } from "node:crypto";
import type { Digest } from "../artifact_store.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether a text is a digest. Other algorithms than SHA-256 are not taken. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Its 64 hexadecimal digits. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return new Hasher().update(bytes).digest();
}

/** The digest of bytes that come in pieces. */
export class Hasher {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  /** To be called once, at the end. */
  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}
