/**
 * Whether an index may be believed: signed by the key that is known for its marketplace, not older than
 * one that was seen, not expired, and the same for everybody (The Update Framework's rollback, freeze
 * and equivocation).
 *
 * @module
 */
import { type Digest, RegistryError } from "../artifact_store.ts";
import { digestOf } from "../oci/digest.ts";
import { PackageLimit } from "../package.ts";
import type { Index, IndexPublisher, PublicKey } from "../signed_index.ts";
import { PayloadType, seal, unseal } from "./envelope.ts";
import type { Signer } from "./ed25519.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { DAY_MS, readIndex, writeIndex } from "./index_document.ts";
import { checkRotations } from "./rotation.ts";

/** An envelope is about 4/3 of its payload. */
export const INDEX_ENVELOPE_LENGTH_MAX: number = Math.ceil(PackageLimit.INDEX / 3) * 4 + 4096;
/** Clocks of two machines may differ by this much. */
const CLOCK_SKEW_MS = DAY_MS;
/** There was no lunette before: a clock that says so is wrong. */
const FIRST_TIME = Date.parse("2025-01-01T00:00:00Z");
/** Later than this after its expiry, the clock is as likely wrong as the index is old. */
const STALE_MS = 5 * 366 * DAY_MS;

/** What is remembered of a marketplace. */
export interface MarketplacePin {
  readonly location: string;
  /** Absent where only its key is known yet. */
  readonly name?: string;
  readonly key: PublicKey;
  /** Highest version of its index that was seen; 0: none yet. */
  readonly version: number;
  /** Of the document with that version; absent with version 0. */
  readonly digest?: Digest;
}

/** An index that may be believed, if its key may. */
export interface CheckedIndex {
  readonly index: Index;
  /** Who signed it. */
  readonly key: PublicKey;
  /** Of the document that was signed. */
  readonly digest: Digest;
}

/** What is not looked at. */
export interface IndexLeniency {
  /** Whoever signs the next index may read one that has expired. */
  readonly expired?: boolean;
}

/** Signs an index. */
export async function signIndex(index: Index, signer: Signer): Promise<Uint8Array<ArrayBuffer>> {
  return await seal(PayloadType.INDEX, writeIndex(index), signer);
}

/**
 * Opens the signed index of `location` and checks it against what is remembered; without a pin it is
 * checked by itself, and whoever asked decides about its key. Throws RegistryError "untrusted".
 */
export async function openIndex(
  envelope: Uint8Array<ArrayBuffer>,
  location: string,
  pin: MarketplacePin | undefined,
  now: Date,
  { expired = false }: IndexLeniency = {},
): Promise<CheckedIndex> {
  const place = `the index of ${location}`;
  const opened = await unseal(envelope, PayloadType.INDEX, INDEX_ENVELOPE_LENGTH_MAX, place);
  // Another key than the known one is heard only as far as the known one has spoken for it.
  const index = readIndex(opened.payload, place);
  if (pin !== undefined && pin.key !== opened.key) await checkHandover(index, pin, opened.key);
  const digest = digestOf(opened.payload);
  if (pin !== undefined) checkAgainst(pin, index, digest, place);
  checkClock(index, place, now);
  if (!expired) checkExpiry(index, place, now);
  return { index, key: opened.key, digest };
}

/** The marketplace has a new key: the one that is known must have signed for it. */
async function checkHandover(index: Index, pin: MarketplacePin, key: PublicKey): Promise<void> {
  for (const publisher of index.publishers) {
    if (publisher.key !== key) continue;
    const keys = await publisherKeys(publisher);
    if (keys.includes(pin.key)) return;
  }
  throw new RegistryError(
    "untrusted",
    `The index of ${pin.location} is signed by another key than before: ${await fingerprintOf(
      key,
    )}, and not ${await fingerprintOf(pin.key)}`,
    `Ask the marketplace. If it is right: lunette plugin trust rm ${pin.location}, and once more.`,
  );
}

function checkAgainst(pin: MarketplacePin, index: Index, digest: Digest, place: string): void {
  const refuse = (what: string) =>
    new RegistryError("untrusted", `Cannot use ${place}: ${what}`, "Ask the marketplace.");
  if (pin.name !== undefined && index.name !== pin.name) {
    throw refuse(`it is that of "${index.name}", and not of "${pin.name}"`);
  }
  if (index.version < pin.version) {
    throw refuse(
      `it is version ${index.version}, and version ${pin.version} was seen before: ` +
        "an old one is being served",
    );
  }
  if (index.version === pin.version && pin.digest !== undefined && pin.digest !== digest) {
    throw refuse(
      `its version ${index.version} had another content before: not everybody is told the same`,
    );
  }
}

function checkClock(index: Index, place: string, now: Date): void {
  const now_ms = now.getTime();
  const clock = now.toISOString();
  if (now_ms < FIRST_TIME) {
    throw new RegistryError("untrusted", `This machine's clock says ${clock}`, "Set the clock.");
  }
  if (now_ms < Date.parse(index.issued) - CLOCK_SKEW_MS) {
    throw new RegistryError(
      "untrusted",
      `Cannot use ${place}: it was issued ${index.issued}, and this machine's clock says ${clock}`,
      "Set the clock, if it is wrong; else ask the marketplace.",
    );
  }
}

function checkExpiry(index: Index, place: string, now: Date): void {
  const clock = now.toISOString();
  const late_ms = now.getTime() - Date.parse(index.expires);
  if (late_ms <= 0) return;
  throw new RegistryError(
    "untrusted",
    `Cannot use ${place}: it has expired ${index.expires}` +
      (late_ms > STALE_MS ? `, and this machine's clock says ${clock}` : ""),
    (late_ms > STALE_MS ? "Set the clock, if it is wrong. " : "") +
      "Whoever runs the marketplace renews it with: lunette plugin index renew.",
  );
}

/**
 * All keys of a publisher, oldest first: each signed for the next one. Throws RegistryError
 * "untrusted".
 */
export async function publisherKeys(publisher: IndexPublisher): Promise<PublicKey[]> {
  return await checkRotations(
    publisher.rotations,
    publisher.key,
    `publisher "${publisher.name}"`,
  );
}
