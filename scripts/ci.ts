/**
 * Everything that must hold, on a fresh machine: what `.ci/run` starts. The last line is
 * `N passed, N failed`, and what was skipped; the exit code is 1 where anything failed.
 *
 * @module
 */
import { PART_NAMES } from "../test/conformance/check.ts";
import { formatCounts, sumCounts } from "./ci/counts.ts";
import { runStep, seconds, type Step, type StepResult } from "./ci/step.ts";

const deno = Deno.execPath();
const root = new URL("..", import.meta.url).pathname;
const run = (script: string, ...args: string[]) => [
  ...[deno, "run", "-A", "--unstable-worker-options", script],
  ...args,
];
/** Steps beside others leave them the processor. */
const behind = (command: string[]) => ["nice", "-n", "15", ...command];
const readme = (...task: string[]) => ["npx", "-y", "deno@2.9.6", "task", ...task];

/** What all others need. */
const first: readonly Step[] = [
  { name: "Debian packages", command: run("scripts/ci/machine.ts", "packages") },
  { name: "Rust's tools", command: run("scripts/ci/machine.ts", "rust") },
];

/** Run beside the first steps: they fetch, or compile what rarely changes. */
const preparations: readonly Step[] = [
  {
    name: "tools that build the engine",
    command: behind(run("scripts/ci/machine.ts", "engine")),
    quiet: true,
  },
  {
    name: "kernels of the rigs",
    command: behind(run("scripts/ci/machine.ts", "rigs")),
    quiet: true,
  },
];

const checks: readonly Step[] = [
  { name: "ok", command: run("scripts/ok.ts", "--fast"), dialect: "steps" },
  { name: "the README's tests", command: readme("test"), dialect: "deno" },
  { name: "the README's demo", command: readme("demo", "--once") },
  {
    name: "kernel header",
    command: run("scripts/header_check.ts"),
    mustPrint: /agrees with/,
  },
  {
    name: "cargo clippy",
    command: ["cargo", "clippy", "--all-targets", "-q", "--", "-D", "warnings"],
    cwd: `${root}wasm`,
  },
  { name: "cargo test", command: ["cargo", "test"], cwd: `${root}wasm`, dialect: "cargo" },
  {
    name: "fuzz",
    command: [deno, "task", "fuzz"],
    env: { LUNETTE_FUZZ_SEED: seed(), LUNETTE_FUZZ_ITERATIONS: "2000" },
  },
];

/** Need the preparations. */
const late: readonly Step[] = [
  {
    name: "engine is what its sources give",
    command: [deno, "task", "wasm", "--check"],
    mustPrint: /belongs to the sources/,
  },
  {
    name: "tests of the engine as built here",
    command: run("scripts/ci/built_engine.ts"),
    dialect: "deno",
  },
  {
    name: "real kernels",
    command: [deno, "task", "test:kernel", "--quick", "--jobs", "2"],
    dialect: "plain",
  },
  // The peer beside (part "tgt") says nothing about this checkout.
  {
    name: "conformance",
    command: [
      deno,
      "task",
      "test:conformance",
      ...only(PART_NAMES.filter((name) => name !== "tgt")),
    ],
    dialect: "plain",
  },
  // As root and as an ordinary user, where this is root.
  {
    name: "attacks",
    command: [deno, "task", "test:sandbox", "--quick", "--jobs", "2"],
    dialect: "plain",
  },
];

function only(parts: readonly string[]): string[] {
  return parts.flatMap((name) => ["--only", name]);
}

/** Another one every day, the same for all runs of a day. */
function seed(): string {
  return Deno.env.get("LUNETTE_FUZZ_SEED") ??
    new Date().toISOString().slice(0, 10).replaceAll("-", "");
}

async function runSteps(steps: readonly Step[]): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) results.push(await runStep(step));
  return results;
}

async function main(): Promise<number> {
  const began_ms = performance.now();
  const results = await runSteps(first);
  const prepared = Promise.all(preparations.map(runStep));
  results.push(...await runSteps(checks));
  results.push(...await prepared);
  results.push(...await runSteps(late));
  console.log("\n=== times");
  for (const { name, elapsed_ms, failed } of results) {
    console.log(`${seconds(elapsed_ms).padStart(9)}  ${name}${failed > 0 ? ": FAILED" : ""}`);
  }
  console.log(`${seconds(performance.now() - began_ms).padStart(9)}  in all\n`);
  const counts = sumCounts(results);
  console.log(formatCounts(counts));
  return counts.failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
