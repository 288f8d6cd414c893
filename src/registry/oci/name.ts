/** Names of repositories and tags (OCI distribution-spec 1.1, "Pulling manifests"). */
import { escapeLine } from "../../sandbox/escape.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { isDigest } from "./digest.ts";

const REPOSITORY =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const REPOSITORY_LENGTH_MAX = 255;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
/** Tags under which clients keep lists of referrers where the registry has no API for them. */
const FALLBACK_TAG = /^sha256-[0-9a-f]{64}$/;

/** Whether a text names a repository: no traversal, no upper case, nothing to decode. */
export function isRepository(text: string): boolean {
  return text.length <= REPOSITORY_LENGTH_MAX && REPOSITORY.test(text);
}

/** Whether a text is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether a tag holds a list of referrers and no artifact. */
export function isFallbackTag(tag: string): boolean {
  return FALLBACK_TAG.test(tag);
}

/** The tag that lists the referrers of a manifest (distribution-spec, "Referrers Tag Schema"). */
export function fallbackTag(digest: Digest): string {
  return digest.replace(":", "-");
}

const SHOWN_LENGTH_MAX = 200;

/** Words of others for a message: one line, not long, nothing that a terminal acts upon. */
export function plain(text: string): string {
  const short = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
  return escapeLine(short);
}

/** A text of others for a message, in quotes. */
export function shown(text: string): string {
  return `"${plain(text).replaceAll('"', "'")}"`;
}

/** Throws RegistryError "usage". */
export function checkRepository(repository: string): void {
  if (!isRepository(repository)) {
    throw new RegistryError("usage", `${shown(repository)} is no name of a repository`);
  }
}

/** Throws RegistryError "usage". */
export function checkTag(tag: string): void {
  if (!isTag(tag)) throw new RegistryError("usage", `${shown(tag)} is no tag`);
}

/** Throws RegistryError "usage". */
export function checkDigest(digest: string): void {
  if (!isDigest(digest)) throw new RegistryError("usage", `${shown(digest)} is no SHA-256 digest`);
}

/** A tag or a digest. Throws RegistryError "usage". */
export function checkReference(reference: string): void {
  if (reference.includes(":")) checkDigest(reference);
  else checkTag(reference);
}
