/**
 * Reading a hole of a shared memory through its mapping fills the hole with a page of zeros, and
 * lseek(2) takes that for data. Pages of zeros are told from data by looking at them.
 */
import type { Extent } from "../plugin/mod.ts";

const PAGE_LENGTH = 4096;
/** Pages looked at in one call: the rest counts as data. */
const PAGES_MAX = 16384;
/** Extents in one answer: the rest counts as data. */
const EXTENTS_MAX = 1000;

/** Whether all bytes are zero; data mostly tells with its first ones. */
export function isZero(bytes: Uint8Array): boolean {
  let index = 0;
  if (bytes.byteOffset % 8 === 0) {
    const words = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
    for (let word = 0; word < words.length; word++) {
      // -0 equals 0, and is not zero.
      if (words[word] !== 0 || Object.is(words[word], -0)) return false;
    }
    index = words.length * 8;
  }
  for (; index < bytes.length; index++) if (bytes[index] !== 0) return false;
  return true;
}

/**
 * The extents with pages of zeros as unmapped. `at(offset, length)` gives bytes from `offset` on, up
 * to `length` of them.
 */
export function withoutZeroPages(
  extents: readonly Extent[],
  at: (offset: number, length: number) => Uint8Array,
): Extent[] {
  const result: { offset: number; length: number; mapped: boolean }[] = [];
  let pages = 0;
  const add = (offset: number, length: number, mapped: boolean) => {
    const last = result.at(-1);
    if (last?.mapped === mapped) last.length += length;
    else result.push({ offset, length, mapped });
  };
  for (const { offset, length, mapped } of extents) {
    const end = offset + length;
    for (let start = offset; start < end;) {
      if (!mapped || ++pages > PAGES_MAX || result.length >= EXTENTS_MAX) {
        add(start, end - start, mapped);
        break;
      }
      const next = Math.min(end, start - start % PAGE_LENGTH + PAGE_LENGTH);
      const bytes = at(start, next - start);
      add(start, bytes.length, !isZero(bytes));
      start += bytes.length;
    }
  }
  return result;
}
