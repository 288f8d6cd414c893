/** lunette resize: changes the size of a LUN while it is in use. */
import { Command } from "commander";
import { shrinkWarning } from "../daemon/lun_changes.ts";
import { checkName } from "../daemon/lun_record.ts";
import { formatSize, parseSize } from "../daemon/size.ts";
import { type ChangeOptions, printChanged, withRescan } from "./changed.ts";
import { connect } from "./connect.ts";
import { red } from "./output.ts";

interface ResizeOptions extends ChangeOptions {
  readonly shrink?: boolean;
}

/** The verb `resize`. */
export function resizeVerb(): Command {
  const command = new Command("resize")
    .description("change the size of a LUN while it is in use")
    .argument("<name>", "name of the LUN")
    .argument("<size>", "new size, for example 20G")
    .option("--shrink", "make it smaller: everything behind the new end is DESTROYED");
  return withRescan(command)
    .addHelpText(
      "after",
      "\nInitiators get the unit attention CAPACITY DATA HAS CHANGED and look again; then make\n" +
        "what is on the disk larger, too (resize2fs, xfs_growfs, pvresize). Before a LUN becomes\n" +
        "smaller, what is on it must have been made smaller.",
    )
    .action(async (name: string, size: string, options: ResizeOptions) => {
      const client = connect(options);
      const size_bytes = parseSize(size);
      const { size_bytes: before } = await client.show(checkName(name));
      if (size_bytes < before && options.shrink === true && options.json !== true) {
        console.error(red(`${shrinkWarning(name, before, size_bytes)}.`));
      }
      const { shrink = false, rescan } = options;
      const changed = await client.resize(name, { size_bytes, shrink, rescan });
      printChanged(`resized to ${formatSize(changed.lun.size_bytes)}`, options, changed);
    });
}
