/** lunette plugin search: what a marketplace has. */
import { Command } from "commander";
import { findVersion } from "../../registry/install/marketplace.ts";
import { RegistryError } from "../../registry/artifact_store.ts";
import { capabilitiesText } from "../../registry/install/capability_text.ts";
import type { Index, IndexPackage } from "../../registry/signed_index.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { dim, printJson, printTable } from "../output.ts";
import { type LocationOptions, openMarketplace, openState, withLocation } from "./context.ts";

interface SearchOptions extends LocationOptions {
  readonly json?: boolean;
}

/** The verb `plugin search`. */
export function searchVerb(): Command {
  return withLocation(new Command("search"), "from")
    .description("list the packages of a marketplace")
    .argument("[text]", "part of an id or description")
    .option("--json", "print JSON")
    .action(search);
}

function matches({ id, description }: IndexPackage, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/);
  const place = `${id} ${description}`.toLowerCase();
  return words.every((word) => place.includes(word));
}

/** The newest version that may be used; undefined where all were revoked. */
function newestOf(index: Index, entry: IndexPackage) {
  try {
    return findVersion(index, entry, undefined);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

async function search(text: string | undefined, options: SearchOptions): Promise<void> {
  const { trust, lock } = openState();
  const { index, key, known } = await openMarketplace(options, trust).index();
  const installed = new Map(
    (await lock.load()).filter(({ current }) => current).map((one) => [one.id, one.version]),
  );
  const found = index.packages.filter((one) => matches(one, text ?? "")).map((entry) => {
    const newest = newestOf(index, entry);
    return {
      id: entry.id,
      version: newest?.version,
      description: entry.description,
      capabilities: newest === undefined ? undefined : capabilitiesText(newest.capabilities),
      installed: installed.get(entry.id),
    };
  });
  if (options.json === true) return printJson(found);
  if (found.length === 0) console.log(dim("nothing found"));
  else {
    printTable(
      ["ID", "VERSION", "INSTALLED", "DESCRIPTION"],
      found.map(({ id, version, installed, description }) => [
        id,
        version ?? "revoked",
        installed ?? "-",
        description,
      ]),
    );
  }
  if (known) return;
  console.error(
    dim(`\n"${index.name}" is not known yet; its key is ${await fingerprintOf(key)}`),
  );
}
