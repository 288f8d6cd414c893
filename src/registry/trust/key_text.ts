/**
 * Public keys as people see and type them: `ed25519:` and the key. A key alone begins with "-" now and
 * then, and a command takes that for an option.
 *
 * @module
 */
import type { PublicKey, Revocation } from "../signed_index.ts";
import { isPublicKey } from "./ed25519.ts";

const PREFIX = "ed25519:";

/** A key for people. */
export function formatKey(key: PublicKey): string {
  return PREFIX + key;
}

/** The key that somebody has typed, with the prefix or without; undefined where it is none. */
export function parseKey(text: string): PublicKey | undefined {
  const key = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  return isPublicKey(key) ? key : undefined;
}

/** What was revoked, for people. */
export function formatRevoked({ what, value }: Pick<Revocation, "what" | "value">): string {
  return what === "key" ? formatKey(value) : value;
}
