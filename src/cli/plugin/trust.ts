/** lunette plugin trust: whose keys are known. */
import { Command } from "commander";
import { RegistryError } from "../../registry/artifact_store.ts";
import { normalLocation } from "../../registry/install/marketplace.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { isPublisher } from "../../registry/trust/fields.ts";
import { formatKey, formatRevoked, parseKey } from "../../registry/trust/key_text.ts";
import type { Trust } from "../../registry/trust/trust_store.ts";
import { dim, green, printJson, printTable } from "../output.ts";
import { openState } from "./context.ts";

interface TrustOptions {
  readonly json?: boolean;
}

function listVerb(): Command {
  return new Command("ls")
    .description("list the publishers and marketplaces whose keys are known, and what is revoked")
    .option("--json", "print JSON")
    .action(async (options: TrustOptions) => {
      const trust = await openState().trust.load();
      if (options.json === true) return printJson(trust);
      await print(trust);
    });
}

async function print({ publishers, marketplaces, revocations }: Trust): Promise<void> {
  const rows = [
    ...await Promise.all(publishers.map(async ({ name, key, pinned }) => [
      "publisher",
      name,
      await fingerprintOf(key),
      `since ${pinned.slice(0, 10)}`,
    ])),
    ...await Promise.all(marketplaces.map(async ({ location, key, version }) => [
      "marketplace",
      location,
      await fingerprintOf(key),
      `index version ${version}`,
    ])),
    ...revocations.map((one) => [
      `revoked ${one.what}`,
      one.by === "" ? "this machine" : one.by,
      formatRevoked(one),
      one.reason,
    ]),
  ];
  if (rows.length === 0) return console.log(dim("nobody's key is known yet"));
  printTable(["KIND", "WHO", "WHAT", ""], rows);
}

function addVerb(): Command {
  return new Command("add")
    .description("know a key: in the place of the one that was known, if any")
    .argument("<who>", "publisher, or location of a marketplace")
    .argument("<key>", "public key, as its owner has told you")
    .option("--json", "print JSON")
    .action(async (who: string, text: string, options: TrustOptions) => {
      const key = parseKey(text);
      if (key === undefined) {
        throw new RegistryError(
          "usage",
          "That is no public key",
          'It is "ed25519:" and 43 characters.',
        );
      }
      const { trust } = openState();
      if (isPublisher(who)) await trust.pinPublisher(who, key);
      else await addMarketplace(normalLocation(who), key);
      const fingerprint = await fingerprintOf(key);
      if (options.json === true) return printJson({ who, key: formatKey(key), fingerprint });
      console.log(`${green("known")} ${who}: ${fingerprint}`);
    });
}

/**
 * What was seen of an index that another key has signed says nothing of this one's; what was seen of
 * this one's is not forgotten.
 */
async function addMarketplace(location: string, key: string): Promise<void> {
  await openState().trust.change((trust) => {
    const others = trust.marketplaces.filter((one) => one.location !== location);
    const known = trust.marketplaces.find((one) => one.location === location);
    if (known?.key === key) return trust;
    return { ...trust, marketplaces: [...others, { location, key, version: 0 }] };
  });
}

function removeVerb(): Command {
  return new Command("rm")
    .description("forget a key, or end a revocation of this machine")
    .argument("<who>", "publisher, location of a marketplace, or what was revoked here")
    .option("--json", "print JSON")
    .action(async (who: string, options: TrustOptions) => {
      const revoked = parseKey(who) ?? who;
      const location = normalLocation(who);
      let count = 0;
      const drop = <T>(all: readonly T[], is: (one: T) => boolean): T[] => {
        const kept = all.filter((one) => !is(one));
        count += all.length - kept.length;
        return kept;
      };
      await openState().trust.change((trust) => ({
        publishers: drop(trust.publishers, ({ name }) => name === who),
        marketplaces: drop(trust.marketplaces, (one) => one.location === location),
        revocations: drop(trust.revocations, ({ by, value }) => by === "" && value === revoked),
      }));
      if (count === 0) {
        throw new RegistryError(
          "not-found",
          `Nothing is known of ${who}`,
          '"lunette plugin trust ls" lists what is.',
        );
      }
      if (options.json === true) return printJson({ forgotten: who });
      console.log(`${green("forgotten")} ${who}`);
    });
}

/** The verb `plugin trust`. */
export function trustVerb(): Command {
  const command = new Command("trust").description("whose keys you trust");
  for (const verb of [listVerb(), addVerb(), removeVerb()]) {
    command.addCommand(verb.exitOverride());
  }
  return command;
}
