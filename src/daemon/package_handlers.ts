/** Handlers that were installed as packages: which files they are, and whether they may start. */
import { RegistryError } from "../registry/artifact_store.ts";
import { InstalledHandlers, revoked } from "../registry/install/installed_handler.ts";
import type { InstalledPackage } from "../registry/install/lockfile.ts";
import { fingerprintOf } from "../registry/trust/fingerprint.ts";
import { pluginsFolder } from "../registry/trust/trust_store.ts";
import type { LoadedHandler } from "../sandbox/manifest.ts";

/** What becomes of a LUN whose package is revoked while it is served. */
export const REVOCATION_POLICIES = ["keep", "stop"] as const;
export type RevocationPolicy = typeof REVOCATION_POLICIES[number];

/** The package that a handler is. */
export interface HandlerPackage {
  readonly installed: InstalledPackage;
  /** Of the key that signed it. */
  readonly fingerprint: string;
}

/** A handler that was installed. */
export interface PackageHandler extends LoadedHandler {
  readonly package: HandlerPackage;
  /** To be called before each start of a process of it. Throws RegistryError. */
  readonly check: () => Promise<void>;
}

/** The packages of a state folder. */
export class PackageHandlers {
  readonly #handlers: InstalledHandlers;
  readonly policy: RevocationPolicy;

  constructor(state: string, policy: RevocationPolicy = "keep") {
    this.#handlers = new InstalledHandlers(pluginsFolder(state));
    this.policy = policy;
  }

  /** The files that say what was revoked, and who has signed what is installed. */
  get paths(): readonly string[] {
    return [this.#handlers.trust.path, this.#handlers.lock.path];
  }

  /**
   * What an id means now, or the version of it that has a digest. Throws RegistryError: not installed,
   * changed, revoked, more than approved.
   */
  async load(id: string, digest?: string): Promise<PackageHandler> {
    const { installed, ...handler } = await this.#handlers.load(id, digest);
    const fingerprint = await fingerprintOf(installed.key);
    return { ...handler, package: { installed, fingerprint }, check: () => this.#check(installed) };
  }

  /** Whether a LUN that serves it may have another process of it. */
  async #check(installed: InstalledPackage): Promise<void> {
    await this.#handlers.verify(installed);
    if (this.policy === "stop") await this.#checkRevocation(installed);
  }

  async #checkRevocation(installed: InstalledPackage): Promise<void> {
    // Another key may have signed the same files since.
    const present = await this.#handlers.find(installed.digest) ?? installed;
    const revocation = await this.#handlers.revocationOf(present);
    if (revocation !== undefined) throw revoked(present, revocation);
  }

  /** What speaks against a package, for people; undefined where nothing does. */
  async problemOf(installed: InstalledPackage): Promise<string | undefined> {
    try {
      await this.#checkRevocation(installed);
      return undefined;
    } catch (error) {
      if (error instanceof RegistryError) return error.message;
      throw error;
    }
  }
}
