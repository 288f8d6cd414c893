/**
 * A secret key in a file, encrypted by a passphrase: scrypt (RFC 7914) and AES-256-GCM, which also
 * protects all else that the file says.
 *
 * @module
 */
import { scrypt } from "node:crypto";
import { RegistryError } from "../artifact_store.ts";
import type { KeyRotation, PublicKey } from "../signed_index.ts";
import { makeSigner, type Signer, verifySignature } from "./ed25519.ts";
import { canonicalJson, fromBase64url, toBase64url } from "./encoding.ts";
import { Fields } from "./fields.ts";
import { readRotation, ROTATIONS_COUNT } from "./rotation.ts";

/** OWASP's choice for scrypt: 128 MiB for each guess. */
const COST = 131_072;
const COST_MIN = 32_768;
const COST_MAX = 1_048_576;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
const MEMORY_BYTES_MAX = 2 * 128 * COST_MAX * BLOCK_SIZE;
const SALT_LENGTH = 32;
const NONCE_LENGTH = 12;
const AES_KEY_LENGTH = 32;
/** A key file is about 700 bytes, and more for each rotation. */
export const KEY_FILE_LENGTH_MAX = 65_536;
/** NIST SP 800-63B 3.1.1.2, for what is memorized and used alone. */
export const PASSPHRASE_LENGTH_MIN = 8;

/** What the file says without a passphrase. */
export interface KeyDescription {
  readonly name: string;
  readonly key: PublicKey;
  /** RFC 3339. */
  readonly created: string;
  /** Former keys of the same owner, oldest first. */
  readonly rotations: readonly KeyRotation[];
}

interface Encryption {
  readonly kdf: {
    readonly name: "scrypt";
    readonly cost: number;
    readonly block_size: number;
    readonly parallelization: number;
    readonly salt: string;
  };
  readonly cipher: { readonly name: "AES-256-GCM"; readonly nonce: string };
}

/** A key file that was read. */
export interface LockedKey extends KeyDescription {
  /** Signs from now on. Throws RegistryError "permission" for a wrong passphrase. */
  unlock(passphrase: string): Promise<Signer>;
}

function deriveBits(passphrase: string, { kdf }: Encryption): Promise<Uint8Array<ArrayBuffer>> {
  const salt = fromBase64url(kdf.salt) ?? new Uint8Array();
  const options = {
    N: kdf.cost,
    r: kdf.block_size,
    p: kdf.parallelization,
    maxmem: MEMORY_BYTES_MAX,
  };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, AES_KEY_LENGTH, options, (error, bits) => {
      if (error) reject(error);
      else resolve(new Uint8Array(bits));
    });
  });
}

/** Everything but the secret, in one form: what is authenticated beside it. */
function associatedData(description: KeyDescription, encryption: Encryption) {
  const { name, key, created, rotations } = description;
  return new TextEncoder().encode(canonicalJson({ name, key, created, rotations, ...encryption }));
}

async function cipherOf(
  passphrase: string,
  description: KeyDescription,
  encryption: Encryption,
  usage: "encrypt" | "decrypt",
) {
  const bits = await deriveBits(passphrase, encryption);
  const key = await crypto.subtle.importKey("raw", bits, "AES-GCM", false, [usage]);
  const iv = fromBase64url(encryption.cipher.nonce) ?? new Uint8Array();
  const additionalData = associatedData(description, encryption);
  return { key, parameters: { name: "AES-GCM", iv, additionalData } };
}

