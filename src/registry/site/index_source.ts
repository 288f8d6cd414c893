/** Where a site's index comes from: a marketplace, or the file of a signed index. */
import { RegistryError } from "../artifact_store.ts";
import { Marketplace, normalLocation } from "../install/marketplace.ts";
import type { StoreOptions } from "../oci/store.ts";
import type { CheckedIndex } from "../trust/index_check.ts";
import { INDEX_ENVELOPE_LENGTH_MAX, openIndex } from "../trust/index_check.ts";
import { fingerprintOf, matchesFingerprint } from "../trust/fingerprint.ts";
import type { TrustStore } from "../trust/trust_store.ts";

/** How an index is read. */
export interface SourceOptions extends StoreOptions {
  /** Fingerprint of the key that signs it, where that is not known on this machine. */
  readonly key?: string;
}

/** Reads an index that may be believed, again and again. */
export interface IndexSource {
  /** One form of what the user named. */
  readonly location: string;
  /** It is a file, and nothing can be installed from there. */
  readonly is_file: boolean;
  /** The index as it is now. Throws RegistryError. */
  read(): Promise<CheckedIndex>;
}

async function isFile(path: string): Promise<boolean> {
  if (path.includes("://")) return false;
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** The key must be the one that is named, or one that this machine knows. */
async function checkKey(
  { key }: CheckedIndex,
  location: string,
  known: boolean,
  named: string | undefined,
): Promise<void> {
  if (named === undefined ? known : await matchesFingerprint(key, named)) return;
  const fingerprint = await fingerprintOf(key);
  throw new RegistryError(
    named === undefined ? "consent" : "untrusted",
    `The index of ${location} is signed by ${fingerprint}, which is not ` +
      (named === undefined ? "known here" : "the key that you named"),
    named === undefined ? `If that is the marketplace's: --trust ${fingerprint}` : "",
  );
}

async function readFile(path: string, trust: TrustStore): Promise<[CheckedIndex, boolean]> {
  const { size } = await Deno.stat(path);
  if (size > INDEX_ENVELOPE_LENGTH_MAX) {
    throw new RegistryError("untrusted", `${path} is too long for an index`);
  }
  const checked = await openIndex(await Deno.readFile(path), path, undefined, new Date());
  const { marketplaces } = await trust.load();
  return [checked, marketplaces.some(({ key }) => key === checked.key)];
}

/** A source for what the user named: a marketplace's location, or a file. */
export async function openSource(
  from: string,
  trust: TrustStore,
  { key, ...options }: SourceOptions = {},
): Promise<IndexSource> {
  const location = normalLocation(from);
  if (await isFile(location)) {
    return {
      location,
      is_file: true,
      async read() {
        const [checked, known] = await readFile(location, trust);
        await checkKey(checked, location, known, key);
        return checked;
      },
    };
  }
  const marketplace = new Marketplace(location, trust, options);
  return {
    location,
    is_file: false,
    async read() {
      const index = await marketplace.index();
      await checkKey(index, location, index.known, key);
      return index;
    },
  };
}
