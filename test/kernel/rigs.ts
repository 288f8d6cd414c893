/**
 * Boots a guest for a scenario and reads how it ended. Runs on the host.
 *
 * @module
 */
import { ensureHostTools, rigAvailable, type RigKind } from "../rig/host.ts";
import { bootQemu, prepareQemu, type QemuKernelName } from "../rig/qemu.ts";
import { RigError, type RigOptions, type RigResult } from "../rig/rig.ts";
import { commandLine } from "../rig/shell.ts";
import { bootUml, prepareUml } from "../rig/uml.ts";
import {
  type Effort,
  type RigName,
  type Scenario,
  type ScenarioResult,
  VARIABLES,
} from "./scenario.ts";

/** How one scenario went on one rig. */
export interface Row extends ScenarioResult {
  readonly rig: RigName;
  readonly scenario: string;
  readonly elapsed_ms: number;
}

/** What is the same for all scenarios of a run. */
export interface RunOptions {
  readonly effort: Effort;
  /** Receives whole lines. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
  /** Program that knows the scenario and runs it in the guest; default that of this suite. */
  readonly guestMain?: string;
  /** Variables for the scenario. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what the scenario left in `$RIG_OUT`, in a folder of its name. */
  readonly logFolder?: string;
}

const GUEST_MAIN = new URL("guest/main.ts", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;

/** A guest that takes longer is killed: far more than it needs on a machine that is not busy. */
const TIMEOUT_MS: Record<Effort, number> = {
  quick: 600_000,
  normal: 900_000,
  full: 1_800_000,
};
const MEMORY_MB = 4096;

function kindOf(rig: RigName): RigKind {
  return rig === "uml" ? "uml" : "qemu";
}

function kernelOf(rig: RigName): QemuKernelName {
  return rig === "qemu-6.1" ? "6.1" : "6.12";
}

/** Makes the rig ready to boot: what is missing is fetched. Throws an error that says why not. */
export async function prepareRig(rig: RigName, log: (line: string) => void): Promise<void> {
  const { available, reason } = rigAvailable(kindOf(rig));
  if (!available) throw new Error(reason);
  if (rig === "uml") await prepareUml(log);
  else await prepareQemu(kernelOf(rig), log);
}

/** What it means that something cannot run here: in CI all must run. */
export function outcomeOfMissing(): "failed" | "skipped" {
  return Deno.env.get("CI") === "true" ? "failed" : "skipped";
}

/** Whether the scenario is for this rig. */
export function isMeantFor(scenario: Scenario, rig: RigName): boolean {
  return scenario.rigs === undefined || scenario.rigs.includes(rig);
}

/** Boots a guest, runs the scenario in it. Never throws: a guest that dies is a failure. */
export async function runInRig(
  scenario: Scenario,
  rig: RigName,
  options: RunOptions,
): Promise<Row> {
  const began_ms = performance.now();
  const row = (result: ScenarioResult): Row => ({
    ...result,
    rig,
    scenario: scenario.name,
    elapsed_ms: performance.now() - began_ms,
  });
  try {
    await ensureHostTools([...scenario.packages ?? []], options.print);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return row({ outcome: outcomeOfMissing(), reason, figures: [] });
  }
  const outFolder = await Deno.makeTempDir({ prefix: "lunette-kernel-" });
  try {
    const { exitCode } = await boot(rig, {
      script: `exec ${
        commandLine([
          ...["deno", "run", "-A", "--unstable-worker-options"],
          options.guestMain ?? GUEST_MAIN,
          scenario.name,
        ])
      }\n`,
      cwd: ROOT,
      env: {
        [VARIABLES.rig]: rig,
        [VARIABLES.effort]: options.effort,
        NO_COLOR: "1",
        ...options.env,
      },
      memory_mb: MEMORY_MB,
      timeout_ms: TIMEOUT_MS[options.effort],
      modules: [...scenario.modules ?? []],
      outFolder,
      onOutput: (text) => printLines(text, options.print),
      log: options.print,
      signal: options.signal,
    });
    const result = await readResult(outFolder, exitCode);
    if (result.outcome === "failed") await printLog(outFolder, options.print);
    return row(result);
  } catch (error) {
    const reason = error instanceof RigError ? error.reason : String(error);
    printLines(error instanceof RigError ? error.message : "", options.print);
    await printLog(outFolder, options.print);
    return row({ outcome: "failed", reason, figures: [] });
  } finally {
    if (options.logFolder !== undefined) {
      await copyFolder(outFolder, `${options.logFolder}/${scenario.name}`);
    }
    await Deno.remove(outFolder, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

function boot(rig: RigName, options: RigOptions): Promise<RigResult> {
  if (rig === "uml") return bootUml(options);
  return bootQemu({ ...options, kernel: kernelOf(rig) });
}

async function readResult(folder: string, exitCode: number): Promise<ScenarioResult> {
  try {
    return JSON.parse(await Deno.readTextFile(`${folder}/result.json`)) as ScenarioResult;
  } catch {
    const reason = `The scenario left no result; exit code ${exitCode}.`;
    return { outcome: "failed", reason, figures: [] };
  }
}

function printLines(text: string, print: (line: string) => void): void {
  for (const line of text.split("\n")) if (line !== "") print(`  ${line}`);
}

async function printLog(folder: string, print: (line: string) => void): Promise<void> {
  const log = await Deno.readTextFile(`${folder}/daemon.log`).catch(() => "");
  if (log === "") return;
  print("  the daemon's log ends with:");
  for (const line of log.trimEnd().split("\n").slice(-40)) print(`    ${line}`);
}
