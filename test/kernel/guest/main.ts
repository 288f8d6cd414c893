/**
 * Runs one scenario inside a guest: `deno run -A test/kernel/guest/main.ts NAME`. The exit code is
 * 0 where it passed; `$RIG_OUT/result.json` has the rest.
 *
 * @module
 */
import type { Check } from "../../conformance/check.ts";
import {
  type Effort,
  type GuestContext,
  RIG_NAMES,
  type Scenario,
  type ScenarioResult,
  SkipError,
  VARIABLES,
} from "../scenario.ts";
import { shell } from "./shell.ts";

/** What no kernel may say while a LUN is served as it must be. */
const COMPLAINT = new RegExp(
  [
    "I/O error",
    "critical \\w+ error",
    "EXT4-fs (error|warning)",
    "XFS.*(orrupt|error|shut down)",
    "rejecting I/O",
    "offlined",
    "BUG:",
    "WARNING:",
    "Oops",
    "blocked for more than",
    "Call Trace",
  ].join("|"),
  "i",
);

class Guest implements GuestContext {
  readonly rig;
  readonly effort;
  readonly scratch;
  readonly figures: string[] = [];
  readonly checks: Check[] = [];
  readonly #deferred: (() => Promise<void> | void)[] = [];
  readonly #expected: RegExp[] = [];

  constructor() {
    const rig = RIG_NAMES.find((name) => name === Deno.env.get(VARIABLES.rig));
    const scratch = Deno.env.get("RIG_SCRATCH");
    if (rig === undefined || scratch === undefined) {
      throw new Error('This runs in a guest. Use "deno task test:kernel".');
    }
    this.rig = rig;
    this.effort = (Deno.env.get(VARIABLES.effort) ?? "normal") as Effort;
    this.scratch = scratch;
  }

  pick<T>(values: { readonly uml: T; readonly qemu: T }): T {
    return this.rig === "uml" ? values.uml : values.qemu;
  }

  lasting<T>(values: Readonly<Record<Effort, T>>): T {
    return values[this.effort];
  }

  async step<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    const began_ms = performance.now();
    let outcome = "FAILED";
    try {
      const result = await work();
      outcome = "ok";
      return result;
    } finally {
      const seconds = ((performance.now() - began_ms) / 1000).toFixed(1);
      console.log(`${name} ... ${outcome} (${seconds} s)`);
    }
  }

  note(figure: string): void {
    this.figures.push(figure);
    console.log(figure);
  }

  report(...checks: readonly Check[]): void {
    this.checks.push(...checks);
    for (const { suite, test, outcome, reason } of checks) {
      if (outcome !== "passed") console.log(`${suite} ${test}: ${outcome}: ${reason}`);
    }
  }

  expectKernelLog(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  defer(work: () => Promise<void> | void): void {
    this.#deferred.push(work);
  }

  async cleanUp(): Promise<void> {
    for (const work of this.#deferred.reverse()) {
      try {
        await work();
      } catch (error) {
        console.log(`cleaning up: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  /** Lines that the kernel has logged since `before` lines and that tell of a fault. */
  async complaints(before: number): Promise<string[]> {
    const lines = (await kernelLog()).slice(before);
    return lines.filter((line) =>
      COMPLAINT.test(line) && !this.#expected.some((pattern) => pattern.test(line))
    );
  }
}

async function kernelLog(): Promise<string[]> {
  return (await shell("dmesg")).split("\n").filter((line) => line !== "");
}

async function runScenario(guest: Guest, scenario: Scenario): Promise<ScenarioResult> {
  const before = (await kernelLog()).length;
  try {
    await scenario.run(guest);
    const complaints = await guest.complaints(before);
    const { figures, checks } = guest;
    if (complaints.length === 0) return { outcome: "passed", figures, checks };
    throw new Error(`The kernel complains:\n${complaints.slice(0, 20).join("\n")}`);
  } catch (error) {
    const outcome = error instanceof SkipError ? "skipped" : "failed";
    const reason = error instanceof Error ? error.message : String(error);
    if (outcome === "failed") {
      console.log(error);
      console.log(`the kernel's last words:\n${(await kernelLog()).slice(-15).join("\n")}`);
    }
    return { outcome, reason, figures: guest.figures, checks: guest.checks };
  } finally {
    await guest.cleanUp();
  }
}

/** Runs the scenario that the command line names, of these, and ends the program. */
export async function runGuest(scenarios: readonly Scenario[]): Promise<never> {
  const guest = new Guest();
  const scenario = scenarios.find(({ name }) => name === Deno.args[0]);
  if (scenario === undefined) throw new Error(`There is no scenario "${Deno.args[0]}".`);
  const result = await runScenario(guest, scenario);
  await Deno.writeTextFile(`${Deno.env.get("RIG_OUT")}/result.json`, JSON.stringify(result));
  Deno.exit(result.outcome === "failed" ? 1 : 0);
}

if (import.meta.main) await runGuest((await import("../scenarios/mod.ts")).scenarios);
