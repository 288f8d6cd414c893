/** lunette plugin rm: removes a package. */
import { Command } from "commander";
import { RecordStore } from "../../daemon/lun_record.ts";
import { defaultPaths } from "../../daemon/paths.ts";
import { RegistryError } from "../../registry/artifact_store.ts";
import { uninstall } from "../../registry/install/installer.ts";
import { dim, green, printJson } from "../output.ts";
import { openState } from "./context.ts";

interface RemoveOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** The verb `plugin rm`. */
export function removeVerb(): Command {
  return new Command("rm").alias("remove")
    .description("remove a package")
    .argument("<id>", "package")
    .option("--force", "also while LUNs use it: they fail when their handler ends next")
    .option("--json", "print JSON")
    .action(remove);
}

/** LUNs that are recorded with this handler, whether they are served or not. */
async function usersOf(id: string): Promise<string[]> {
  const { records } = await new RecordStore(defaultPaths(Deno.env).state).load();
  return records.filter(({ handler }) => handler === id).map(({ name }) => name);
}

async function remove(id: string, options: RemoveOptions): Promise<void> {
  const luns = await usersOf(id);
  if (luns.length > 0 && options.force !== true) {
    throw new RegistryError(
      "consent",
      `${id} serves LUNs: ${luns.join(", ")}`,
      "Remove them first. With --force they go on until their handler ends, and then fail: their " +
        "data stay, and are there again when it is installed once more.",
    );
  }
  const gone = await uninstall(openState().lock, id);
  if (options.json === true) {
    return printJson({ removed: gone.map(({ version }) => version), luns });
  }
  console.log(`${green("removed")} ${id} ${gone.map(({ version }) => version).join(", ")}`);
  if (luns.length > 0) console.log(dim(`  ${luns.join(", ")} cannot be served again without it`));
}
