/** A marketplace in a folder, its publisher, and an operator with an empty state: for tests. */
import { join } from "node:path";
import { FolderStore } from "../oci/folder_store.ts";
import { hexOf } from "../oci/digest.ts";
import { readPackage, writePackage } from "../oci/package_artifact.ts";
import type { Digest } from "../artifact_store.ts";
import type { PackageContent } from "../package.ts";
import { generateKey } from "../trust/ed25519.ts";
import { rotate } from "../trust/rotation.ts";
import { TrustStore } from "../trust/trust_store.ts";
import type { Capabilities } from "./capability_text.ts";
import { InstalledHandlers } from "./installed_handler.ts";
import { install, type InstallerParts, planInstall } from "./installer.ts";
import { Lockfile } from "./lockfile.ts";
import { Marketplace } from "./marketplace.ts";
import { addSignature, changeIndex, listPackage, type SigningKey } from "./publishing.ts";

/** What a package may differ in. */
export interface PackageChoice {
  readonly id?: string;
  readonly version?: string;
  readonly capabilities?: Capabilities;
  readonly code?: string;
  /** The module, where it shall be more than one that cannot be served. */
  readonly bundle?: string;
}

const CAPABILITIES: Capabilities = { disk: { kind: "file", access: "read-only" } };

/** Files of a package. */
export function packageFiles(
  { id = "acme.disk", version = "1.0.0", capabilities = CAPABILITIES, code = "", bundle }:
    PackageChoice,
) {
  const manifest = {
    id,
    version,
    apiVersion: 1,
    deviceType: "disk",
    description: "A disk for tests",
    module: "mod.js",
    capabilities,
  };
  const utf8 = new TextEncoder();
  return {
    manifest: utf8.encode(JSON.stringify(manifest)),
    bundle: utf8.encode(`${bundle ?? "export function open() {}"}\n// ${version} ${code}\n`),
    readme: utf8.encode(`# ${id}\n`),
  };
}

/** A key that nobody has to unlock. */
export async function makeKey(name: string, before?: SigningKey): Promise<SigningKey> {
  const { signer } = await generateKey();
  const rotations = before === undefined
    ? []
    : [...before.rotations, await rotate(before.signer, signer)];
  return { name, signer, rotations };
}

/** See the module. */
export class MarketplaceDouble {
  readonly folder: string;
  readonly store: FolderStore;
  readonly parts: InstallerParts;
  /** The clock of everybody. */
  now: Date = new Date();
  key: SigningKey;

  private constructor(folder: string, key: SigningKey) {
    this.folder = folder;
    this.key = key;
    this.store = new FolderStore(this.location);
    const plugins = join(folder, "state", "plugins");
    this.parts = {
      trust: new TrustStore(plugins),
      lock: new Lockfile(plugins),
      built_in: ["file", "memory", "http-image"],
    };
  }

  /** Runs `work` with one, in a temporary folder. */
  static async with(work: (double: MarketplaceDouble) => Promise<void>): Promise<void> {
    const folder = await Deno.makeTempDir({ prefix: "lunette-marketplace-" });
    try {
      await work(new MarketplaceDouble(folder, await makeKey("acme")));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  get location(): string {
    return join(this.folder, "marketplace");
  }

  /** As the operator sees it. */
  get marketplace(): Marketplace {
    return new Marketplace(this.location, this.parts.trust, { now: () => this.now });
  }

  /** As its own operator sees it, who knows nothing of the other's state. */
  get own(): Marketplace {
    const trust = new TrustStore(join(this.folder, "publisher"));
    return new Marketplace(this.location, trust, { now: () => this.now });
  }

  get handlers(): InstalledHandlers {
    return new InstalledHandlers(this.parts.lock.folder);
  }

  /** Puts a package there, and signs it. */
  async put(choice: PackageChoice, key: SigningKey = this.key): Promise<PackageContent> {
    const { id, version } = await writePackage(this.store, packageFiles(choice), { replace: true });
    const content = await readPackage(this.store, id, version);
    await addSignature(this.store, content, key.signer);
    return content;
  }

  /** Puts a package there, signs and lists it. */
  async publish(choice: PackageChoice = {}, key: SigningKey = this.key): Promise<PackageContent> {
    const content = await this.put(choice, key);
    const publisher = { key: key.signer.key, rotations: key.rotations };
    await changeIndex(this.own, this.key, listPackage(content, publisher, this.now));
    return content;
  }

  /** What would be installed. */
  async plan(id = "acme.disk", reference?: string) {
    return await planInstall(this.parts, this.marketplace, { id, reference });
  }

  /** Installs it, as approved. */
  async install(id = "acme.disk", reference?: string) {
    return await install(this.parts, await this.plan(id, reference), () => true);
  }

  /** The file of a blob. */
  blob(digest: Digest): string {
    return join(this.location, "blobs", "sha256", hexOf(digest));
  }
}
