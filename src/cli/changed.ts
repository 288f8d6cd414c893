/** What the verbs that change a LUN have in common. */
import type { Command } from "commander";
import type { LunChanged } from "../daemon/api.ts";
import { type ConnectOptions, withConnection } from "./connect.ts";
import { dim, green, printJson } from "./output.ts";

/** Options of a verb that changes a LUN. */
export interface ChangeOptions extends ConnectOptions {
  readonly rescan: boolean;
}

/** Adds `--socket`, `--json` and `--no-rescan`. */
export function withRescan(command: Command): Command {
  return withConnection(command)
    .option("--no-rescan", "do not make this host look at its disk again (loopback LUNs)");
}

/** Prints what was done, and what is left to the operator. */
export function printChanged(done: string, options: ConnectOptions, changed: LunChanged): void {
  if (options.json === true) return printJson(changed);
  console.log(`${green(done)} ${changed.lun.name}`);
  for (const note of changed.notes) console.log(dim(`  ${note}`));
}
