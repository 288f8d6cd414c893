/** lunette plugin revoke: says that a package, or a key, must not be used any more. */
import { Command } from "commander";
import { RegistryError } from "../../registry/artifact_store.ts";
import { parseReference } from "../../registry/install/installer.ts";
import { findPackage, findVersion } from "../../registry/install/marketplace.ts";
import { revokeInIndex } from "../../registry/install/publishing.ts";
import { isDigest } from "../../registry/oci/digest.ts";
import type { Revocation } from "../../registry/signed_index.ts";
import { Fields } from "../../registry/trust/fields.ts";
import { IndexLimit } from "../../registry/trust/index_document.ts";
import { formatRevoked, parseKey } from "../../registry/trust/key_text.ts";
import { dim, green, printJson } from "../output.ts";
import {
  type LocationOptions,
  openMarketplace,
  openState,
  type PassphraseOptions,
  withLocation,
  withPassphrase,
} from "./context.ts";
import { signNext } from "./index_verbs.ts";

interface RevokeOptions extends LocationOptions, PassphraseOptions {
  readonly reason: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** The verb `plugin revoke`. */
export function revokeVerb(): Command {
  return withPassphrase(withLocation(new Command("revoke"), "to"))
    .description("say that a package or a key must not be used any more")
    .argument("<what>", "sha256:..., ed25519:... (a public key), or publisher.name@version")
    .requiredOption("--reason <text>", "why: those who use it read this")
    .option("--key <name>", "key of the marketplace: for all its users (default: for this machine)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nWithout --key it holds for this machine alone; "lunette plugin trust rm" ends that. A revoked\n' +
        "package does not start any more; what becomes of LUNs that it serves, the daemon's\n" +
        "configuration says (plugin_revocation).",
    )
    .action(revoke);
}

/** What is meant: a digest, a key, or the digest of a version. */
async function resolveWhat(
  text: string,
  options: RevokeOptions,
): Promise<Pick<Revocation, "what" | "value">> {
  if (isDigest(text)) return { what: "digest", value: text };
  const key = parseKey(text);
  if (key !== undefined) return { what: "key", value: key };
  const { id, reference } = parseReference(text);
  if (reference === undefined) {
    throw new RegistryError("usage", `Which version of ${id}?`, `Write ${id}@VERSION.`);
  }
  const { trust, lock } = openState();
  const installed = (await lock.load()).find((one) => one.id === id && one.version === reference);
  if (options.key === undefined && installed !== undefined) {
    return { what: "digest", value: installed.digest };
  }
  const { index } = await openMarketplace(options, trust).index();
  return { what: "digest", value: findVersion(index, findPackage(index, id), reference).digest };
}

/** Throws RegistryError "usage" for what could not be shown to those who read it. */
function checkReason(reason: string): string {
  try {
    return new Fields({ reason }, "The revocation", ["reason"])
      .line("reason", IndexLimit.REASON_LENGTH);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError("usage", error.message, "Give another --reason.", { cause: error });
  }
}

async function revoke(text: string, options: RevokeOptions): Promise<void> {
  const revocation: Revocation = {
    ...await resolveWhat(text, options),
    reason: checkReason(options.reason),
    revoked: new Date().toISOString(),
  };
  const { key } = options;
  if (key === undefined) await revokeHere(revocation);
  else await signNext({ ...options, key }, revokeInIndex(revocation));
  if (options.json === true) return printJson(revocation);
  console.log(`${green("revoked")} ${formatRevoked(revocation)}`);
  console.log(dim(key === undefined ? "  on this machine" : "  for all who use the marketplace"));
}

async function revokeHere(revocation: Revocation): Promise<void> {
  await openState().trust.change((trust) => ({
    ...trust,
    revocations: [
      ...trust.revocations.filter(({ by, value }) => by !== "" || value !== revocation.value),
      { by: "", ...revocation },
    ],
  }));
}