/** The text of a key's file. `secret` is PKCS #8. Throws RegistryError "usage" for a poor passphrase. */
export async function writeKeyFile(
  description: KeyDescription,
  secret: Uint8Array<ArrayBuffer>,
  passphrase: string,
): Promise<string> {
  if (passphrase.normalize("NFC").length < PASSPHRASE_LENGTH_MIN) {
    throw new RegistryError(
      "usage",
      `The passphrase is shorter than ${PASSPHRASE_LENGTH_MIN} characters`,
      "A few words that have nothing to do with each other make a good one.",
    );
  }
  const encryption: Encryption = {
    kdf: {
      name: "scrypt",
      cost: COST,
      block_size: BLOCK_SIZE,
      parallelization: PARALLELIZATION,
      salt: toBase64url(crypto.getRandomValues(new Uint8Array(SALT_LENGTH))),
    },
    cipher: {
      name: "AES-256-GCM",
      nonce: toBase64url(crypto.getRandomValues(new Uint8Array(NONCE_LENGTH))),
    },
  };
  const { key, parameters } = await cipherOf(passphrase, description, encryption, "encrypt");
  const encrypted = new Uint8Array(await crypto.subtle.encrypt(parameters, key, secret));
  const file = {
    type: "lunette.key.v1",
    ...description,
    ...encryption,
    secret: toBase64url(encrypted),
  };
  return JSON.stringify(file, null, 2) + "\n";
}

function readKdf(value: unknown, place: string): Encryption["kdf"] {
  const fields = new Fields(value, place, [
    "name",
    "cost",
    "block_size",
    "parallelization",
    "salt",
  ]);
  const cost = fields.count("cost", COST_MIN);
  if (cost > COST_MAX || (cost & (cost - 1)) !== 0) throw fields.error("has no sound cost");
  return {
    name: fields.literal("name", "scrypt"),
    cost,
    block_size: fields.literal("block_size", BLOCK_SIZE),
    parallelization: fields.literal("parallelization", PARALLELIZATION),
    salt: fields.text("salt", 100),
  };
}

/** Reads a key's file. Throws RegistryError "untrusted" for a file that is none. */
export function readKeyFile(bytes: Uint8Array<ArrayBuffer>, place: string): LockedKey {
  const fields = Fields.parse(bytes, place, [
    "type",
    "name",
    "key",
    "created",
    "rotations",
    "kdf",
    "cipher",
    "secret",
  ]);
  fields.literal("type", "lunette.key.v1");
  const description: KeyDescription = {
    name: fields.line("name", 64),
    key: fields.key("key"),
    created: fields.time("created"),
    rotations: fields.list("rotations", ROTATIONS_COUNT, readRotation),
  };
  const kdf = readKdf(fields.value("kdf"), `${place}: kdf`);
  const cipher = new Fields(fields.value("cipher"), `${place}: cipher`, ["name", "nonce"]);
  const encryption: Encryption = {
    kdf,
    cipher: { name: cipher.literal("name", "AES-256-GCM"), nonce: cipher.text("nonce", 32) },
  };
  const secret = fromBase64url(fields.text("secret", 1000));
  if (secret === undefined) throw fields.error("holds no secret");
  const unlock = (passphrase: string) => unlockKey(description, encryption, secret, passphrase);
  return { ...description, unlock };
}

async function unlockKey(
  description: KeyDescription,
  encryption: Encryption,
  secret: Uint8Array<ArrayBuffer>,
  passphrase: string,
): Promise<Signer> {
  const { key, parameters } = await cipherOf(passphrase, description, encryption, "decrypt");
  let signer: Signer;
  try {
    const plain = await crypto.subtle.decrypt(parameters, key, secret);
    const imported = await crypto.subtle.importKey("pkcs8", plain, "Ed25519", false, ["sign"]);
    signer = makeSigner(description.key, imported);
  } catch (error) {
    throw new RegistryError(
      "permission",
      `The passphrase is not that of key "${description.name}", or its file was changed`,
      "",
      { cause: error },
    );
  }
  const probe = new TextEncoder().encode("lunette key check");
  if (!await verifySignature(description.key, probe, await signer.sign(probe))) {
    throw new RegistryError("untrusted", `The two halves of key "${description.name}" do not fit`);
  }
  return signer;
}
