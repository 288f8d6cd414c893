/**
 * iscsi-test-cu against the embedded iSCSI target, with sandboxed handlers: each kind of unit gets a
 * daemon of its own.
 */
import { embeddedExpectations } from "../expectations/embedded.ts";
import type { Check, Part, PartContext } from "../check.ts";
import { type Elsewhere, judgeUnit, settleElsewhere } from "../libiscsi/judge.ts";
import type { ListedTest } from "../libiscsi/parse.ts";
import { listTests, runSuites } from "../libiscsi/run.ts";
import { type Daemon, startDaemon } from "../lunette.ts";
import { createOptions, testsFor, UNIT_KINDS, type UnitKind } from "../units.ts";

const LUN_NAME = "unit";

/** What runs one after the other. */
const LANES: Readonly<Record<string, readonly string[]>> = {
  first: ["512", "removable", "read-only"],
  second: ["512e", "4096"],
  slow: ["slow"],
};

interface UnitResult {
  readonly name: string;
  readonly ran: boolean;
  readonly checks: readonly Check[];
  readonly elsewhere: readonly Elsewhere[];
}

async function runUnit(
  kind: UnitKind,
  all: readonly ListedTest[],
  context: PartContext,
): Promise<UnitResult> {
  const began_ms = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "lunette-conformance-" });
  const daemonCheck = (outcome: Check["outcome"], reason?: string): Check => ({
    suite: "daemon",
    test: "serves to the end",
    unit: kind.name,
    outcome,
    reason,
  });
  try {
    const logFile = `${context.logFolder}/embedded-${kind.name}.daemon.log`;
    await using daemon = await startDaemon(folder, logFile);
    const url = await makeUnits(daemon, kind);
    const tests = testsFor(kind, all);
    const printed = await runSuites({
      tests,
      all,
      device: url,
      otherPath: url,
      logFolder: context.logFolder,
      name: `embedded-${kind.name}`,
      timeout_ms: kind.timeout_ms,
      signal: context.signal,
      print: context.print,
    });
    const { checks, elsewhere } = judgeUnit(kind.name, tests, printed, embeddedExpectations);
    const problem = await findProblem(daemon);
    const last = problem === undefined ? daemonCheck("passed") : daemonCheck("failed", problem);
    const seconds = ((performance.now() - began_ms) / 1000).toFixed(0);
    context.print(`embedded: ${kind.name}: ${checks.length} tests in ${seconds} s`);
    return { name: kind.name, ran: true, checks: [...checks, last], elsewhere };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name: kind.name, ran: false, checks: [daemonCheck("failed", reason)], elsewhere: [] };
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** The unit, and another beside it that nobody must reach by mistake. */
async function makeUnits(daemon: Daemon, kind: UnitKind): Promise<string> {
  const fabric = ["--fabric", "embedded-iscsi"];
  const { url } = await daemon.create(LUN_NAME, ...createOptions(kind), ...fabric);
  await daemon.create("other", "--handler", "memory", "--size", "1M", ...fabric);
  if (url === undefined) throw new Error("the LUN has no URL");
  return url;
}

/** What has become of the LUN: no test may bring its handler or the daemon down. */
async function findProblem(daemon: Daemon): Promise<string | undefined> {
  const { state, restarts, problem } = await daemon.show(LUN_NAME);
  if (state !== "serving" && state !== "no-medium") return `${state}: ${problem ?? ""}`;
  if (restarts > 0) return `its handler was started again ${restarts} times`;
  const complaint = /^.*(?:assertion|internal error|Uncaught).*$/im.exec(daemon.log());
  return complaint?.[0];
}

/** See the module. */
export const embedded: Part = {
  name: "embedded",
  shows: "iscsi-test-cu against the embedded iSCSI target, on all kinds of unit",
  packages: ["libiscsi-bin"],
  async run(context) {
    const all = await listTests();
    // Tests sleep a good deal of their time: several units at once, and the slow one beside them.
    const lanes = [LANES.first, LANES.second, LANES.slow].map((names) =>
      UNIT_KINDS.filter(({ name }) => names.includes(name))
    );
    const results = (await Promise.all(lanes.map((kinds) => runInTurn(kinds, all, context))))
      .flat();
    const checks = results.flatMap((result) => [...result.checks]);
    const elsewhere = results.flatMap((result) => [...result.elsewhere]);
    const ran = new Set(
      UNIT_KINDS.filter((_, index) => results[index].ran).map(({ name }) => name),
    );
    return [...checks, ...settleElsewhere(checks, elsewhere, ran)];
  },
};

async function runInTurn(
  kinds: readonly UnitKind[],
  all: readonly ListedTest[],
  context: PartContext,
): Promise<UnitResult[]> {
  const results: UnitResult[] = [];
  for (const kind of kinds) results.push(await runUnit(kind, all, context));
  return results;
}
