/** lunette plugin ls: what is installed. */
import { Command } from "commander";
import { capabilitiesText } from "../../registry/install/capability_text.ts";
import { InstalledHandlers } from "../../registry/install/installed_handler.ts";
import { dim, printJson, printTable } from "../output.ts";
import { openState, packageLuns } from "./context.ts";

interface ListOptions {
  readonly json?: boolean;
}

/** The verb `plugin ls`. */
export function listVerb(): Command {
  return new Command("ls").alias("list")
    .description("list the packages that are installed")
    .option("--json", "print JSON")
    .action(list);
}

async function list(options: ListOptions): Promise<void> {
  const { lock } = openState();
  const handlers = new InstalledHandlers(lock.folder);
  const luns = await packageLuns() ?? [];
  const rows = await Promise.all((await lock.load()).map(async (one) => {
    const { signature: _, approved, ...installed } = one;
    return {
      ...installed,
      capabilities: capabilitiesText(approved),
      luns: luns.filter((lun) => lun.package?.digest === one.digest).map(({ name }) => name),
      revoked: (await handlers.revocationOf(one))?.reason,
    };
  }));
  if (options.json === true) return printJson(rows);
  if (rows.length === 0) {
    return console.log(dim('no packages: "lunette plugin search" lists what there is'));
  }
  printTable(
    ["ID", "VERSION", "STATE", "LUNS", "CAPABILITIES"],
    rows.map(({ id, version, current, revoked, luns, capabilities }) => [
      id,
      version,
      revoked !== undefined ? "REVOKED" : current ? "current" : "former",
      luns.join(",") || "-",
      capabilities,
    ]),
  );
}
