/** Keys that follow each other, by the word of both, and the chains that such words make. */
import { RegistryError } from "../artifact_store.ts";
import type { KeyRotation, PublicKey } from "../signed_index.ts";
import { type Signer, verifySignature } from "./ed25519.ts";
import { fromBase64url, toBase64url } from "./encoding.ts";
import { PayloadType, preAuthenticationEncoding } from "./envelope.ts";
import { Fields } from "./fields.ts";

/** Most keys that one publisher may have had. */
export const ROTATIONS_COUNT = 64;

/** The exact bytes that both keys sign. */
function message(old_key: PublicKey, new_key: PublicKey): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify({ type: "lunette.rotation.v1", old_key, new_key });
  return preAuthenticationEncoding(PayloadType.ROTATION, new TextEncoder().encode(text));
}

/** The old key hands over to the new one. */
export async function rotate(old_signer: Signer, new_signer: Signer): Promise<KeyRotation> {
  const [old_key, new_key] = [old_signer.key, new_signer.key];
  const [signature, new_signature] = await Promise.all(
    [old_signer, new_signer].map((signer) => signer.sign(message(old_key, new_key))),
  );
  return {
    old_key,
    new_key,
    signature: toBase64url(signature),
    new_signature: toBase64url(new_signature),
  };
}

/** Reads a rotation; its signatures are checked by {@linkcode checkRotations}. */
export function readRotation(value: unknown, place: string): KeyRotation {
  const fields = new Fields(value, place, ["old_key", "new_key", "signature", "new_signature"]);
  return {
    old_key: fields.key("old_key"),
    new_key: fields.key("new_key"),
    signature: fields.text("signature", 100),
    new_signature: fields.text("new_signature", 100),
  };
}

/**
 * Checks that each key was handed over by the one before, up to `key`, and took over from it. Returns all
 * keys, oldest first: what any of them signs is the owner's word. Throws RegistryError "untrusted".
 */
export async function checkRotations(
  rotations: readonly KeyRotation[],
  key: PublicKey,
  whose: string,
): Promise<PublicKey[]> {
  const broken = (why: string) =>
    new RegistryError("untrusted", `The keys of ${whose} do not follow from each other: ${why}`);
  const keys: PublicKey[] = [];
  const signed = async (by: PublicKey, { old_key, new_key }: KeyRotation, text: string) => {
    const bytes = fromBase64url(text);
    return bytes !== undefined && await verifySignature(by, message(old_key, new_key), bytes);
  };
  for (const [index, rotation] of rotations.entries()) {
    const { old_key, new_key } = rotation;
    if (index > 0 && rotations[index - 1].new_key !== old_key) throw broken("one is missing");
    if (keys.includes(old_key) || old_key === new_key) throw broken("one comes twice");
    if (!await signed(old_key, rotation, rotation.signature)) {
      throw broken("the old key did not sign for the new one");
    }
    if (!await signed(new_key, rotation, rotation.new_signature)) {
      throw broken("the new key did not sign that it follows the old one");
    }
    keys.push(old_key);
  }
  if (rotations.length > 0 && rotations[rotations.length - 1].new_key !== key) {
    throw broken("the last is another");
  }
  if (keys.includes(key)) throw broken("one comes twice");
  return [...keys, key];
}
