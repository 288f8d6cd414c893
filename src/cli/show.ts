/** lunette show: everything about one LUN. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { formatSize } from "../daemon/size.ts";
import { describeAccess } from "./access.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { printFields, printJson } from "./output.ts";

/** The verb `show`. */
export function showVerb(): Command {
  const command = new Command("show")
    .description("show everything about a LUN")
    .argument("<name>", "name of the LUN");
  return withConnection(command).action(async (name: string, options: ConnectOptions) => {
    const lun = await connect(options).show(checkName(name));
    if (options.json === true) return printJson(lun);
    const size = `${
      formatSize(lun.size_bytes)
    } (${lun.size_bytes} bytes, blocks of ${lun.block_length_bytes})`;
    const where = lun.isolation === "process" ? `process ${lun.handler_pid ?? "-"}` : "ring thread";
    const fields: [string, string][] = [
      ["name", lun.name],
      ["state", lun.problem === undefined ? lun.state : `${lun.state}: ${lun.problem}`],
      ["handler", lun.handler],
      ["isolation", `${lun.isolation} (${where}), started again ${lun.restarts} times`],
      ["size", size],
      ["access mode", lun.writable ? "read-write" : "read-only"],
      ["content", lun.volatile ? "volatile: gone when the daemon ends" : "kept"],
      ["serial", lun.serial],
      ["deadline", lun.deadline_ms === 0 ? "none" : `${lun.deadline_ms / 1000} s`],
      ["fabric", lun.fabric],
    ];
    if (lun.uio !== undefined) fields.push(["ring", lun.uio]);
    for (const line of describeAccess(lun)) fields.push(["access", line]);
    for (const [key, value] of Object.entries(lun.settings)) {
      fields.push(["setting", `${key}=${value}`]);
    }
    printFields(fields);
  });
}
