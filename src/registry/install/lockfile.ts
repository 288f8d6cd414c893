/**
 * `plugins/lock.json` of the state folder: which packages are installed, byte for byte, and what the
 * operator has approved for each.
 *
 * @module
 */
import { join } from "node:path";
import { writeDurably } from "../../sys/durable_file.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { hexOf } from "../oci/digest.ts";
import { PackageLimit } from "../package.ts";
import type { PublicKey } from "../signed_index.ts";
import { Fields } from "../trust/fields.ts";
import { readIfThere, withPluginsLock } from "../trust/trust_store.ts";
import type { Capabilities } from "./capability_text.ts";

const PACKAGES_COUNT = 10_000;

/** A package that is installed. */
export interface InstalledPackage {
  readonly id: string;
  readonly version: string;
  /** Of the package's manifest. */
  readonly digest: Digest;
  /** Of `handler.json`. */
  readonly manifest: Digest;
  /** Of `mod.js`. */
  readonly bundle: Digest;
  /** Of `README.md`. */
  readonly readme?: Digest;
  /** What the operator has approved: a LUN's grants never go further. */
  readonly approved: Capabilities;
  readonly publisher: string;
  /** The key that signed it. */
  readonly key: PublicKey;
  /** What it signed: an envelope, as text. */
  readonly signature: string;
  /** Location that it came from. */
  readonly marketplace: string;
  /** RFC 3339. */
  readonly installed: string;
  /** Whether its id means this version; others stay for LUNs that use them. */
  readonly current: boolean;
}

function readPackage(value: unknown, place: string): InstalledPackage {
  const fields = new Fields(value, place, [
    "id",
    "version",
    "digest",
    "manifest",
    "bundle",
    "readme",
    "approved",
    "publisher",
    "key",
    "signature",
    "marketplace",
    "installed",
    "current",
  ]);
  return {
    id: fields.packageId("id"),
    version: fields.version("version"),
    digest: fields.digest("digest"),
    manifest: fields.digest("manifest"),
    bundle: fields.digest("bundle"),
    ...(fields.has("readme") ? { readme: fields.digest("readme") } : {}),
    approved: fields.capabilities("approved"),
    publisher: fields.publisher("publisher"),
    key: fields.key("key"),
    signature: fields.text("signature", PackageLimit.SIGNATURE),
    marketplace: fields.text("marketplace", 4096),
    installed: fields.time("installed"),
    current: fields.checked(
      "current",
      "true or false",
      (one): one is boolean => typeof one === "boolean",
    ),
  };
}

function parseLock(bytes: Uint8Array<ArrayBuffer>, place: string): InstalledPackage[] {
  const fields = Fields.parse(bytes, place, ["type", "packages"]);
  fields.literal("type", "lunette.lock.v1");
  return fields.list("packages", PACKAGES_COUNT, readPackage);
}

/** See the module. */
export class Lockfile {
  /** The folder `plugins`. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get path(): string {
    return join(this.folder, "lock.json");
  }

  /** Where the files of a package lie. */
  folderOf(digest: Digest): string {
    return join(this.folder, "packages", `sha256-${hexOf(digest)}`);
  }

  /** All that is installed, sorted by id; the current version of each first. */
  async load(): Promise<InstalledPackage[]> {
    const bytes = await readIfThere(this.path);
    if (bytes === undefined) return [];
    try {
      return parseLock(bytes, this.path);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new RegistryError(
        "untrusted",
        message,
        "Restore it from a backup, or remove it and install again what you had.",
        { cause: error },
      );
    }
  }

  /** What an id means now; undefined where it is not installed. */
  async find(id: string): Promise<InstalledPackage | undefined> {
    return (await this.load()).find((one) => one.id === id && one.current);
  }

  /** Changes what is installed. `change` may prepare files; nobody else does meanwhile. */
  async change(
    change: (packages: readonly InstalledPackage[]) => Promise<readonly InstalledPackage[]>,
  ): Promise<void> {
    await withPluginsLock(this.folder, async () => {
      const packages = [...await change(await this.load())].sort((left, right) =>
        left.id.localeCompare(right.id) || Number(right.current) - Number(left.current)
      );
      const file = { type: "lunette.lock.v1", packages };
      const text = JSON.stringify(file, null, 2) + "\n";
      // What could not be read again would take all that is installed with it.
      parseLock(new TextEncoder().encode(text), "What is to be installed");
      await writeDurably(this.path, text);
    });
  }
}
