/**
 * Ed25519 (RFC 8032) over WebCrypto, which accepts more than is safe: keys of low order, with which a
 * signature holds for any text, and encodings that are not canonical. These are refused here.
 *
 * @module
 */
import { RegistryError } from "../artifact_store.ts";
import type { PublicKey } from "../signed_index.ts";
import { fromBase64url, toBase64url } from "./encoding.ts";

export const PUBLIC_KEY_LENGTH = 32;
export const SIGNATURE_LENGTH = 64;

/** The field's prime, 2^255 - 19. */
const PRIME = 2n ** 255n - 19n;
/** y of all points whose order divides the cofactor, 8. */
const LOW_ORDER: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  PRIME - 1n,
  littleEndian(
    Uint8Array.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
  ),
  littleEndian(
    Uint8Array.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
  ),
]);

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`);
}

function untrusted(message: string): RegistryError {
  return new RegistryError("untrusted", message);
}

/** Whether 32 bytes are a point that may be a key: canonical, and of no low order. */
export function isSoundPoint(bytes: Uint8Array): boolean {
  if (bytes.length !== PUBLIC_KEY_LENGTH) return false;
  const y = BigInt.asUintN(255, littleEndian(bytes));
  return y < PRIME && !LOW_ORDER.has(y);
}

/** Bytes of a public key. Throws RegistryError "untrusted" for what must not be one. */
export function publicKeyBytes(key: PublicKey): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64url(key);
  if (bytes === undefined || bytes.length !== PUBLIC_KEY_LENGTH) {
    throw untrusted("A public key is not 32 bytes in canonical base64url");
  }
  if (!isSoundPoint(bytes)) {
    throw untrusted("A public key is weak or not canonical: signatures of it prove nothing");
  }
  return bytes;
}

/** Whether a text is a public key that may be used. */
export function isPublicKey(value: unknown): value is PublicKey {
  const bytes = typeof value === "string" ? fromBase64url(value) : undefined;
  return bytes !== undefined && isSoundPoint(bytes);
}

/** Signs; the secret stays behind it. */
export interface Signer {
  readonly key: PublicKey;
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

/** A signer from the two halves of a key. */
export function makeSigner(key: PublicKey, secret: CryptoKey): Signer {
  return {
    key,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", secret, message)),
  };
}

/** A new key: its signer, and the secret as PKCS #8. */
export async function generateKey(): Promise<
  { signer: Signer; secret: Uint8Array<ArrayBuffer> }
> {
  for (;;) {
    const key = await generateAnyKey();
    // As an argument of a command, one that begins so would be taken for an option.
    if (!key.signer.key.startsWith("-")) return key;
  }
}

async function generateAnyKey(): Promise<{ signer: Signer; secret: Uint8Array<ArrayBuffer> }> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("assertion: Ed25519 keys come in pairs");
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const secret = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return { signer: makeSigner(toBase64url(raw), pair.privateKey), secret };
}

/** Whether `signature` is the one of `key` over `message`. Throws where the key must not be used. */
export async function verifySignature(
  key: PublicKey,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const bytes = publicKeyBytes(key);
  if (signature.length !== SIGNATURE_LENGTH) return false;
  try {
    const imported = await crypto.subtle.importKey("raw", bytes, "Ed25519", true, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    // No point of the curve.
    return false;
  }
}
