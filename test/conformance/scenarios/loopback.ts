/** iscsi-test-cu's SCSI suites over /dev/sg, on disks that the kernel's loopback target serves. */
import type { GuestContext, Scenario } from "../../kernel/scenario.ts";
import { Lunette } from "../../kernel/guest/lunette.ts";
import type { Check } from "../check.ts";
import { loopbackExpectations } from "../expectations/loopback.ts";
import { scsiGeneric } from "../guest/scsi_generic.ts";
import { type Elsewhere, judgeUnit, settleElsewhere } from "../libiscsi/judge.ts";
import type { ListedTest } from "../libiscsi/parse.ts";
import { listTests, runSuites } from "../libiscsi/run.ts";
import { createOptions, testsFor, UNIT_KINDS, type UnitKind } from "../units.ts";

const OUT = Deno.env.get("RIG_OUT") ?? "/tmp";

interface UnitResult {
  readonly checks: readonly Check[];
  readonly elsewhere: readonly Elsewhere[];
}

async function runUnit(
  guest: GuestContext,
  lunette: Lunette,
  kind: UnitKind,
  all: readonly ListedTest[],
): Promise<UnitResult> {
  const name = `unit-${kind.name}`;
  const device = await lunette.createDisk(name, ...createOptions(kind));
  const tests = testsFor(kind, all).filter(({ family }) => family === "SCSI");
  const generic = await scsiGeneric(device);
  const printed = await guest.step(
    `iscsi-test-cu on ${device}, ${kind.name}`,
    async () =>
      await runSuites({
        tests,
        all,
        device: generic,
        // Another path to the unit as far as the program can tell: another open file.
        otherPath: generic,
        logFolder: OUT,
        name: `loopback-${kind.name}`,
        print: console.log,
        signal: AbortSignal.timeout(600_000),
      }),
  );
  const judged = judgeUnit(kind.name, tests, printed, loopbackExpectations);
  const { state, restarts } = await lunette.show(name);
  const served: Check = {
    suite: "daemon",
    test: "serves to the end",
    unit: kind.name,
    outcome: restarts === 0 && state !== "failed" ? "passed" : "failed",
    reason: `${state}, ${restarts} restarts`,
  };
  await lunette.run("rm", name);
  return { checks: [...judged.checks, served], elsewhere: judged.elsewhere };
}

/** See the module. */
export const loopback: Scenario = {
  name: "loopback",
  shows: "iscsi-test-cu over /dev/sg of loopback disks",
  packages: ["libiscsi-bin", "sg3-utils"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const all = await listTests();
    const checks: Check[] = [];
    const elsewhere: Elsewhere[] = [];
    const kinds = UNIT_KINDS.filter(({ name }) => name !== "slow");
    for (const kind of kinds) {
      const result = await runUnit(guest, lunette, kind, all);
      checks.push(...result.checks);
      elsewhere.push(...result.elsewhere);
    }
    const ran = new Set(kinds.map(({ name }) => name));
    guest.report(...checks, ...settleElsewhere(checks, elsewhere, ran));
    await lunette.finish();
  },
};
