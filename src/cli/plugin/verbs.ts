/** lunette plugin: what authors of handlers need, and those who install them. */
import { Command } from "commander";
import { newVerb } from "./new.ts";
import { packVerb } from "./pack.ts";

/** The verbs, in the order of the help; each has a file of its own beside this one. */
function verbs(): Command[] {
  return [
    // For authors.
    newVerb(),
    packVerb(),
    // For users: publish, search, install, update, verify, ls, rm, revoke, trust, audit, keys.
  ];
}

/** The verb `plugin`, with its own verbs. */
export function pluginVerb(): Command {
  const command = new Command("plugin")
    .description("make handlers into packages; install those of others")
    .usage("<verb> [options]")
    .helpCommand("help [verb]", "print the help of a verb")
    .showHelpAfterError('("lunette plugin help" lists the verbs)');
  for (const verb of verbs()) command.addCommand(verb.exitOverride());
  return command;
}
