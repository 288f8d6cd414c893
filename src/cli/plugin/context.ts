/** What the verbs around packages share: where things lie, options, passphrases, progress. */
import { promptSecret } from "@std/cli/prompt_secret.js";
import { type Command, InvalidArgumentError } from "commander";
import { join } from "node:path";
import { ControlClient } from "../../daemon/client.ts";
import type { LunDescription } from "../../daemon/api.ts";
import { OperatorError } from "../../daemon/error.ts";
import { builtInHandlers } from "../../daemon/handlers.ts";
import { RecordStore } from "../../daemon/lun_record.ts";
import { configurationFolder, defaultPaths } from "../../daemon/paths.ts";
import type { TransferOptions } from "../../registry/artifact_store.ts";
import type { InstallerParts } from "../../registry/install/installer.ts";
import { Lockfile } from "../../registry/install/lockfile.ts";
import { Marketplace } from "../../registry/install/marketplace.ts";
import type { SigningKey } from "../../registry/install/publishing.ts";
import { KeyStore } from "../../registry/trust/key_store.ts";
import { pluginsFolder, TrustStore } from "../../registry/trust/trust_store.ts";
import { Progress } from "../output.ts";

/** A marketplace, and how to reach it. */
export interface LocationOptions {
  readonly from?: string;
  readonly to?: string;
  readonly plainHttp?: boolean;
}

/** Adds `--from` or `--to`, with `--plain-http`. */
export function withLocation(command: Command, option: "from" | "to"): Command {
  return command
    .option(
      `--${option} <location>`,
      "marketplace: oci://HOST/PREFIX or a folder (default: an own one in the state folder)",
    )
    .option("--plain-http", "HTTP without TLS for other hosts than this one, too");
}

/** A secret key and its passphrase. */
export interface PassphraseOptions {
  readonly passphraseFile?: string;
}

/** Adds `--passphrase-file`. */
export function withPassphrase(command: Command): Command {
  return command.option(
    "--passphrase-file <file>",
    "read the passphrase from a file (else LUNETTE_PASSPHRASE, or it is asked for)",
  );
}

function folder(): string {
  return pluginsFolder(defaultPaths(Deno.env).state);
}

/** What is installed, and whom the operator trusts. */
export function openState(): { readonly trust: TrustStore; readonly lock: Lockfile } {
  return { trust: new TrustStore(folder()), lock: new Lockfile(folder()) };
}

/** The same, for installing. */
export async function openInstaller(): Promise<InstallerParts> {
  return { ...openState(), built_in: await builtInHandlers().catch(() => []) };
}

/** The folder that is the marketplace where none is named. */
export function defaultMarketplace(): string {
  return join(defaultPaths(Deno.env).state, "marketplace");
}

/** The marketplace that the options name. */
export function openMarketplace(
  { from, to, plainHttp }: LocationOptions,
  trust: TrustStore,
): Marketplace {
  return new Marketplace(from ?? to ?? defaultMarketplace(), trust, { plain_http: plainHttp });
}

/** The keys of this user. */
export function openKeys(): KeyStore {
  return new KeyStore(join(configurationFolder(Deno.env), "keys"));
}

/** Whether somebody can be asked. */
export function isInteractive(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

async function readGiven(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      "usage",
      `Cannot read the passphrase: ${reason}`,
      "Name another file.",
      {
        cause: error,
      },
    );
  }
}

/** A passphrase: of a file, the environment, or the terminal. Throws OperatorError. */
export async function readPassphrase(
  { passphraseFile }: PassphraseOptions,
  question: string,
): Promise<string> {
  if (passphraseFile !== undefined) {
    return (await readGiven(passphraseFile)).replace(/\r?\n$/, "");
  }
  const given = Deno.env.get("LUNETTE_PASSPHRASE");
  if (given !== undefined) return given;
  const answer: string | null = isInteractive() ? promptSecret(question, { mask: "" }) : null;
  if (answer !== null) return answer;
  throw new OperatorError(
    "usage",
    "A passphrase is needed, and there is no terminal to ask on",
    "Set LUNETTE_PASSPHRASE, or name a file with --passphrase-file.",
  );
}

/** A passphrase for a new key: asked for twice where somebody types it. */
export async function readNewPassphrase(options: PassphraseOptions): Promise<string> {
  const passphrase = await readPassphrase(options, "Passphrase of the new key: ");
  const typed = options.passphraseFile === undefined &&
    Deno.env.get("LUNETTE_PASSPHRASE") === undefined;
  if (typed && await readPassphrase(options, "Once more: ") !== passphrase) {
    throw new OperatorError("usage", "The passphrases are not the same");
  }
  return passphrase;
}

/** Unlocks a key of this user. */
export async function unlockKey(name: string, options: PassphraseOptions): Promise<SigningKey> {
  const key = await openKeys().read(name);
  const passphrase = await readPassphrase(options, `Passphrase of key "${name}": `);
  return { name, rotations: key.rotations, signer: await key.unlock(passphrase) };
}

/** Asks for yes or no on the terminal; no is the default. */
export function askYesNo(question: string): boolean {
  Deno.stderr.writeSync(new TextEncoder().encode(`${question} [y/N] `));
  const buffer = new Uint8Array(256);
  const length = Deno.stdin.readSync(buffer) ?? 0;
  return /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(buffer.subarray(0, length)));
}

/** Does something while a bar shows how far its transfer is. */
export async function withProgress<T>(
  label: string,
  work: (options: TransferOptions) => Promise<T>,
): Promise<T> {
  const progress = new Progress(label);
  try {
    return await work({
      onProgress: (done, total) => progress.update(total === 0 ? 1 : done / total),
    });
  } finally {
    progress.end();
  }
}

/** LUNs of the daemon that serve packages; undefined where no daemon answers. */
export async function packageLuns(): Promise<readonly LunDescription[] | undefined> {
  try {
    const luns = await new ControlClient(defaultPaths(Deno.env).socket).list();
    return luns.filter((lun) => lun.package !== undefined);
  } catch {
    return undefined;
  }
}

/** Whether a LUN uses a package, or could go back to it: one that is recorded, or served. */
export async function usedByLuns(): Promise<(digest: string) => boolean> {
  const { records, complaints } = await new RecordStore(defaultPaths(Deno.env).state).load();
  const served = (await packageLuns() ?? []).map((lun) => lun.package?.digest);
  const used = new Set([
    ...served,
    ...records.flatMap(({ digest, previous }) => [digest, previous?.digest]),
  ]);
  // A record that cannot be read may name any.
  return (digest) => complaints.length > 0 || used.has(digest);
}

/** Collects an option that may come several times, or with commas. */
export function collectList(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").map((one) => one.trim()).filter((one) => one !== "")];
}

/** A number of days. */
export function parseDays(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError("It is no number of days.");
  return Number(text);
}
