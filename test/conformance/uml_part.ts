/** Makes a part of a scenario: it is run in User Mode Linux, where the kernel's disks are ours. */
import { resolve } from "node:path";
import { cacheModules } from "../kernel/modules.ts";
import { isMeantFor, outcomeOfMissing, prepareRig, runInRig } from "../kernel/rigs.ts";
import type { Scenario } from "../kernel/scenario.ts";
import { CHECKOUT_VARIABLE } from "./scenarios/blktests.ts";
import type { Check, Part, PartContext, PartName } from "./check.ts";

const GUEST = new URL("guest/main.ts", import.meta.url).pathname;

/** A part whose scenarios run one after the other, each on a kernel of its own. */
export function umlPart(name: PartName, shows: string, scenarios: readonly Scenario[]): Part {
  const packages = new Set(scenarios.flatMap((scenario) => [...scenario.packages ?? []]));
  return {
    name,
    shows,
    packages: [...packages],
    async run(context) {
      const missing = await whyNot(context);
      if (missing !== undefined) {
        return scenarios.map((scenario) => ({
          suite: scenario.name,
          test: "runs",
          outcome: outcomeOfMissing(),
          reason: missing,
        }));
      }
      await cacheModules(["test/kernel", "test/conformance"]);
      const checks: Check[] = [];
      for (const scenario of scenarios) checks.push(...await runScenario(scenario, context));
      return checks;
    },
  };
}

async function whyNot({ print }: PartContext): Promise<string | undefined> {
  try {
    await prepareRig("uml", print);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What scenarios are told of this machine. */
function passedVariables(): Record<string, string> {
  const checkout = Deno.env.get(CHECKOUT_VARIABLE);
  return checkout === undefined ? {} : { [CHECKOUT_VARIABLE]: resolve(checkout) };
}

async function runScenario(scenario: Scenario, context: PartContext): Promise<Check[]> {
  if (!isMeantFor(scenario, "uml")) return [];
  const { full, print, logFolder, signal } = context;
  const { outcome, reason, checks = [], figures } = await runInRig(scenario, "uml", {
    effort: full ? "full" : "quick",
    print,
    signal,
    guestMain: GUEST,
    logFolder,
    env: passedVariables(),
  });
  const whole: Check = {
    suite: scenario.name,
    test: "runs, and the kernel does not complain",
    outcome,
    reason: outcome === "passed" ? figures.join("; ") : reason,
  };
  return [...checks, whole];
}
