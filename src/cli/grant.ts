/** lunette grant: gives a LUN's handler a capability again. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { green, printJson } from "./output.ts";

/** The verb `grant`. */
export function grantVerb(): Command {
  const command = new Command("grant")
    .description("give a LUN's handler a capability again that was revoked")
    .argument("<name>", "name of the LUN")
    .argument("<capability>", 'name of the capability: see "lunette show"');
  return withConnection(command).action(
    async (name: string, capability: string, options: ConnectOptions) => {
      const lun = await connect(options).grant(checkName(name), capability);
      if (options.json === true) return printJson(lun);
      console.log(`${green("granted")} ${capability} to ${lun.name}`);
    },
  );
}
