/** Fingerprints of keys: what two people read to each other. */
import type { PublicKey } from "../signed_index.ts";
import { publicKeyBytes } from "./ed25519.ts";

/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS = 8;
const GROUP_LENGTH = 4;
const DOMAIN = new TextEncoder().encode("lunette key fingerprint v1\0");

/**
 * 160 bits of SHA-256 over the key, as 8 groups of 4 letters and digits that are not mistaken for each
 * other: `3k7m-p0qx-...`. Throws RegistryError for what is no key.
 */
export async function fingerprintOf(key: PublicKey): Promise<string> {
  const bytes = publicKeyBytes(key);
  const message = new Uint8Array([...DOMAIN, ...bytes]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", message));
  let value = BigInt(`0x${hash.toHex()}`) >> BigInt(256 - GROUPS * GROUP_LENGTH * 5);
  let text = "";
  for (let index = 0; index < GROUPS * GROUP_LENGTH; index++) {
    text = ALPHABET[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text.match(/.{4}/g)!.join("-");
}

/** Whether a text is the fingerprint: capitals, spaces instead of dashes, and O for 0 do not matter. */
export async function matchesFingerprint(key: PublicKey, text: string): Promise<boolean> {
  const plain = text.toLowerCase().replace(/[\s-]/g, "").replaceAll("o", "0").replace(/[il]/g, "1");
  return plain === (await fingerprintOf(key)).replaceAll("-", "");
}
