/** lunette plugin audit: everything that speaks against what is installed. */
import { Command } from "commander";
import { type Finding, findingsOf } from "../../registry/install/audit.ts";
import type { InstalledPackage } from "../../registry/install/lockfile.ts";
import { RegistryError } from "../../registry/artifact_store.ts";
import { dim, green, printJson, printTable } from "../output.ts";
import { openMarketplace, openState, packageLuns } from "./context.ts";
import { failOn } from "./verify.ts";

interface AuditOptions {
  readonly offline?: boolean;
  readonly plainHttp?: boolean;
  readonly json?: boolean;
}

/** The verb `plugin audit`. */
export function auditVerb(): Command {
  return new Command("audit")
    .description("look for everything that speaks against what is installed")
    .option("--offline", "ask no marketplace for what it has revoked since")
    .option("--plain-http", "HTTP without TLS for other hosts than this one, too")
    .option("--json", "print JSON")
    .action(audit);
}

async function audit(options: AuditOptions): Promise<void> {
  const { lock, trust } = openState();
  const packages = await lock.load();
  // First, since this is how revocations become known.
  const findings = options.offline === true ? [] : await auditMarketplaces(packages, options);
  findings.push(...await findingsOf({ lock, trust }, packages));
  findings.push(...await auditLuns(packages));
  if (options.json === true) printJson({ packages: packages.length, findings });
  else if (findings.length === 0) {
    console.log(`${green("good")} ${packages.length} packages, no findings`);
  } else {
    printTable(
      ["PACKAGE", "KIND", "PROBLEM"],
      findings.map(({ id, kind, problem }) => [id ?? "-", kind, problem]),
    );
  }
  if (options.offline === true && options.json !== true) {
    console.log(dim("marketplaces were not asked"));
  }
  failOn(findings);
}

async function auditMarketplaces(
  packages: readonly InstalledPackage[],
  options: AuditOptions,
): Promise<Finding[]> {
  const { trust } = openState();
  const findings: Finding[] = [];
  for (const from of new Set(packages.map(({ marketplace }) => marketplace))) {
    try {
      const { known } = await openMarketplace({ from, plainHttp: options.plainHttp }, trust)
        .index();
      if (known) continue;
      const problem = `the key of ${from} is not known any more`;
      findings.push({ kind: "marketplace", problem, advice: "lunette plugin trust add" });
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const { message: problem, advice } = error;
      findings.push({ kind: "marketplace", problem, advice });
    }
  }
  return findings;
}

/** Capabilities that handlers have, against those that were approved for their packages. */
async function auditLuns(packages: readonly InstalledPackage[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const lun of await packageLuns() ?? []) {
    const installed = packages.find(({ digest }) => digest === lun.package?.digest);
    if (installed === undefined) {
      findings.push({
        id: lun.package?.id,
        kind: "lun",
        problem: `LUN "${lun.name}" serves ${lun.package?.digest}, which is not installed any more`,
        advice: "Install it again, or remove the LUN.",
      });
    }
    for (const { name, kind } of lun.capabilities) {
      if (installed?.approved[name]?.kind === kind || installed === undefined) continue;
      findings.push({
        id: installed.id,
        digest: installed.digest,
        kind: "capabilities",
        problem: `LUN "${lun.name}" has ${name} (${kind}), which was not approved`,
        advice: `lunette revoke ${lun.name} ${name}`,
      });
    }
  }
  return findings;
}
