/**
 * Ids that are taken for others: `acne.disk` for `acme.disk`, `acme.d1sk` with a 1, the disk of another
 * publisher.
 *
 * @module
 */
import { publisherOf } from "../package.ts";
import type { Index } from "../signed_index.ts";

/** Shorter texts differ by one letter all the time. */
const LENGTH_MIN = 4;
/** Publishers that would be taken for this program's own. */
const RESERVED_PUBLISHERS: readonly string[] = ["lunette", "built-in", "builtin", "official"];

/** What an id looks like at a glance. */
function skeleton(text: string): string {
  return text
    .replace(/[-._]/g, "")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w")
    .replaceAll("cl", "d")
    .replace(/0/g, "o")
    .replace(/[1i]/g, "l")
    .replace(/5/g, "s");
}

/** Whether one letter more, less or other, or two that are swapped, make one of the other. */
export function isOneEditAway(left: string, right: string): boolean {
  if (left === right || Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start++;
  let end = 0;
  const shorter = Math.min(left.length, right.length) - start;
  while (end < shorter && left.at(-1 - end) === right.at(-1 - end)) end++;
  const [a, b] = [left.slice(start, left.length - end), right.slice(start, right.length - end)];
  if (a.length <= 1 && b.length <= 1) return true;
  return a.length === 2 && b.length === 2 && a[0] === b[1] && a[1] === b[0];
}

function looksLike(one: string, other: string): boolean {
  const [left, right] = [skeleton(one), skeleton(other)];
  if (left === right) return true;
  return Math.min(left.length, right.length) >= LENGTH_MIN && isOneEditAway(left, right);
}

function nameOf(id: string): string {
  return id.slice(publisherOf(id).length + 1);
}

/** What an id is compared with. */
export interface KnownIds {
  /** Ids that are installed. */
  readonly installed: readonly string[];
  /** Ids of the handlers that came with this program. */
  readonly built_in: readonly string[];
  /** Publishers whose keys are known. */
  readonly publishers: readonly string[];
  /** Where it comes from: what was there before it. */
  readonly index: Pick<Index, "packages">;
}

/** When the first version that is still listed was published. */
function firstPublished({ packages }: KnownIds["index"], id: string): number {
  const versions = packages.find((one) => one.id === id)?.versions ?? [];
  return Math.min(...versions.map(({ published }) => Date.parse(published)));
}

/** What an id could be taken for: other ids and publishers, each once. */
export function lookalikesOf(id: string, known: KnownIds): string[] {
  const publisher = publisherOf(id);
  const name = nameOf(id);
  const found = new Set<string>();
  const publishers = known.publishers.filter((one) => one !== publisher);
  for (const one of [...publishers, ...RESERVED_PUBLISHERS]) {
    if (one === publisher || looksLike(publisher, one)) found.add(one);
  }
  for (const one of known.built_in) if (skeleton(one) === skeleton(name)) found.add(one);
  for (const one of known.installed) {
    if (publisherOf(one) === publisher) continue;
    if (looksLike(id, one) || skeleton(nameOf(one)) === skeleton(name)) found.add(one);
  }
  const began = firstPublished(known.index, id);
  for (const { id: one } of known.index.packages) {
    // The later of the two is the one that looks like the other.
    const is_older = firstPublished(known.index, one) < began;
    if (is_older && publisherOf(one) !== publisher && looksLike(id, one)) found.add(one);
  }
  return [...found];
}
