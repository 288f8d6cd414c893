/** lunette marketplace: what those who run one need. */
import { Command } from "commander";
import { buildVerb } from "./build.ts";
import { serveVerb } from "./serve.ts";

/** The verb `marketplace`, with its own verbs. */
export function marketplaceVerb(): Command {
  const command = new Command("marketplace")
    .description("show a marketplace's packages as web pages")
    .usage("<verb> [options]")
    .helpCommand("help [verb]", "print the help of a verb")
    .showHelpAfterError('("lunette marketplace help" lists the verbs)');
  for (const verb of [buildVerb(), serveVerb()]) command.addCommand(verb.exitOverride());
  return command;
}
