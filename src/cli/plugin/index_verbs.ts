/** lunette plugin index: what whoever runs a marketplace does with its index. */
import { Command } from "commander";
import { RegistryError } from "../../registry/artifact_store.ts";
import { parseReference } from "../../registry/install/installer.ts";
import { readSignatures } from "../../registry/install/marketplace.ts";
import { changeIndex, type IndexChange, listPackage } from "../../registry/install/publishing.ts";
import { readPackage } from "../../registry/oci/package_artifact.ts";
import type { Index, KeyRotation, PublicKey } from "../../registry/signed_index.ts";
import { fingerprintOf, matchesFingerprint } from "../../registry/trust/fingerprint.ts";
import { checkPackageSignature } from "../../registry/trust/package_statement.ts";
import { green, printFields, printJson } from "../output.ts";
import {
  type LocationOptions,
  openKeys,
  openMarketplace,
  openState,
  parseDays,
  type PassphraseOptions,
  unlockKey,
  withLocation,
  withPassphrase,
} from "./context.ts";

interface IndexOptions extends LocationOptions, PassphraseOptions {
  readonly key: string;
  readonly days?: number;
  readonly publisherKey?: string;
  readonly replaceKey?: boolean;
  readonly json?: boolean;
}

/** Signs the next index with the key that the options name. */
export async function signNext(options: IndexOptions, change: IndexChange): Promise<Index> {
  const marketplace = openMarketplace(options, openState().trust);
  const key = await unlockKey(options.key, options);
  return await openKeys().exclusively(
    key.name,
    () => changeIndex(marketplace, key, change, { lifetime_days: options.days }),
  );
}

function print(done: string, { name, version, expires }: Index, options: IndexOptions): void {
  if (options.json === true) return printJson({ name, version, expires });
  console.log(`${green(done)} the index of "${name}": version ${version}, expires ${expires}`);
}

/** Adds the options of verbs that sign an index. */
function withSigning(command: Command): Command {
  return withPassphrase(withLocation(command, "to"))
    .requiredOption("--key <name>", "key of the marketplace")
    .option("--days <days>", "how long the index is used (default: 30)", parseDays)
    .option("--json", "print JSON");
}

function showVerb(): Command {
  return withLocation(new Command("show"), "from")
    .description("show what an index says of itself")
    .option("--json", "print the whole index as JSON")
    .action(async (options: LocationOptions & { readonly json?: boolean }) => {
      const { index, key, known } = await openMarketplace(options, openState().trust).index();
      if (options.json === true) return printJson(index);
      printFields([
        ["name", index.name],
        ["version", String(index.version)],
        ["issued", index.issued],
        ["expires", index.expires],
        ["key", `${await fingerprintOf(key)}${known ? "" : " (not known yet)"}`],
        ["packages", String(index.packages.length)],
        ["publishers", String(index.publishers.length)],
        ["revocations", String(index.revocations.length)],
      ]);
    });
}

function renewVerb(): Command {
  return withSigning(new Command("renew"))
    .description("sign the index once more, before it expires")
    .action(async (options: IndexOptions) => {
      print("renewed", await signNext(options, () => Promise.resolve({})), options);
    });
}

function addVerb(): Command {
  return withSigning(new Command("add"))
    .description("list a package that its publisher has put there with --no-index")
    .argument("<id@version>", "package")
    .requiredOption("--publisher-key <fingerprint>", "key that the publisher has told you")
    .option("--replace-key", "the publisher has lost the key that is listed: take this one")
    .action(async (text: string, options: IndexOptions) => {
      print("extended", await signNext(options, await addition(text, options)), options);
    });
}

async function addition(text: string, options: IndexOptions): Promise<IndexChange> {
  const { id, reference } = parseReference(text);
  if (reference === undefined) throw new RegistryError("usage", "A version is needed");
  const { store, now } = openMarketplace(options, openState().trust);
  const content = await readPackage(store, id, reference);
  const found: { key: PublicKey; rotations: readonly KeyRotation[] }[] = [];
  for (const signature of await readSignatures(store, content)) {
    const key = await checkPackageSignature(signature, content);
    if (await matchesFingerprint(key, options.publisherKey ?? "")) {
      found.push({ key, rotations: [] });
    }
  }
  if (found.length > 0) return listPackage(content, found[0], now, options.replaceKey);
  throw new RegistryError("untrusted", `${text} is not signed by ${options.publisherKey}`);
}

/** The verb `plugin index`. */
export function indexVerb(): Command {
  const command = new Command("index").description("the index of a marketplace that you run");
  for (const verb of [showVerb(), renewVerb(), addVerb()]) {
    command.addCommand(verb.exitOverride());
  }
  return command;
}
