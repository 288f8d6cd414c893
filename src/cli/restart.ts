/** lunette restart: has the handler of a LUN started again. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { dim, green, printable, printJson } from "./output.ts";

/** The verb `restart`. */
export function restartVerb(): Command {
  const command = new Command("restart")
    .description("start the handler of a LUN again; commands wait meanwhile")
    .argument("<name>", "name of the LUN")
    .addHelpText(
      "after",
      "\nA handler that serves finishes what it has and closes its volume first. One that has failed is\n" +
        "started at once, and counts as one that has not failed yet. The handler's code is loaded anew;\n" +
        "its settings and its capabilities stay what they were.",
    );
  return withConnection(command).action(async (name: string, options: ConnectOptions) => {
    const lun = await connect(options).restart(checkName(name));
    if (options.json === true) return printJson(lun);
    console.log(`${green("restarted")} ${lun.name}: process ${lun.handler_pid ?? "-"}`);
    if (lun.problem !== undefined) console.log(dim(`  ${lun.state}: ${printable(lun.problem)}`));
  });
}
