/** What speaks against installed packages. */
import { type Digest, RegistryError } from "../artifact_store.ts";
import { publisherOf } from "../package.ts";
import { fingerprintOf } from "../trust/fingerprint.ts";
import type { TrustStore } from "../trust/trust_store.ts";
import { InstalledHandlers, revoked } from "./installed_handler.ts";
import type { InstalledPackage, Lockfile } from "./lockfile.ts";

/** Something that speaks against a package, or against where it came from. */
export interface Finding {
  readonly id?: string;
  readonly digest?: Digest;
  readonly kind: "files" | "revoked" | "publisher" | "capabilities" | "marketplace" | "lun";
  readonly problem: string;
  readonly advice: string;
}

/**
 * Looks at packages as they are installed: files and signature, approved capabilities, revocations,
 * whether their publisher is known. Asks nobody.
 */
export async function findingsOf(
  { lock, trust }: { readonly lock: Lockfile; readonly trust: TrustStore },
  packages: readonly InstalledPackage[],
): Promise<Finding[]> {
  const handlers = new InstalledHandlers(lock.folder);
  const { publishers } = await trust.load();
  const findings: Finding[] = [];
  for (const installed of packages) {
    const { id, digest } = installed;
    const add = (kind: Finding["kind"], problem: string, advice: string) =>
      findings.push({ id, digest, kind, problem, advice });
    try {
      await handlers.verify(installed);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const kind = error.kind === "consent" ? "capabilities" : "files";
      add(kind, error.message, error.advice);
    }
    const revocation = await handlers.revocationOf(installed);
    if (revocation !== undefined) {
      const { message, advice } = revoked(installed, revocation);
      add("revoked", message, advice);
    }
    if (!publishers.some(({ name }) => name === publisherOf(id))) {
      add(
        "publisher",
        `the key of publisher "${publisherOf(id)}" is not known any more`,
        `lunette plugin trust add ${publisherOf(id)} KEY; ${id} is signed by ${await fingerprintOf(
          installed.key,
        )}`,
      );
    }
  }
  return findings;
}
