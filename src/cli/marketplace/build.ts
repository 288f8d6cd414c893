/** lunette marketplace build: a site from an index. */
import { Command } from "commander";
import { bold, green, printable, printFields, printJson } from "../output.ts";
import { type CommonOptions, openFrom, siteOptions, withSiteOptions } from "./site_options.ts";

interface BuildOptions extends CommonOptions {
  readonly output: string;
  readonly json?: boolean;
}

/** The verb `marketplace build`. */
export function buildVerb(): Command {
  const command = new Command("build")
    .description("make web pages from a marketplace's index: files for any web server")
    .requiredOption(
      "--output <folder>",
      "where to put them: a new folder, or that of the last time",
    );
  return withSiteOptions(command)
    .option("--json", "print JSON")
    .action(build);
}

async function build(options: BuildOptions): Promise<void> {
  const { buildSite } = await import("../../registry/site/build.ts");
  const { writeSite } = await import("../../registry/site/site_folder.ts");
  const source = await openFrom(options);
  // A folder of this machine says nothing to visitors.
  const reachable = source.location.includes("://") ? source.location : undefined;
  const site = siteOptions(options, reachable);
  const checked = await source.read();
  const files = await buildSite(checked, site);
  const done = await writeSite(options.output, files);
  const { name, version, packages, expires } = checked.index;
  if (options.json === true) {
    const index = { name, version, expires, packages: packages.length };
    return printJson({ output: options.output, files: files.size, ...done, index });
  }
  console.log(`${green("made")} ${bold(printable(options.output))}\n`);
  printFields([
    ["index", `${printable(name)}, version ${version}, good until ${expires}`],
    ["packages", String(packages.length)],
    ["files", `${files.size}: ${done.written} written, ${done.removed} removed`],
  ]);
}
