/** The same suites against tgt, the peer that is closest: for comparison. */
import { SkipError } from "../../bench/group.ts";
import { startTgt, type TgtOptions } from "../../bench/tgt.ts";
import type { Check, Part, PartContext } from "../check.ts";
import { judgePeer } from "../libiscsi/judge.ts";
import type { ListedTest } from "../libiscsi/parse.ts";
import { listTests, runSuites } from "../libiscsi/run.ts";
import { testsFor, UNIT_KINDS, UNIT_SIZE_BYTES, type UnitKind } from "../units.ts";

/** A target that hangs must not hold the run up. */
const SUITE_TIMEOUT_MS = 30_000;

/** How tgt makes each kind of unit; it has no slow one. */
const OPTIONS: Readonly<Record<string, TgtOptions>> = {
  "512": { parameters: ["thin_provisioning=1"] },
  "512e": { parameters: ["thin_provisioning=1", "lbppbe=3"] },
  "4096": { blockLength: 4096, parameters: ["thin_provisioning=1"] },
  "removable": { parameters: ["removable=1"] },
  "read-only": { parameters: ["readonly=1"] },
};

async function runUnit(
  kind: UnitKind,
  options: TgtOptions,
  all: readonly ListedTest[],
  context: PartContext,
): Promise<Check[]> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-conformance-" });
  try {
    const image = `${folder}/image`;
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, UNIT_SIZE_BYTES);
    await using tgt = await startTgt(image, options);
    const tests = testsFor(kind, all);
    const printed = await runSuites({
      tests,
      all,
      device: tgt.url,
      otherPath: tgt.url,
      logFolder: context.logFolder,
      name: `tgt-${kind.name}`,
      timeout_ms: SUITE_TIMEOUT_MS,
      signal: context.signal,
      print: context.print,
    });
    context.print(`tgt ${tgt.version}: ${kind.name}: ${tests.length} tests`);
    return judgePeer(kind.name, tests, printed);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** See the module. */
export const tgt: Part = {
  name: "tgt",
  shows: "the same suites against tgt, for comparison",
  packages: ["libiscsi-bin", "tgt"],
  peer: true,
  async run(context) {
    const all = await listTests();
    const checks: Check[] = [];
    for (const kind of UNIT_KINDS) {
      const options = OPTIONS[kind.name];
      if (options === undefined) continue;
      try {
        checks.push(...await runUnit(kind, options, all, context));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const outcome = error instanceof SkipError ? "skipped" : "failed";
        checks.push({ suite: "tgt", test: "starts", unit: kind.name, outcome, reason });
      }
    }
    return checks;
  },
};
