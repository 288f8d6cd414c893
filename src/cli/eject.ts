/** lunette eject: takes the medium out of a removable LUN. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { type ChangeOptions, printChanged, withRescan } from "./changed.ts";
import { connect } from "./connect.ts";

/** The verb `eject`. */
export function ejectVerb(): Command {
  const command = new Command("eject")
    .description("take the medium out of a removable LUN")
    .argument("<name>", "name of the LUN, which was made with --removable");
  return withRescan(command)
    .addHelpText(
      "after",
      "\nThe operator may eject what initiators prevent the removal of (PREVENT ALLOW MEDIUM REMOVAL):\n" +
        "unmount what is on it before. Commands end with NOT READY, MEDIUM NOT PRESENT from then on.",
    )
    .action(async (name: string, options: ChangeOptions) => {
      const { rescan } = options;
      const changed = await connect(options).eject(checkName(name), { rescan });
      printChanged("ejected", options, changed);
    });
}
