/** An old key's word for a new one, and the chains that such words make. */
import { RegistryError } from "../artifact_store.ts";
import type { KeyRotation, PublicKey } from "../signed_index.ts";
import { type Signer, verifySignature } from "./ed25519.ts";
import { fromBase64url, toBase64url } from "./encoding.ts";
import { PayloadType, preAuthenticationEncoding } from "./envelope.ts";
import { Fields } from "./fields.ts";

/** Most keys that one publisher may have had. */
export const ROTATIONS_COUNT = 64;

/** The exact bytes that the old key signs. */
function message(old_key: PublicKey, new_key: PublicKey): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify({ type: "lunette.rotation.v1", old_key, new_key });
  return preAuthenticationEncoding(PayloadType.ROTATION, new TextEncoder().encode(text));
}

/** The old key hands over to the new one. */
export async function rotate(old_signer: Signer, new_key: PublicKey): Promise<KeyRotation> {
  const signature = await old_signer.sign(message(old_signer.key, new_key));
  return { old_key: old_signer.key, new_key, signature: toBase64url(signature) };
}

/** Reads a rotation; its signature is checked by {@linkcode checkRotations}. */
export function readRotation(value: unknown, place: string): KeyRotation {
  const fields = new Fields(value, place, ["old_key", "new_key", "signature"]);
  return {
    old_key: fields.key("old_key"),
    new_key: fields.key("new_key"),
    signature: fields.text("signature", 100),
  };
}

/**
 * Checks that each key was handed over by the one before, up to `key`. Returns all keys, oldest first.
 * Throws RegistryError "untrusted".
 */
export async function checkRotations(
  rotations: readonly KeyRotation[],
  key: PublicKey,
  whose: string,
): Promise<PublicKey[]> {
  const broken = (why: string) =>
    new RegistryError("untrusted", `The keys of ${whose} do not follow from each other: ${why}`);
  const keys: PublicKey[] = [];
  for (const [index, { old_key, new_key, signature }] of rotations.entries()) {
    if (index > 0 && rotations[index - 1].new_key !== old_key) throw broken("one is missing");
    if (keys.includes(old_key) || old_key === new_key) throw broken("one comes twice");
    const bytes = fromBase64url(signature);
    if (bytes === undefined || !await verifySignature(old_key, message(old_key, new_key), bytes)) {
      throw broken("the old key did not sign for the new one");
    }
    keys.push(old_key);
  }
  if (rotations.length > 0 && rotations[rotations.length - 1].new_key !== key) {
    throw broken("the last is another");
  }
  if (keys.includes(key)) throw broken("one comes twice");
  return [...keys, key];
}
