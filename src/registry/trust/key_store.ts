/** The keys of this user: files `NAME.json` of mode 0600 in one folder. */
import { join } from "node:path";
import { ensureFolder, writeDurably } from "../../sys/durable_file.ts";
import { RegistryError } from "../artifact_store.ts";
import { generateKey, type Signer } from "./ed25519.ts";
import { KEY_FILE_LENGTH_MAX, type LockedKey, readKeyFile, writeKeyFile } from "./key_file.ts";
import { rotate } from "./rotation.ts";

const NAME = /^[a-z0-9]+(?:-+[a-z0-9]+)*$/;
const SUFFIX = ".json";
const RETIRED = ".retired.json";

/** Throws RegistryError "usage" for what cannot be the name of a key. */
export function checkKeyName(name: string): string {
  if (name.length <= 64 && NAME.test(name)) return name;
  throw new RegistryError(
    "usage",
    `"${name}" cannot be the name of a key`,
    "Use lower case letters, digits and dashes: the publisher's name, as in publisher.handler.",
  );
}

/** See the module. */
export class KeyStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #path(name: string): string {
    return join(this.#folder, `${checkKeyName(name)}${SUFFIX}`);
  }

  /** Makes a key. Throws RegistryError "usage" where there is one of this name. */
  async make(name: string, passphrase: string): Promise<LockedKey> {
    const path = this.#path(name);
    if (await exists(path)) {
      throw new RegistryError(
        "usage",
        `There is a key "${name}" already`,
        `Give another name; "lunette plugin key rotate ${name}" replaces it.`,
      );
    }
    const { signer, secret } = await generateKey();
    const created = new Date().toISOString();
    await this.#write({ name, key: signer.key, created, rotations: [] }, secret, passphrase);
    return await this.read(name);
  }

  /**
   * Replaces a key by a new one; both sign that it follows the old one. The old file stays beside it, as
   * `NAME-N.retired.json`. `passphrase` is the one of the new key.
   */
  async rotate(old: LockedKey, old_signer: Signer, passphrase: string): Promise<LockedKey> {
    const { signer, secret } = await generateKey();
    const rotations = [...old.rotations, await rotate(old_signer, signer)];
    const path = this.#path(old.name);
    const retired = join(this.#folder, `${old.name}-${rotations.length}${RETIRED}`);
    await writeDurably(retired, await Deno.readTextFile(path));
    const created = new Date().toISOString();
    await this.#write({ name: old.name, key: signer.key, created, rotations }, secret, passphrase);
    return await this.read(old.name);
  }

  async #write(
    description: Parameters<typeof writeKeyFile>[0],
    secret: Uint8Array<ArrayBuffer>,
    passphrase: string,
  ): Promise<void> {
    const text = await writeKeyFile(description, secret, passphrase);
    await ensureFolder(this.#folder);
    await writeDurably(this.#path(description.name), text);
  }

  /** Reads a key. Throws RegistryError "not-found", or "permission" where others can read it. */
  async read(name: string): Promise<LockedKey> {
    const path = this.#path(name);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      const { mode, size } = await Deno.stat(path);
      if (((mode ?? 0) & 0o077) !== 0) {
        throw new RegistryError(
          "permission",
          `${path} can be read by others`,
          `Say "chmod 600 ${path}", and think about who may have read it.`,
        );
      }
      if (size > KEY_FILE_LENGTH_MAX) throw new RegistryError("untrusted", `${path} is no key`);
      bytes = await Deno.readFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new RegistryError(
        "not-found",
        `There is no key "${name}"`,
        `"lunette plugin key new ${name}" makes one; "lunette plugin key ls" lists them.`,
        { cause: error },
      );
    }
    const key = readKeyFile(bytes, path);
    if (key.name !== name) throw new RegistryError("untrusted", `${path} is of key "${key.name}"`);
    return key;
  }

  /** All keys by name; retired ones are left out. */
  async list(): Promise<LockedKey[]> {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#folder)) {
        if (name.endsWith(SUFFIX) && !name.endsWith(RETIRED)) {
          names.push(name.slice(0, -SUFFIX.length));
        }
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return await Promise.all(names.sort().map((name) => this.read(name)));
  }

  /** Runs `work` while no other process of this user signs with the key. */
  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    using file = await Deno.open(this.#path(name));
    await file.lock(true);
    return await work();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
