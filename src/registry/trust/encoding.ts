/**
 * Encodings with one form for each value: what is signed, compared or used as a name must not have two.
 *
 * @module
 */
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** base64url without padding (RFC 4648 5). */
export function toBase64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Bytes of base64url in its one canonical form; undefined for anything else. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!BASE64URL.test(text)) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    // Unused bits of the last character that are not zero would be a second form.
    return toBase64url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** JSON with sorted members and no spaces: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    const members = Object.entries(item).sort(([left], [right]) => left < right ? -1 : 1);
    // A null prototype: a member "__proto__" stays a member.
    return Object.assign(Object.create(null), Object.fromEntries(members));
  });
}
