/** lunette protect: write protects a LUN while it is in use, or ends that. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { type ChangeOptions, printChanged, withRescan } from "./changed.ts";
import { connect } from "./connect.ts";

interface ProtectOptions extends ChangeOptions {
  readonly off?: boolean;
}

/** The verb `protect`. */
export function protectVerb(): Command {
  const command = new Command("protect")
    .description("write protect a LUN, or end that")
    .argument("<name>", "name of the LUN")
    .option("--off", "let it be written again");
  return withRescan(command)
    .addHelpText(
      "after",
      "\nWrites end with DATA PROTECT, WRITE PROTECTED from then on: unmount what is on it, or mount\n" +
        "it read-only, before.",
    )
    .action(async (name: string, options: ProtectOptions) => {
      const write_protected = options.off !== true;
      const { rescan } = options;
      const changed = await connect(options).protect(checkName(name), { write_protected, rescan });
      printChanged(write_protected ? "write protected" : "writable", options, changed);
    });
}
