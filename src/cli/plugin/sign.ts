/** lunette plugin sign: signs a packed package where it lies. */
import { Command } from "commander";
import { resolve } from "node:path";
import { RegistryError } from "../../registry/artifact_store.ts";
import { openPackedPackage } from "../../registry/install/packed_package.ts";
import { addSignature } from "../../registry/install/publishing.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { dim, green, printJson } from "../output.ts";
import { type PassphraseOptions, unlockKey, withPassphrase } from "./context.ts";

interface SignOptions extends PassphraseOptions {
  readonly key: string;
  readonly json?: boolean;
}

/** The verb `plugin sign`. */
export function signVerb(): Command {
  return withPassphrase(new Command("sign"))
    .description("sign a packed package where it lies; publish does the same")
    .argument("<package>", "folder that `lunette plugin pack` has made")
    .requiredOption("--key <name>", "your key")
    .option("--json", "print JSON")
    .action(sign);
}

async function sign(path: string, options: SignOptions): Promise<void> {
  const packed = await openPackedPackage(resolve(path));
  if (packed === undefined) {
    throw new RegistryError(
      "not-found",
      `${path} is no packed package`,
      "Make one with: lunette plugin pack.",
    );
  }
  const { signer } = await unlockKey(options.key, options);
  const { id, version, digest } = packed.content;
  await addSignature(packed.store, packed.content, signer);
  if (options.json === true) return printJson({ id, version, digest, key: signer.key });
  console.log(`${green("signed")} ${id} ${version}`);
  console.log(dim(`  ${digest} by ${await fingerprintOf(signer.key)}`));
}
