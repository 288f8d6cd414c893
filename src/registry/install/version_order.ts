/** Order of semantic versions (semver.org 2.0.0, 11). */

function compareIdentifiers(left: string, right: string): number {
  const [a, b] = [left, right].map((one) => /^\d+$/.test(one));
  if (a && b) return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
  if (a !== b) return a ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

function partsOf(version: string): [core: string[], before: string[]] {
  const at = version.indexOf("-");
  if (at < 0) return [version.split("."), []];
  return [version.slice(0, at).split("."), version.slice(at + 1).split(".")];
}

/** Whether a version comes before a release. */
export function isPrerelease(version: string): boolean {
  return version.includes("-");
}

/** Less than 0 where `left` is the older version. */
export function compareVersions(left: string, right: string): number {
  const [core_left, before_left] = partsOf(left);
  const [core_right, before_right] = partsOf(right);
  for (const [index, one] of core_left.entries()) {
    const order = compareIdentifiers(one, core_right[index]);
    if (order !== 0) return order;
  }
  // A release comes after all that come before it.
  if (before_left.length === 0 || before_right.length === 0) {
    return before_right.length - before_left.length;
  }
  for (const [index, one] of before_left.entries()) {
    if (index >= before_right.length) return 1;
    const order = compareIdentifiers(one, before_right[index]);
    if (order !== 0) return order;
  }
  return before_left.length - before_right.length;
}
