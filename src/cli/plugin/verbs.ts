/** lunette plugin: what authors of handlers need, and those who install them. */
import { Command } from "commander";
import { auditVerb } from "./audit.ts";
import { indexVerb } from "./index_verbs.ts";
import { installVerb } from "./install.ts";
import { keyVerb } from "./key.ts";
import { listVerb } from "./ls.ts";
import { devVerb } from "./dev.ts";
import { newVerb } from "./new.ts";
import { packVerb } from "./pack.ts";
import { publishVerb } from "./publish.ts";
import { revokeVerb } from "./revoke.ts";
import { removeVerb } from "./rm.ts";
import { searchVerb } from "./search.ts";
import { signVerb } from "./sign.ts";
import { testVerb } from "./test.ts";
import { trustVerb } from "./trust.ts";
import { updateVerb } from "./update.ts";
import { verifyVerb } from "./verify.ts";

/** The verbs, in the order of the help; each has a file of its own beside this one. */
function verbs(): Command[] {
  return [
    // For authors.
    newVerb(),
    devVerb(),
    testVerb(),
    packVerb(),
    keyVerb(),
    signVerb(),
    publishVerb(),
    indexVerb(),
    revokeVerb(),
    // For users.
    searchVerb(),
    installVerb(),
    updateVerb(),
    listVerb(),
    removeVerb(),
    verifyVerb(),
    auditVerb(),
    trustVerb(),
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
