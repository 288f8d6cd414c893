/** lunette insert: puts the medium of a removable LUN back. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { type ChangeOptions, printChanged, withRescan } from "./changed.ts";
import { connect } from "./connect.ts";

/** The verb `insert`. */
export function insertVerb(): Command {
  const command = new Command("insert")
    .description("put the medium of a removable LUN back")
    .argument("<name>", "name of the LUN");
  return withRescan(command).action(async (name: string, options: ChangeOptions) => {
    const { rescan } = options;
    const changed = await connect(options).insert(checkName(name), { rescan });
    printChanged("inserted", options, changed);
  });
}
