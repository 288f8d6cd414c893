/** The document that a marketplace signs: written, and read back with every member checked. */
import { RegistryError } from "../artifact_store.ts";
import { isDigest } from "../oci/digest.ts";
import { PackageLimit, publisherOf } from "../package.ts";
import type {
  Index,
  IndexPackage,
  IndexPublisher,
  IndexVersion,
  Revocation,
} from "../signed_index.ts";
import { isPublicKey } from "./ed25519.ts";
import { canonicalJson } from "./encoding.ts";
import { Fields } from "./fields.ts";
import { readRotation, ROTATIONS_COUNT } from "./rotation.ts";

/** Limits of an index. */
export const IndexLimit = {
  PACKAGES_COUNT: 10_000,
  /** Versions of one package. */
  VERSIONS_COUNT: 1_000,
  PUBLISHERS_COUNT: 10_000,
  /** Users remember them all, and look at them before each start. */
  REVOCATIONS_COUNT: 10_000,
  /** Characters of a marketplace's name. */
  NAME_LENGTH: 64,
  /** Characters of a reason. */
  REASON_LENGTH: 300,
  /** Longest time from issue to expiry. */
  LIFETIME_DAYS: 366,
} as const;

/** Days that an index is used for, unless its marketplace says otherwise. */
export const LIFETIME_DEFAULT_DAYS = 30;
export const DAY_MS = 86_400_000;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?$/;

/** Whether a text can be what a marketplace calls itself. */
export function isMarketplaceName(text: string): boolean {
  return text.length <= IndexLimit.NAME_LENGTH && NAME.test(text);
}

/** The bytes that are signed. */
export function writeIndex(index: Index): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(canonicalJson(index));
  // What its readers would refuse is never signed.
  readIndex(bytes, "the index");
  return bytes;
}

/** Reads an index whose signature holds. Throws RegistryError "untrusted". */
export function readIndex(payload: Uint8Array<ArrayBuffer>, place: string): Index {
  if (payload.length > PackageLimit.INDEX) {
    throw new RegistryError("untrusted", `${place} is longer than ${PackageLimit.INDEX} bytes`);
  }
  const fields = Fields.parse(payload, place, [
    "type",
    "name",
    "version",
    "issued",
    "expires",
    "packages",
    "publishers",
    "revocations",
  ]);
  const index: Index = {
    type: fields.literal("type", "lunette.index.v1"),
    name: fields.checked(
      "name",
      "name of a marketplace",
      (value): value is string => typeof value === "string" && isMarketplaceName(value),
    ),
    version: fields.count("version", 1),
    issued: fields.time("issued"),
    expires: fields.time("expires"),
    packages: fields.list("packages", IndexLimit.PACKAGES_COUNT, readPackageEntry),
    publishers: fields.list("publishers", IndexLimit.PUBLISHERS_COUNT, readPublisher),
    revocations: fields.list("revocations", IndexLimit.REVOCATIONS_COUNT, readRevocation),
  };
  checkOnce(fields, "packages", index.packages.map(({ id }) => id));
  checkOnce(fields, "publishers", index.publishers.map(({ name }) => name));
  checkReferences(fields, index);
  const lifetime_ms = Date.parse(index.expires) - Date.parse(index.issued);
  if (!(lifetime_ms > 0 && lifetime_ms <= IndexLimit.LIFETIME_DAYS * DAY_MS)) {
    throw fields.error(`does not expire within ${IndexLimit.LIFETIME_DAYS} days of its issue`);
  }
  return index;
}

function checkOnce(fields: Fields, name: string, values: readonly string[]): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw fields.error(`has "${value}" twice in "${name}"`);
    seen.add(value);
  }
}

/** Whoever publishes is listed. */
function checkReferences(fields: Fields, { packages, publishers }: Index): void {
  const known = new Set(publishers.map(({ name }) => name));
  const unknown = packages.find(({ publisher }) => !known.has(publisher));
  if (unknown !== undefined) throw fields.error(`does not list the publisher of "${unknown.id}"`);
}

function readPackageEntry(value: unknown, place: string): IndexPackage {
  const fields = new Fields(value, place, [
    "id",
    "publisher",
    "description",
    "device_type",
    "versions",
    "readme",
  ]);
  const id = fields.packageId("id");
  const versions = fields.list("versions", IndexLimit.VERSIONS_COUNT, readVersion);
  if (versions.length === 0) throw fields.error("has no versions");
  checkOnce(fields, "versions", versions.map(({ version }) => version));
  return {
    id,
    publisher: fields.literal("publisher", publisherOf(id)),
    description: fields.line("description", 200),
    device_type: fields.literal("device_type", "disk"),
    versions,
    ...(fields.has("readme") ? { readme: fields.text("readme", PackageLimit.README) } : {}),
  };
}

function readVersion(value: unknown, place: string): IndexVersion {
  const fields = new Fields(value, place, [
    "version",
    "digest",
    "size_bytes",
    "published",
    "capabilities",
    "api_version",
  ]);
  return {
    version: fields.version("version"),
    digest: fields.digest("digest"),
    size_bytes: fields.count("size_bytes"),
    published: fields.time("published"),
    capabilities: fields.capabilities("capabilities"),
    api_version: fields.count("api_version", 1),
  };
}

function readPublisher(value: unknown, place: string): IndexPublisher {
  const fields = new Fields(value, place, ["name", "key", "rotations"]);
  return {
    name: fields.publisher("name"),
    key: fields.key("key"),
    rotations: fields.list("rotations", ROTATIONS_COUNT, readRotation),
  };
}

/** Reads a revocation: of an index, or of the state folder. */
export function readRevocation(value: unknown, place: string): Revocation {
  const fields = new Fields(value, place, ["what", "value", "reason", "revoked"]);
  const what = fields.checked(
    "what",
    '"digest" or "key"',
    (value): value is Revocation["what"] => value === "digest" || value === "key",
  );
  return {
    what,
    value: fields.checked(
      "value",
      what,
      (text): text is string =>
        typeof text === "string" && (what === "digest" ? isDigest(text) : isPublicKey(text)),
    ),
    reason: fields.line("reason", IndexLimit.REASON_LENGTH),
    revoked: fields.time("revoked"),
  };
}
