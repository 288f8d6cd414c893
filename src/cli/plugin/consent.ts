/** Showing what a package is and asks for, and asking whether it may be installed. */
import { RegistryError } from "../../registry/artifact_store.ts";
import { requestWords } from "../../registry/capability_words.ts";
import { capabilitiesText, isSameText } from "../../registry/install/capability_text.ts";
import type { InstallPlan, Standing } from "../../registry/install/installer.ts";
import { compareVersions } from "../../registry/install/version_order.ts";
import type { PublicKey } from "../../registry/signed_index.ts";
import { fingerprintOf, matchesFingerprint } from "../../registry/trust/fingerprint.ts";
import { formatKey } from "../../registry/trust/key_text.ts";
import { formatSize } from "../../sandbox/format_size.ts";
import { bold, dim, green, printable, red } from "../output.ts";
import { askYesNo, isInteractive } from "./context.ts";

/** How the operator answers where nobody is asked. */
export interface ConsentOptions {
  readonly yes?: boolean;
  /** Exactly what the package asks for. */
  readonly capabilities?: string;
  /** Fingerprints of keys that are not known yet. */
  readonly trust?: readonly string[];
  readonly acceptLookalike?: readonly string[];
}

/** What reaches other machines can carry away what it sees. */
const NETWORK_RISK = "whatever it sees of your disk it can tell them";

const STANDING: Readonly<Record<Standing, string>> = {
  known: "known",
  rotated: "new key, which the known one has signed for",
  new: "first time: compare this with what the publisher says",
  other: "not the key that you trust",
};

/** Keys that are confirmed by installing. */
function newKeys({ index, publisher }: InstallPlan): PublicKey[] {
  const keys = [
    ...(publisher.standing === "new" ? [publisher.key] : []),
    ...(index.known ? [] : [index.key]),
  ];
  return [...new Set(keys)];
}

/** Refuses what nobody can consent to. Throws RegistryError. */
export async function checkPlan(
  { content: { id }, publisher, lookalikes }: InstallPlan,
  { acceptLookalike = [] }: ConsentOptions,
): Promise<void> {
  if (publisher.standing === "other") {
    const [key, known] = [publisher.key, publisher.known_key ?? publisher.key];
    throw new RegistryError(
      "untrusted",
      `Publisher "${publisher.name}" has another key than the one that you trust: ` +
        `${await fingerprintOf(key)}, and not ${await fingerprintOf(known)}, ` +
        "which has not signed for it, or was revoked here",
      `Ask the publisher by another way. If it is right: lunette plugin trust add ` +
        `${publisher.name} ${formatKey(key)}`,
    );
  }
  const open = lookalikes.filter((one) => !acceptLookalike.includes(one));
  if (open.length === 0) return;
  throw new RegistryError(
    "consent",
    `${id} looks like ${open.join(", ")}: is it what you mean?`,
    `If it is, add ${open.map((one) => `--accept-lookalike ${one}`).join(" ")}`,
  );
}

/** Shows a plan on standard error: standard output is the result's. */
async function show(plan: InstallPlan): Promise<void> {
  const { content, index, publisher, marketplace } = plan;
  const field = (name: string, value: string) =>
    console.error(`  ${dim(name.padEnd(12))} ${printable(value)}`);
  console.error(
    `${bold(printable(`${content.id} ${content.version}`))}: ${printable(plan.description)}`,
  );
  field("size", formatSize(plan.size_bytes));
  field("digest", content.digest);
  field("publisher", `${publisher.name} (${STANDING[publisher.standing]})`);
  field("  key", await fingerprintOf(publisher.key));
  field("marketplace", `${index.index.name} at ${marketplace.location}`);
  if (!index.known) field("  key", `${await fingerprintOf(index.key)} (first time)`);
  showRequest(plan);
}

function showRequest({ content, before, excess, marketplace }: InstallPlan): void {
  const { asks, cannot } = requestWords(content.capabilities);
  console.error("\nIf you install it:");
  for (const { name, reach, sentence, details, purpose } of asks) {
    const mark = reach === "own" ? " " : red("!");
    const risk = reach === "network" ? `: ${NETWORK_RISK}` : "";
    console.error(` ${mark} ${bold(name)}: it may ${sentence}${risk}`);
    for (const detail of details) console.error(dim(`     ${detail}`));
    if (purpose !== "") console.error(dim(`     the publisher says: ${purpose}`));
  }
  for (const sentence of cannot) console.error(dim(`   ${sentence}`));
  if (before === undefined) return;
  console.error(`\n${before.version} is installed now; it goes on serving until it is replaced.`);
  if (compareVersions(content.version, before.version) < 0) {
    console.error(` ${red("-")} this one is older`);
  }
  if (before.marketplace !== marketplace.location) {
    console.error(
      ` ${red("!")} that came from another marketplace: ${printable(before.marketplace)}`,
    );
  }
  for (const { approved, wanted } of excess) {
    const was = approved === undefined ? "" : `, was ${approved}`;
    console.error(` ${red("+")} wants ${printable(`${wanted}${was}`)}`);
  }
}

/** What to add to the command where nobody can be asked. */
async function exactOptions(plan: InstallPlan): Promise<string> {
  const keys = await Promise.all(newKeys(plan).map(fingerprintOf));
  return [
    "--yes",
    `--capabilities '${capabilitiesText(plan.content.capabilities)}'`,
    ...(keys.length === 0 ? [] : [`--trust ${keys.join(",")}`]),
  ].join(" ");
}

/** Asks the operator, or checks what was said beforehand. Throws RegistryError "consent". */
export async function askConsent(plan: InstallPlan, options: ConsentOptions): Promise<void> {
  await checkPlan(plan, options);
  const { content: { id, version, capabilities } } = plan;
  if (options.yes !== true && isInteractive()) {
    await show(plan);
    if (askYesNo("\nInstall it?")) return;
    throw new RegistryError("consent", `${id} was not installed`);
  }
  if (options.yes !== true) {
    await show(plan);
    throw new RegistryError(
      "consent",
      `${id} ${version} needs your approval, and there is no terminal to ask on`,
      `If you approve, add: ${await exactOptions(plan)}`,
    );
  }
  if (options.capabilities === undefined || !isSameText(options.capabilities, capabilities)) {
    throw new RegistryError(
      "consent",
      options.capabilities === undefined
        ? "--yes needs the capabilities that you approve"
        : `${id} ${version} asks for other capabilities than these`,
      `If you approve, add: ${await exactOptions(plan)}`,
    );
  }
  await checkTrusted(plan, options.trust ?? []);
}

async function checkTrusted(plan: InstallPlan, fingerprints: readonly string[]): Promise<void> {
  for (const key of newKeys(plan)) {
    const matches = await Promise.all(fingerprints.map((one) => matchesFingerprint(key, one)));
    if (matches.includes(true)) continue;
    throw new RegistryError(
      "consent",
      `The key ${await fingerprintOf(key)} is not known yet`,
      `Compare it with what its owner says. If it is right, add: ${await exactOptions(plan)}`,
    );
  }
}

/** Says what was done. */
export function printInstalled(done: string, id: string, version: string): void {
  console.log(`${green(done)} ${id} ${version}`);
}
