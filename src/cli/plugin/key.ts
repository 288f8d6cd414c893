/** lunette plugin key: the keys that publishers sign with. */
import { Command } from "commander";
import type { LockedKey } from "../../registry/trust/key_file.ts";
import { checkKeyName, type KeyStore } from "../../registry/trust/key_store.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { formatKey } from "../../registry/trust/key_text.ts";
import { dim, green, printFields, printJson, printTable } from "../output.ts";
import {
  openKeys,
  type PassphraseOptions,
  readNewPassphrase,
  readPassphrase,
  withPassphrase,
} from "./context.ts";

interface KeyOptions extends PassphraseOptions {
  readonly json?: boolean;
  readonly newPassphraseFile?: string;
}

async function describe({ name, key, created, rotations }: LockedKey) {
  return {
    name,
    key: formatKey(key),
    fingerprint: await fingerprintOf(key),
    created,
    former_keys: rotations.map(({ old_key }) => formatKey(old_key)),
  };
}

async function print(done: string, key: LockedKey, options: KeyOptions): Promise<void> {
  const description = await describe(key);
  if (options.json === true) return printJson(description);
  console.log(`${green(done)} ${key.name}`);
  printFields([["key", description.key], ["fingerprint", description.fingerprint]]);
  console.log(dim("Tell the fingerprint to those who install your packages, by another way."));
}

function newVerb(): Command {
  return withPassphrase(new Command("new"))
    .description("make a key, in a file that a passphrase protects")
    .argument("<name>", "name of the key: best the publisher's, as in publisher.handler")
    .option("--json", "print JSON")
    .action(async (name: string, options: KeyOptions) => {
      checkKeyName(name);
      const passphrase = await readNewPassphrase(options);
      await print("made", await openKeys().make(name, passphrase), options);
    });
}

function listVerb(): Command {
  return new Command("ls")
    .description("list your keys")
    .option("--json", "print JSON")
    .action(async (options: KeyOptions) => {
      const keys = await Promise.all((await openKeys().list()).map(describe));
      if (options.json === true) return printJson(keys);
      if (keys.length === 0) {
        return console.log(dim('no keys: make one with "lunette plugin key new"'));
      }
      printTable(
        ["NAME", "FINGERPRINT", "MADE", "FORMER KEYS"],
        keys.map(({ name, fingerprint, created, former_keys }) => [
          name,
          fingerprint,
          created.slice(0, 10),
          String(former_keys.length),
        ]),
      );
    });
}

function rotateVerb(): Command {
  return withPassphrase(new Command("rotate"))
    .description("replace a key by a new one, which the old one signs for")
    .argument("<name>", "name of the key")
    .option("--new-passphrase-file <file>", "passphrase of the new key (default: the same)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nPublish something with it, or renew the index: the marketplace tells your users. Where the\n" +
        'old key was stolen, revoke it then: "lunette plugin revoke KEY".',
    )
    .action(async (name: string, options: KeyOptions) => {
      const store = openKeys();
      await store.read(name);
      // Of two new keys for the same old one, users would know one.
      const key = await store.exclusively(name, () => rotate(store, name, options));
      await print("replaced", key, options);
    });
}

async function rotate(store: KeyStore, name: string, options: KeyOptions): Promise<LockedKey> {
  const old = await store.read(name);
  const passphrase = await readPassphrase(options, `Passphrase of key "${name}": `);
  const signer = await old.unlock(passphrase);
  const next = options.newPassphraseFile === undefined
    ? passphrase
    : await readPassphrase({ passphraseFile: options.newPassphraseFile }, "");
  return await store.rotate(old, signer, next);
}

/** The verb `plugin key`. */
export function keyVerb(): Command {
  const command = new Command("key").description("keys that publishers sign with");
  for (const verb of [newVerb(), listVerb(), rotateVerb()]) {
    command.addCommand(verb.exitOverride());
  }
  return command;
}
