/** lunette plugin pack: makes a package of a handler's folder. */
import { Command } from "commander";
import { join, resolve } from "node:path";
import { formatSize } from "../../daemon/size.ts";
import { requestWords } from "../../registry/capability_words.ts";
import { FolderStore } from "../../registry/oci/folder_store.ts";
import { pack, type PackedHandler, storePackage } from "../../registry/pack/pack.ts";
import { bold, dim, green, printable, printFields, printJson } from "../output.ts";

interface PackOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** The verb `plugin pack`. */
export function packVerb(): Command {
  return new Command("pack")
    .description("make a package: one file with all it imports, the same bytes each time")
    .argument("<folder>", "folder of the handler")
    .option("--output <folder>", "where to put it, in OCI layout (default: dist in the folder)")
    .option("--json", "print JSON")
    .action(makePackage);
}

async function makePackage(folder: string, options: PackOptions): Promise<void> {
  const output = options.output ?? join(folder, "dist");
  const packed = await pack(folder);
  const { digest } = await storePackage(new FolderStore(output), packed);
  const { id, version } = packed.manifest;
  const sizes = {
    bundle_bytes: packed.code.length,
    manifest_bytes: packed.manifest_bytes.length,
    readme_bytes: packed.readme?.length ?? 0,
    source_map_bytes: packed.source_map.length,
  };
  const asks = requestWords(packed.manifest.capabilities);
  const { runtime_modules, packages, warnings } = packed;
  if (options.json === true) {
    const made = { id, version, digest, output: resolve(output) };
    return printJson({ ...made, sizes, ...asks, runtime_modules, packages, warnings });
  }
  for (const warning of warnings) console.error(dim(`  ${printable(warning)}`));
  console.log(`${green("packed")} ${bold(printable(id))} ${printable(version)}\n`);
  printFields([
    ["digest", digest],
    ["in", printable(output)],
    ["bundle", formatSize(sizes.bundle_bytes)],
    ["source map", `${formatSize(sizes.source_map_bytes)}, apart`],
    ["README", packed.readme === undefined ? "none" : formatSize(sizes.readme_bytes)],
    ["packages", packages.length === 0 ? "none" : printable(packages.join(", "))],
    ["runtime", runtime_modules.length === 0 ? "none" : printable(runtime_modules.join(", "))],
  ]);
  printAsks(packed);
}

/** What whoever installs it will be asked. */
function printAsks({ manifest }: PackedHandler): void {
  const { asks, cannot } = requestWords(manifest.capabilities);
  console.log(asks.length === 0 ? "\nIt asks for nothing." : "\nIt asks to:");
  for (const { name, sentence, details, purpose } of asks) {
    const more = details.length === 0 ? "" : ` (${details.join("; ")})`;
    console.log(`  ${sentence}${more}, as ${bold(name)}${purpose === "" ? "" : `: "${purpose}"`}`);
  }
  for (const sentence of cannot) console.log(dim(`  ${sentence}`));
}
