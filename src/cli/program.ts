/** The command line: its verbs, put together. Each verb has a file of its own. */
import { Command, CommanderError } from "commander";
import { exitCode, operatorError } from "../daemon/error.ts";
import { escapeJson } from "../sandbox/escape.ts";
import { versionLine } from "../version.ts";
import { printable, red } from "./output.ts";
import { completionVerb } from "./completion.ts";
import { createVerb } from "./create.ts";
import { demoVerb } from "./demo.ts";
import { doctorVerb } from "./doctor.ts";
import { ejectVerb } from "./eject.ts";
import { grantVerb } from "./grant.ts";
import { insertVerb } from "./insert.ts";
import { limitVerb } from "./limit.ts";
import { listVerb } from "./list.ts";
import { marketplaceVerb } from "./marketplace/verbs.ts";
import { pluginVerb } from "./plugin/verbs.ts";
import { protectVerb } from "./protect.ts";
import { removeVerb } from "./remove.ts";
import { resizeVerb } from "./resize.ts";
import { restartVerb } from "./restart.ts";
import { revokeVerb } from "./revoke.ts";
import { serveVerb } from "./serve.ts";
import { showVerb } from "./show.ts";
import { statsVerb } from "./stats.ts";
import { upgradeVerb } from "./upgrade.ts";

/** All verbs under `lunette`. */
export function makeProgram(): Command {
  const program = new Command("lunette")
    .description("Serves SCSI logical units from handlers written in TypeScript.")
    .version(versionLine(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [verb]", "print the help of a verb")
    .showHelpAfterError('("lunette help" lists the verbs)')
    .configureOutput({ outputError: (text, write) => write(red(text)) })
    .exitOverride();
  const verbs = [
    demoVerb(),
    serveVerb(),
    createVerb(),
    removeVerb(),
    listVerb(),
    showVerb(),
    resizeVerb(),
    limitVerb(),
    upgradeVerb(),
    restartVerb(),
    revokeVerb(),
    grantVerb(),
    protectVerb(),
    ejectVerb(),
    insertVerb(),
    statsVerb(),
    pluginVerb(),
    marketplaceVerb(),
    doctorVerb(),
  ];
  for (const verb of verbs) program.addCommand(verb.exitOverride());
  program.addCommand(completionVerb(program).exitOverride());
  return program;
}

/** Runs a command line; returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  try {
    const program = makeProgram();
    if (args.length === 0) {
      program.outputHelp();
      return exitCode.usage;
    }
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    // Help and version are errors to the parser, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCode.usage;
    const { kind, message, advice } = operatorError(error);
    // A handler, a manifest or a package may have had a hand in the words.
    if (json) console.error(escapeJson(JSON.stringify({ error: { kind, message, advice } })));
    else {
      console.error(red(printable(`lunette: ${message}`)));
      if (advice !== "") console.error(printable(`  ${advice}`));
    }
    if (Deno.env.get("LUNETTE_DEBUG") === "1") console.error(error);
    return exitCode[kind];
  }
}
