/** lunette revoke: takes a capability of a LUN's handler back while it is served. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { green, printJson } from "./output.ts";

/** The verb `revoke`. */
export function revokeVerb(): Command {
  const command = new Command("revoke")
    .description("take a capability of a LUN's handler back, while it is served")
    .argument("<name>", "name of the LUN")
    .argument("<capability>", 'name of the capability: see "lunette show"')
    .addHelpText(
      "after",
      "\nHTTP servers, a TCP address and a store end at once, also for what is under way. A file or\n" +
        "memory is in the handler's process: that is killed, and started again without it.\n" +
        '"lunette grant" gives it again.',
    );
  return withConnection(command).action(
    async (name: string, capability: string, options: ConnectOptions) => {
      const lun = await connect(options).revoke(checkName(name), capability);
      if (options.json === true) return printJson(lun);
      console.log(`${green("revoked")} ${capability} of ${lun.name}`);
    },
  );
}
