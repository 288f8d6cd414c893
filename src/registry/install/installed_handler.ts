/** Installed packages as handlers: looked at byte for byte, each time before one starts. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Manifest } from "../../plugin/mod.ts";
import { type LoadedHandler, parseManifest } from "../../sandbox/manifest.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { checkPackageSignature } from "../trust/package_statement.ts";
import { findRevocation, type KnownRevocation, TrustStore } from "../trust/trust_store.ts";
import { excessOf } from "./capability_text.ts";
import { type InstalledPackage, Lockfile } from "./lockfile.ts";
import { checkPackageFiles, MODULE_NAME } from "./package_files.ts";

/** A handler that was installed, and may start. */
export interface InstalledHandler extends LoadedHandler {
  readonly installed: InstalledPackage;
}

/** The packages of a state folder. */
export class InstalledHandlers {
  readonly lock: Lockfile;
  readonly trust: TrustStore;

  /** `folder`: `plugins` of the state folder (`pluginsFolder`). */
  constructor(folder: string) {
    this.lock = new Lockfile(folder);
    this.trust = new TrustStore(folder);
  }

  /**
   * Loads what an id means now, or the version of it that has a digest. Throws RegistryError: not
   * there, changed, or revoked.
   */
  async load(id: string, digest?: string): Promise<InstalledHandler> {
    const installed = digest === undefined
      ? await this.lock.find(id)
      : (await this.lock.load()).find((one) => one.id === id && one.digest === digest);
    if (installed === undefined) {
      throw new RegistryError(
        "not-found",
        `The package "${id}" is not installed`,
        `"lunette plugin install ${id}" installs it.`,
      );
    }
    const revocation = await this.revocationOf(installed);
    if (revocation !== undefined) throw revoked(installed, revocation);
    return await this.#open(installed);
  }

  /** What is installed now under a digest. */
  async find(digest: Digest): Promise<InstalledPackage | undefined> {
    return (await this.lock.load()).find((one) => one.digest === digest);
  }

  /** Why a package must not be used; undefined where nothing is known against it. */
  async revocationOf(
    { marketplace, digest, key }: InstalledPackage,
  ): Promise<KnownRevocation | undefined> {
    return findRevocation(await this.trust.load(), marketplace, digest, key);
  }

  /** Checks the files of a package once more. Throws RegistryError "untrusted", "not-found". */
  async verify(
    { id, version, digest }: Pick<InstalledPackage, "id" | "version" | "digest">,
  ): Promise<void> {
    const installed = await this.find(digest);
    if (installed === undefined) {
      throw new RegistryError(
        "not-found",
        `The package ${id} ${version} is not installed any more`,
        `It can be installed again: lunette plugin install ${id}@${version} --from LOCATION`,
      );
    }
    await this.#open(installed);
  }

  async #open(installed: InstalledPackage): Promise<InstalledHandler> {
    const folder = this.lock.folderOf(installed.digest);
    const bytes = await checkPackageFiles(folder, installed);
    const manifest = parseManifest(new TextDecoder().decode(bytes));
    const excess = excessOf(installed.approved, manifest.capabilities);
    if (excess.length > 0) {
      throw new RegistryError(
        "consent",
        `${installed.id} ${installed.version} wants ${excess[0].wanted}, which was not approved`,
        `"lunette plugin install ${installed.id}" asks for your approval.`,
      );
    }
    await checkSignature(installed, manifest);
    const module = pathToFileURL(join(folder, MODULE_NAME)).href;
    return { manifest, folder, module, installed };
  }
}

/** Checks once more that its publisher has signed what is installed. */
async function checkSignature(
  { id, version, digest, manifest: manifest_digest, key, signature }: InstalledPackage,
  { capabilities }: Manifest,
): Promise<void> {
  const envelope = new TextEncoder().encode(signature);
  const part = { id, version, digest, manifest_digest, capabilities };
  if (await checkPackageSignature(envelope, part) === key) return;
  throw new RegistryError("untrusted", `${id} ${version} is signed by another key than it was`);
}

/** A package, or the key that signed it, must not be used any more. */
export class RevokedError extends RegistryError {}

/** An error that says what was revoked, why and by whom. */
export function revoked(
  { id, version }: Pick<InstalledPackage, "id" | "version">,
  { by, reason, what }: KnownRevocation,
): RevokedError {
  const who = by === "" ? "the operator of this machine" : by;
  const which = what === "key" ? "The key that signed" : "The package";
  return new RevokedError(
    "untrusted",
    `${which} ${id} ${version} was revoked by ${who}: ${reason}`,
    `Install another version: lunette plugin update ${id}.`,
  );
}
