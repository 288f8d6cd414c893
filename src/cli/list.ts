/** lunette ls: lists LUNs. */
import { Command } from "commander";
import { formatSize } from "../daemon/size.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { dim, printable, printJson, printTable } from "./output.ts";

/** The verb `ls`. */
export function listVerb(): Command {
  const command = new Command("ls").alias("list").description("list the LUNs");
  return withConnection(command).action(async (options: ConnectOptions) => {
    const luns = await connect(options).list();
    if (options.json === true) return printJson(luns);
    if (luns.length === 0) return console.log(dim('no LUNs: make one with "lunette create"'));
    printTable(
      ["NAME", "HANDLER", "SIZE", "STATE", "FABRIC", "ACCESS"],
      luns.map((lun) => [
        lun.name,
        lun.isolation === "thread" ? `${lun.handler} (in thread)` : lun.handler,
        formatSize(lun.size_bytes),
        lun.package?.revoked === undefined ? lun.state : `${lun.state} (revoked)`,
        lun.fabric,
        lun.device ?? lun.url ?? "-",
      ]),
    );
    for (const { name, problem, advice } of luns) {
      if (problem === undefined) continue;
      console.log(`\n${name}: ${printable(problem)}`);
      if (advice !== undefined) console.log(dim(`  ${advice}`));
    }
  });
}
