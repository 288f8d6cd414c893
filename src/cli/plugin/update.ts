/** lunette plugin update: newer versions, as far as they want no more than was approved. */
import { Command } from "commander";
import { RegistryError, type RegistryErrorKind } from "../../registry/artifact_store.ts";
import { capabilitiesText, isSameText } from "../../registry/install/capability_text.ts";
import {
  install,
  type InstallerParts,
  type InstallPlan,
  planInstall,
} from "../../registry/install/installer.ts";
import type { InstalledPackage } from "../../registry/install/lockfile.ts";
import { revoked } from "../../registry/install/installed_handler.ts";
import { compareVersions } from "../../registry/install/version_order.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { formatKey } from "../../registry/trust/key_text.ts";
import { findRevocation } from "../../registry/trust/trust_store.ts";
import { dim, printable, printJson, printTable } from "../output.ts";
import {
  openInstaller,
  openMarketplace,
  packageLuns,
  usedByLuns,
  withProgress,
} from "./context.ts";

interface UpdateOptions {
  readonly check?: boolean;
  readonly accept?: string;
  readonly plainHttp?: boolean;
  readonly json?: boolean;
}

/** What came of one package. */
interface Outcome {
  readonly id: string;
  readonly version: string;
  /** The newest one; absent where that is installed. */
  readonly available?: string;
  readonly state: "current" | "available" | "updated" | "held" | "failed";
  /** What kind of failure. */
  readonly kind?: RegistryErrorKind;
  /** Why it is held, or has failed. */
  readonly reason?: string;
  /** What lets it go on. */
  readonly advice?: string;
  /** LUNs that go on with the version they have. */
  readonly luns?: readonly string[];
}

/** The verb `plugin update`. */
export function updateVerb(): Command {
  return new Command("update")
    .description("install newer versions; those that want more are held")
    .argument("[id]", "package (default: all)")
    .option("--check", "only say what there is")
    .option("--accept <list>", "capabilities of the new version, exactly: what you approve")
    .option("--plain-http", "HTTP without TLS for other hosts than this one, too")
    .option("--json", "print JSON")
    .action(update);
}

async function update(id: string | undefined, options: UpdateOptions): Promise<void> {
  if (options.accept !== undefined && id === undefined) {
    throw new RegistryError("usage", "--accept is for one package", "Name it.");
  }
  const parts = await openInstaller();
  const all = (await parts.lock.load()).filter(({ current }) => current);
  const wanted = all.filter((one) => id === undefined || one.id === id);
  if (id !== undefined && wanted.length === 0) {
    throw new RegistryError("not-found", `${id} is not installed`, `lunette plugin install ${id}`);
  }
  const outcomes: Outcome[] = [];
  for (const one of wanted) outcomes.push(await updateOne(parts, one, options));
  if (options.json === true) printJson(outcomes);
  else print(outcomes);
  const held = outcomes.filter(({ state }) => state === "held");
  if (held.length > 0 && options.check !== true) {
    throw new RegistryError(
      "consent",
      `Held: ${held.map((one) => one.id).join(", ")}. What is installed goes on serving`,
      held[0].advice,
    );
  }
  const failed = outcomes.find(({ state }) => state === "failed");
  if (failed !== undefined) {
    const { id, kind = "unavailable", reason, advice } = failed;
    throw new RegistryError(kind, `${id}: ${reason}`, advice);
  }
}

async function updateOne(
  parts: InstallerParts,
  installed: InstalledPackage,
  options: UpdateOptions,
): Promise<Outcome> {
  const { id, version } = installed;
  try {
    const marketplace = openMarketplace(
      { from: installed.marketplace, plainHttp: options.plainHttp },
      parts.trust,
    );
    const plan = await withProgress(
      `fetching ${id}`,
      (transfer) => planInstall(parts, marketplace, { id, reference: undefined }, transfer),
    );
    const available = plan.content.version;
    if (compareVersions(available, version) <= 0) {
      const kept = await judgeKept(parts, installed, plan);
      if (kept !== undefined) return { id, version, ...kept };
    }
    const held = await holdOf(plan, options);
    if (held !== undefined) return { id, version, available, state: "held", ...held };
    if (options.check === true) return { id, version, available, state: "available" };
    await install(parts, plan, await usedByLuns());
    const luns = (await packageLuns() ?? [])
      .filter((lun) => lun.package?.digest === installed.digest).map(({ name }) => name);
    return { id, version, available, state: "updated", luns };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { kind, message, advice } = error;
    return { id, version, state: "failed", kind, reason: message, advice };
  }
}

/**
 * What becomes of a package of which there is no newer version; undefined where the same one is to be
 * installed once more, as another key than a revoked one has signed it.
 */
async function judgeKept(
  { trust }: InstallerParts,
  installed: InstalledPackage,
  { content: { id, version, digest } }: InstallPlan,
): Promise<Pick<Outcome, "available" | "state" | "kind" | "reason" | "advice"> | undefined> {
  const { marketplace, key } = installed;
  const revocation = findRevocation(await trust.load(), marketplace, installed.digest, key);
  if (revocation === undefined) return { state: "current" };
  if (digest === installed.digest) return undefined;
  const { kind, message } = revoked(installed, revocation);
  return {
    state: "failed",
    kind,
    available: version,
    reason: message,
    advice: `What is left is older: lunette plugin install ${id}@${version}`,
  };
}

/** Why an update is not installed by itself; undefined where nothing speaks against it. */
async function holdOf(
  { content, excess, publisher, index }: InstallPlan,
  { accept }: UpdateOptions,
): Promise<Pick<Outcome, "reason" | "advice"> | undefined> {
  const { id, capabilities } = content;
  if (publisher.standing === "other" || publisher.standing === "new") {
    const fingerprint = await fingerprintOf(publisher.key);
    return {
      reason: `publisher "${publisher.name}" has a key that you do not trust: ${fingerprint}`,
      advice: `Ask the publisher by another way. If it is right: lunette plugin trust add ` +
        `${publisher.name} ${formatKey(publisher.key)}`,
    };
  }
  if (!index.known) {
    return {
      reason: `the marketplace's key is not known: ${await fingerprintOf(index.key)}`,
      advice: `If it is right: lunette plugin trust add LOCATION ${formatKey(index.key)}`,
    };
  }
  if (excess.length === 0) return undefined;
  if (accept !== undefined && isSameText(accept, capabilities)) return undefined;
  const more = excess.map(({ approved, wanted }) =>
    approved === undefined ? wanted : `${wanted} (approved: ${approved})`
  );
  return {
    reason: `it wants more than you approved: ${more.join(", ")}`,
    advice: `If you approve: lunette plugin update ${id} --accept '${
      capabilitiesText(capabilities)
    }'`,
  };
}

function print(outcomes: readonly Outcome[]): void {
  if (outcomes.length === 0) return console.log(dim("nothing is installed"));
  printTable(
    ["ID", "INSTALLED", "NEWEST", "STATE"],
    outcomes.map(({ id, version, available, state }) => [id, version, available ?? version, state]),
  );
  for (const { id, reason, advice, luns = [] } of outcomes) {
    if (reason !== undefined) {
      console.log(`\n${id}: ${printable(reason)}\n${dim(`  ${printable(advice ?? "")}`)}`);
    }
    if (luns.length > 0) {
      console.log(
        dim(
          `\n${id}: ${luns.join(", ")} goes on with the version that it has; ` +
            '"lunette upgrade" serves one with the new version',
        ),
      );
    }
  }
}
