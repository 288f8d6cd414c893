/**
 * Reads what blktests' `check` prints, and the names of the tests that are about a device.
 *
 * @module
 */
import type { Check } from "../check.ts";

/** `block/003 => sda (run various discard sizes)    [passed]` */
const RESULT = /^(\w+\/\d+) => (\w+) \((.*)\)\s+\[(passed|failed|not run)\]/;

/** The checks of a run. `disks` names the units by their block devices. */
export function parseCheck(text: string, disks: Readonly<Record<string, string>>): Check[] {
  const checks: Check[] = [];
  const lines = withoutEscapes(text).split("\n");
  for (const [index, line] of lines.entries()) {
    const match = RESULT.exec(line);
    if (match === null) continue;
    const [, name, disk, what, result] = match;
    const detail = detailAfter(lines, index);
    checks.push({
      suite: "blktests",
      test: `${name}: ${what}`,
      unit: disks[disk] ?? disk,
      ...result === "passed"
        ? { outcome: "passed" }
        : { outcome: result === "failed" ? "failed" : "skipped", reason: detail },
    });
  }
  return checks;
}

/** The indented lines below a result. */
function detailAfter(lines: readonly string[], index: number): string {
  const rest = lines.slice(index + 1);
  const end = rest.findIndex((line) => !/^\s+\S/.test(line));
  return rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim()).join("; ");
}

function withoutEscapes(text: string): string {
  // deno-lint-ignore no-control-regex -- escape sequences begin with one
  return text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
}

/** The tests of a folder of a checkout that run on a device; all others make devices of their own. */
export function listDeviceTests(checkout: string, group: string): string[] {
  return [...Deno.readDirSync(`${checkout}/tests/${group}`)]
    .filter(({ name }) => /^\d+$/.test(name))
    .filter(({ name }) =>
      /^test_device\(/m.test(Deno.readTextFileSync(`${checkout}/tests/${group}/${name}`))
    )
    .map(({ name }) => `${group}/${name}`).sort();
}
