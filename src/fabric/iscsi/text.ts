/**
 * Text of login and text PDUs (RFC 7143 6.1): `key=value` pairs, each ended by a NUL.
 *
 * @module
 */
import { KEY_LENGTH_MAX, TEXT_KEYS_MAX, VALUE_LENGTH_MAX } from "./limits.ts";

/** A key and its value. */
export type KeyValue = readonly [key: string, value: string];

/** Text that breaks RFC 7143 6.1; the message says how. */
export class TextError extends Error {
  override readonly name = "TextError";
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const KEY = /^[A-Za-z0-9.\-+@_#]+$/;

/** Splits text into pairs, in order. Throws a {@linkcode TextError} for what is not well formed. */
export function parseText(bytes: Uint8Array): KeyValue[] {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new TextError("text is not UTF-8");
  }
  const parts = text.split("\0");
  // Some initiators leave out the last NUL; others pad with several.
  const pairs: KeyValue[] = [];
  const seen = new Set<string>();
  for (const part of parts) {
    if (part === "") continue;
    const pair = parsePair(part);
    if (seen.has(pair[0])) throw new TextError(`key ${pair[0]} stands twice`);
    seen.add(pair[0]);
    pairs.push(pair);
    if (pairs.length > TEXT_KEYS_MAX) throw new TextError(`more than ${TEXT_KEYS_MAX} keys`);
  }
  return pairs;
}

function parsePair(part: string): KeyValue {
  const equals = part.indexOf("=");
  if (equals < 0) throw new TextError("a key has no value");
  const key = part.slice(0, equals);
  const value = part.slice(equals + 1);
  if (key.length > KEY_LENGTH_MAX || !KEY.test(key)) throw new TextError("a key is malformed");
  if (value.length > VALUE_LENGTH_MAX) throw new TextError(`the value of ${key} is too long`);
  return [key, value];
}

/** Text of some pairs. */
export function formatText(pairs: readonly KeyValue[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(pairs.map(([key, value]) => `${key}=${value}\0`).join(""));
}

/** A decimal or hexadecimal number up to 2^32 - 1 (RFC 7143 6.1); undefined for anything else. */
export function parseNumber(value: string): number | undefined {
  if (!/^(?:\d{1,10}|0[xX][0-9a-fA-F]{1,8})$/.test(value)) return undefined;
  const number = Number(value);
  return number <= 0xffff_ffff ? number : undefined;
}

/** A large binary value: hexadecimal `0x` or base64 `0b` (RFC 7143 6.1); undefined if malformed. */
export function parseBinary(value: string): Uint8Array | undefined {
  const digits = value.slice(2);
  if (/^0[xX](?:[0-9a-fA-F])+$/.test(value)) {
    const even = digits.length % 2 === 0 ? digits : "0" + digits;
    return Uint8Array.from(even.match(/../g)!, (pair) => parseInt(pair, 16));
  }
  if (/^0[bB][A-Za-z0-9+/]+={0,2}$/.test(value)) {
    try {
      return Uint8Array.from(atob(digits), (char) => char.charCodeAt(0));
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** A binary value in hexadecimal. */
export function formatBinary(bytes: Uint8Array): string {
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
