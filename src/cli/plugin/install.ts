/** lunette plugin install: installs a package, once its operator has approved what it asks for. */
import { Command } from "commander";
import { install, parseReference, planInstall } from "../../registry/install/installer.ts";
import { capabilitiesText } from "../../registry/install/capability_text.ts";
import { dim, printJson } from "../output.ts";
import { askConsent, checkPlan, type ConsentOptions, printInstalled } from "./consent.ts";
import {
  collectList,
  type LocationOptions,
  openInstaller,
  openMarketplace,
  usedByLuns,
  withLocation,
  withProgress,
} from "./context.ts";

interface InstallOptions extends LocationOptions, ConsentOptions {
  readonly json?: boolean;
}

/** The verb `plugin install`. */
export function installVerb(): Command {
  return withLocation(new Command("install"), "from")
    .description("install a package, once you have approved what it asks for")
    .argument("<id>", "publisher.name, publisher.name@1.2.3 or publisher.name@sha256:...")
    .option("--yes", "do not ask; needs --capabilities")
    .option("--capabilities <list>", "exactly what the package asks for: what you approve")
    .option("--trust <fingerprints>", "keys that are not known yet, as you know them", collectList)
    .option(
      "--accept-lookalike <id>",
      "id or publisher that it looks like, and is not",
      collectList,
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nWhat is installed already is taken from where it came from, unless --from says otherwise.",
    )
    .action(installPackage);
}

async function installPackage(text: string, options: InstallOptions): Promise<void> {
  const wanted = parseReference(text);
  const parts = await openInstaller();
  const from = options.from ?? (await parts.lock.find(wanted.id))?.marketplace;
  const marketplace = openMarketplace({ ...options, from }, parts.trust);
  const plan = await withProgress(
    `fetching ${wanted.id}`,
    (transfer) => planInstall(parts, marketplace, wanted, transfer),
  );
  // The same once more mends its files; nothing is new about it.
  const is_same = plan.before?.digest === plan.content.digest && plan.excess.length === 0 &&
    plan.before.marketplace === marketplace.location && plan.index.known &&
    plan.publisher.standing === "known";
  await (is_same ? checkPlan(plan, options) : askConsent(plan, options));
  const installed = await install(parts, plan, await usedByLuns());
  if (options.json === true) {
    const { signature: _, ...shown } = installed;
    return printJson({ ...shown, capabilities: capabilitiesText(installed.approved) });
  }
  printInstalled("installed", installed.id, installed.version);
  console.log(dim(`  lunette create NAME --handler ${installed.id}`));
}
