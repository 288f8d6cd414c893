/** lunette rm: removes a LUN, with a daemon or without one. */
import { Command } from "commander";
import { OperatorError } from "../daemon/error.ts";
import { checkName } from "../daemon/lun_record.ts";
import { removeOffline } from "../daemon/offline.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { printJson } from "./output.ts";

/** The verb `rm`. */
export function removeVerb(): Command {
  const command = new Command("rm")
    .alias("remove")
    .description("remove LUNs; files that hold their data stay")
    .argument("<name...>", "names of the LUNs");
  return withConnection(command).action(async (names: string[], options: ConnectOptions) => {
    const client = connect(options);
    const alive = await client.isAlive();
    for (const name of names.map(checkName)) {
      if (alive) await client.remove(name);
      else if (options.socket !== undefined) {
        throw new OperatorError("unavailable", `No daemon answers at ${options.socket}`);
      } else await removeOffline(name);
      if (options.json !== true) console.log(`removed ${name}`);
    }
    if (options.json === true) printJson({ removed: names });
  });
}
