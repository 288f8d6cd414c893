/**
 * `plugins/trust.json` of the state folder: which keys are known, which versions of indexes were seen,
 * and what must not be used any more. It is never made up anew where it cannot be read: that would
 * forget all of this.
 *
 * @module
 */
import { join } from "node:path";
import { ensureFolder, writeDurably } from "../../sys/durable_file.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import type { PublicKey, Revocation } from "../signed_index.ts";
import type { CheckedIndex, MarketplacePin } from "./index_check.ts";
import { Fields } from "./fields.ts";
import { IndexLimit, readRevocation } from "./index_document.ts";

/** Most marketplaces, and publishers, that are remembered. */
const PINS_COUNT = 10_000;
const LOCATION_LENGTH = 4096;
/** Of several marketplaces and the operator: no one of them leaves no room for the others. */
const REVOCATIONS_COUNT = 10 * IndexLimit.REVOCATIONS_COUNT;

/** A publisher's key, since the operator has confirmed it. */
export interface PublisherPin {
  readonly name: string;
  readonly key: PublicKey;
  /** RFC 3339. */
  readonly pinned: string;
}

/** A revocation, and who says so: a marketplace's location, or "" for the operator. */
export interface KnownRevocation extends Revocation {
  readonly by: string;
}

/** What is remembered. */
export interface Trust {
  readonly marketplaces: readonly MarketplacePin[];
  readonly publishers: readonly PublisherPin[];
  readonly revocations: readonly KnownRevocation[];
}

const NOTHING: Trust = { marketplaces: [], publishers: [], revocations: [] };

/** The folder of everything around packages. */
export function pluginsFolder(state: string): string {
  return join(state, "plugins");
}

/** Runs `work` while no other process changes what lies in the folder. Not to be nested. */
export async function withPluginsLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await ensureFolder(folder);
  const path = join(folder, "plugins.lock");
  using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  await file.lock(true);
  return await work();
}

/** Reads a file of this folder; undefined where there is none. */
export async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readMarketplace(value: unknown, place: string): MarketplacePin {
  const fields = new Fields(value, place, ["location", "name", "key", "version", "digest"]);
  return {
    location: fields.text("location", LOCATION_LENGTH),
    ...(fields.has("name") ? { name: fields.line("name", IndexLimit.NAME_LENGTH) } : {}),
    key: fields.key("key"),
    version: fields.count("version"),
    ...(fields.has("digest") ? { digest: fields.digest("digest") } : {}),
  };
}

function readPublisher(value: unknown, place: string): PublisherPin {
  const fields = new Fields(value, place, ["name", "key", "pinned"]);
  return {
    name: fields.publisher("name"),
    key: fields.key("key"),
    pinned: fields.time("pinned"),
  };
}

function readKnownRevocation(value: unknown, place: string): KnownRevocation {
  const fields = new Fields(value, place, ["by", "revocation"]);
  const by = fields.checked(
    "by",
    "location",
    (by): by is string => typeof by === "string" && by.length <= LOCATION_LENGTH,
  );
  return { by, ...readRevocation(fields.value("revocation"), place) };
}

function parseTrust(bytes: Uint8Array<ArrayBuffer>, path: string): Trust {
  const fields = Fields.parse(bytes, path, ["type", "marketplaces", "publishers", "revocations"]);
  fields.literal("type", "lunette.trust.v1");
  return {
    marketplaces: fields.list("marketplaces", PINS_COUNT, readMarketplace),
    publishers: fields.list("publishers", PINS_COUNT, readPublisher),
    revocations: fields.list("revocations", REVOCATIONS_COUNT, readKnownRevocation),
  };
}

