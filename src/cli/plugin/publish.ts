/** lunette plugin publish: puts a package, its signature and its listing into a marketplace. */
import { Command } from "commander";
import { resolve } from "node:path";
import { RegistryError, type TransferOptions } from "../../registry/artifact_store.ts";
import {
  copyPackage,
  openPackedPackage,
  type PackedPackage,
} from "../../registry/install/packed_package.ts";
import { type Marketplace, readSignatures } from "../../registry/install/marketplace.ts";
import {
  addSignature,
  changeIndex,
  listPackage,
  type SigningKey,
  writeSignature,
} from "../../registry/install/publishing.ts";
import { FolderStore } from "../../registry/oci/folder_store.ts";
import { pack, storePackage } from "../../registry/pack/pack.ts";
import { publisherOf } from "../../registry/package.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { checkPackageSignature } from "../../registry/trust/package_statement.ts";
import { dim, green, printJson } from "../output.ts";
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
  withProgress,
} from "./context.ts";

interface PublishOptions extends LocationOptions, PassphraseOptions {
  readonly key?: string;
  readonly indexKey?: string;
  readonly indexPassphraseFile?: string;
  /** False for `--no-index`. */
  readonly index: boolean;
  readonly name?: string;
  readonly days?: number;
  readonly json?: boolean;
}

/** The verb `plugin publish`. */
export function publishVerb(): Command {
  return withPassphrase(withLocation(new Command("publish"), "to"))
    .description("sign a package, and put it into a marketplace")
    .argument(
      "<package|folder>",
      "packed package, or the folder of a handler: that is packed first",
    )
    .option("--key <name>", "your key; not needed for a package that is signed already")
    .option("--index-key <name>", "key of the marketplace (default: the same)")
    .option("--index-passphrase-file <file>", "passphrase of that key (default: the same)")
    .option("--no-index", "do not list it: whoever runs the marketplace does")
    .option("--name <name>", "what a new marketplace calls itself")
    .option("--days <days>", "how long the index is used: renew it before (default: 30)", parseDays)
    .option("--json", "print JSON")
    .action(publish);
}

/** Runs `work` with the package that a path means; a handler's folder is packed for it. */
export async function withPackage<T>(
  path: string,
  work: (packed: PackedPackage) => Promise<T>,
): Promise<T> {
  const packed = await openPackedPackage(path);
  if (packed !== undefined) return await work(packed);
  const folder = await Deno.makeTempDir({ prefix: "lunette-publish-" });
  try {
    await storePackage(new FolderStore(folder), await pack(path));
    const made = await openPackedPackage(folder);
    if (made === undefined) throw new Error("assertion: what was packed is a package");
    return await work(made);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function publish(path: string, options: PublishOptions): Promise<void> {
  if (options.key === undefined && options.indexKey === undefined && options.index) {
    throw new RegistryError("usage", "A key is needed", "Name yours with --key.");
  }
  const marketplace = openMarketplace(options, openState().trust);
  const key = options.key === undefined ? undefined : await unlockKey(options.key, options);
  await withPackage(resolve(path), async (packed) => {
    const { content: { id, version, digest } } = packed;
    await withProgress(
      `publishing ${id}`,
      (transfer) => send(packed, marketplace, key, transfer),
    );
    const index = options.index ? await list(packed, marketplace, key, options) : undefined;
    if (options.json === true) {
      const { location } = marketplace;
      return printJson({ id, version, digest, location, index_version: index?.version });
    }
    console.log(`${green("published")} ${id} ${version} to ${marketplace.location}`);
    if (key !== undefined) console.log(dim(`  signed by ${await fingerprintOf(key.signer.key)}`));
    if (index !== undefined) {
      console.log(dim(`  index version ${index.version}, renew it before ${index.expires}`));
    }
  });
}

async function send(
  packed: PackedPackage,
  { store }: Marketplace,
  key: SigningKey | undefined,
  options: TransferOptions,
): Promise<void> {
  await copyPackage(packed, store, options);
  if (key !== undefined) return await addSignature(store, packed.content, key.signer);
  const signatures = await readSignatures(packed.store, packed.content);
  if (signatures.length === 0) {
    throw new RegistryError(
      "usage",
      `${packed.content.id} is not signed`,
      "Name your key with --key, or sign it with: lunette plugin sign.",
    );
  }
  for (const signature of signatures) {
    await checkPackageSignature(signature, packed.content);
    await writeSignature(store, packed.content, signature);
  }
}

/** Lists a package under the key that signed it. */
async function list(
  packed: PackedPackage,
  marketplace: Marketplace,
  key: SigningKey | undefined,
  options: PublishOptions,
) {
  const { content } = packed;
  const index_key = options.indexKey === undefined || options.indexKey === options.key
    ? key
    : await unlockKey(options.indexKey, {
      passphraseFile: options.indexPassphraseFile ?? options.passphraseFile,
    });
  if (index_key === undefined) throw new Error("assertion: one of the keys was named");
  const publisher = key === undefined
    ? await signerOf(packed)
    : { key: key.signer.key, rotations: key.rotations };
  return await openKeys().exclusively(index_key.name, () =>
    changeIndex(
      marketplace,
      index_key,
      listPackage(content, publisher, marketplace.now),
      { name: options.name, lifetime_days: options.days },
    ));
}

/** Who signed a package that came signed. */
async function signerOf({ store, content }: PackedPackage) {
  const keys = await Promise.all(
    (await readSignatures(store, content)).map((one) => checkPackageSignature(one, content)),
  );
  const [key] = keys;
  if (new Set(keys).size === 1) return { key, rotations: [] };
  throw new RegistryError(
    "usage",
    `${content.id} is signed by ${keys.length === 0 ? "nobody" : "several keys"}`,
    `Which one is that of publisher "${publisherOf(content.id)}"? Name it with --key.`,
  );
}
