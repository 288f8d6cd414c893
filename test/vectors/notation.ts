/** The notation of bytes in vectors: hexadecimal, repetitions, and names for what is identity. */
import assert from "node:assert/strict";

/** Values of named bytes, by name. */
export type Names = Map<string, string>;

const NAMED = /\[(\w+)(?::(\d+))?\]/g;

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Writes "03*512" out. */
function repeated(text: string): string {
  return text.replace(
    /([0-9a-f]{2})\*(\d+)/g,
    (_, byte: string, count: string) => byte.repeat(Number(count)),
  ).replace(/\s/g, "");
}

/** Bytes of a text: "00 1f", "03*512"; "[name]" stands for what an earlier command has named. */
export function bytesOf(text: string, names: Names = new Map()): Uint8Array {
  const digits = repeated(text.replace(NAMED, (_, name: string) => {
    const value = names.get(name);
    if (value === undefined) throw new Error(`nothing is named ${name}`);
    return value;
  }));
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`no bytes: ${text}`);
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

/**
 * Compares bytes with a text. "[name:length]" takes any bytes, which must be the same wherever the
 * name comes again; "[name]" is what was named before.
 */
export function assertBytes(actual: Uint8Array, text: string, names: Names): void {
  const digits = toHex(actual);
  let expected = "";
  let end = 0;
  for (const match of text.matchAll(NAMED)) {
    expected += repeated(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [, name, length] = match;
    let value = names.get(name);
    if (value === undefined) {
      value = digits.slice(expected.length, expected.length + 2 * Number(length ?? NaN));
      assert.equal(value.length, 2 * Number(length ?? NaN), `${name}: its length`);
      names.set(name, value);
    }
    expected += value;
  }
  assert.equal(digits, expected + repeated(text.slice(end)), "data-in");
}
