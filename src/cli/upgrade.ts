/** lunette upgrade: serves a LUN with another version of its handler, while it is in use. */
import { Command } from "commander";
import { checkName } from "../daemon/lun_record.ts";
import { printChanged } from "./changed.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { collectSetting, handlerReference } from "./create.ts";
import { parseDuration } from "./limits.ts";
import { dim } from "./output.ts";

interface Options extends ConnectOptions {
  readonly handler?: string;
  readonly rollback?: boolean;
  readonly set: Readonly<Record<string, string>>;
  readonly probation?: string;
}

/** The verb `upgrade`. */
export function upgradeVerb(): Command {
  const command = new Command("upgrade")
    .description("serve a LUN with another version of its handler, while it is in use")
    .argument("<name>", "name of the LUN")
    .option(
      "--handler <id|path>",
      "package or folder of the version (default: what it has, as it is now)",
    )
    .option("--set <key=value>", "setting that is different for it", collectSetting, {})
    .option("--probation <time>", "how long it is watched (default 60s)")
    .option("--rollback", "go back to the version before");
  return withConnection(command)
    .addHelpText(
      "after",
      "\nCommands wait while the old version finishes what it has and the new one opens the volume and\n" +
        "answers a read. Where it does not, or its process ends while it is watched, the old version\n" +
        "takes its place again. The new one must open the same volume (size, blocks, what it can do) and\n" +
        "keep its data in the same files and memory.",
    )
    .action(async (name: string, options: Options) => {
      const { handler, rollback, set, probation } = options;
      const changed = await connect(options).upgrade(checkName(name), {
        ...(handler === undefined ? {} : { handler: handlerReference(handler) }),
        ...(rollback === true ? { rollback } : {}),
        ...(Object.keys(set).length === 0 ? {} : { settings: set }),
        ...(probation === undefined ? {} : { probation_ms: parseDuration(probation) }),
      });
      printChanged("upgraded", options, changed);
      const { version, previous } = changed.lun;
      if (options.json === true) return;
      const before = previous === undefined ? "" : `, was ${previous.version}`;
      console.log(dim(`  version ${version ?? "-"}${before}`));
    });
}