/** See the module. */
export class TrustStore {
  /** The folder `plugins`. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get path(): string {
    return join(this.folder, "trust.json");
  }

  /** What is remembered. Throws RegistryError where the file cannot be understood. */
  async load(): Promise<Trust> {
    const bytes = await readIfThere(this.path);
    if (bytes === undefined) return NOTHING;
    try {
      return parseTrust(bytes, this.path);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new RegistryError(
        "untrusted",
        message,
        "Restore it from a backup. Without it lunette forgets whom you trust, and what was revoked.",
        { cause: error },
      );
    }
  }

  /** Changes what is remembered; returns it as it is then. */
  async change(change: (trust: Trust) => Trust): Promise<Trust> {
    return await withPluginsLock(this.folder, async () => {
      const before = await this.load();
      const trust = change(before);
      if (trust !== before) await this.#save(trust);
      return trust;
    });
  }

  async #save({ marketplaces, publishers, revocations }: Trust): Promise<void> {
    const file = {
      type: "lunette.trust.v1",
      marketplaces,
      publishers,
      revocations: revocations.map(({ by, ...revocation }) => ({ by, revocation })),
    };
    const text = JSON.stringify(file, null, 2) + "\n";
    // What could not be read again would take all that is known with it.
    parseTrust(new TextEncoder().encode(text), "What is to be remembered");
    await writeDurably(this.path, text);
  }

  /**
   * Remembers the highest version of a marketplace's index, its key, and what it revokes. `before` is
   * the key that was known when the index was judged. Throws RegistryError "unavailable" where it is
   * not any more.
   */
  async saw(
    location: string,
    { index, key, digest }: CheckedIndex,
    before?: PublicKey,
  ): Promise<Trust> {
    return await this.change((trust) => {
      const known = trust.marketplaces.find((one) => one.location === location);
      if (known !== undefined && known.key !== key && known.key !== before) {
        throw new RegistryError(
          "unavailable",
          `The key of ${location} was changed meanwhile`,
          "Try again.",
        );
      }
      // Another process may have seen a newer one meanwhile.
      if (known !== undefined && known.version > index.version) return trust;
      if (known?.version === index.version && known.digest === digest) return trust;
      const pin = { location, name: index.name, key, version: index.version, digest };
      return {
        ...trust,
        marketplaces: [...trust.marketplaces.filter((one) => one.location !== location), pin],
        revocations: [
          ...trust.revocations.filter(({ by }) => by !== location),
          ...index.revocations.map((revocation) => ({ by: location, ...revocation })),
        ],
      };
    });
  }

  /**
   * Remembers a publisher's key, in the place of any that was known; `before` is what was known when it
   * was judged. Throws RegistryError "unavailable" where that is not so any more.
   */
  async pinPublisher(
    name: string,
    key: PublicKey,
    before?: { readonly key: PublicKey | undefined },
  ): Promise<Trust> {
    const pin: PublisherPin = { name, key, pinned: new Date().toISOString() };
    return await this.change((trust) => {
      const known = trust.publishers.find((one) => one.name === name)?.key;
      if (before !== undefined && known !== before.key && known !== key) {
        throw new RegistryError(
          "unavailable",
          `The key of publisher "${name}" was changed meanwhile`,
          "Try again.",
        );
      }
      return {
        ...trust,
        publishers: [...trust.publishers.filter((one) => one.name !== name), pin],
      };
    });
  }
}

/** Why the operator of this machine wants none of these keys; undefined where nothing is said. */
export function findRevokedHere(
  { revocations }: Pick<Trust, "revocations">,
  keys: readonly PublicKey[],
): KnownRevocation | undefined {
  return revocations.find(({ by, what, value }) =>
    by === "" && what === "key" && keys.includes(value)
  );
}

/** Why something from a marketplace must not be used; undefined where nothing is known against it. */
export function findRevocation(
  { revocations }: Pick<Trust, "revocations">,
  marketplace: string,
  digest: Digest,
  key: PublicKey,
): KnownRevocation | undefined {
  return revocations.find(({ by, what, value }) =>
    (by === "" || by === marketplace) && value === (what === "digest" ? digest : key)
  );
}
