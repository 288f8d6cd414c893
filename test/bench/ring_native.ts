/** The native build of the engine's crate, as the upper bound: `wasm/engine/examples/ring_bench`. */
import type { Run } from "./group.ts";

/** ns for each command by case ("read-4k-qd16"), one for each round. */
export type NativeFigures = ReadonlyMap<string, number[]>;

const crate = new URL("../../wasm/", import.meta.url).pathname;

async function build(run: Run): Promise<boolean> {
  try {
    const { success, stderr } = await new Deno.Command("cargo", {
      args: ["build", "--release", "--quiet", "--example", "ring_bench"],
      cwd: crate,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return true;
    const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" ");
    run.note(`no native bound: cargo build failed: ${said}`);
  } catch {
    run.note("no native bound: there is no cargo here (rustup.rs, or apt-get install cargo)");
  }
  return false;
}

async function runOnce(milliseconds: number): Promise<string> {
  const { stdout } = await new Deno.Command(`${crate}target/release/examples/ring_bench`, {
    env: { LUNETTE_BENCH_MS: `${milliseconds}` },
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** Builds and runs it; empty where there is no Rust. */
export async function runNative(run: Run): Promise<NativeFigures> {
  const figures = new Map<string, number[]>();
  if (!await build(run)) return figures;
  const rounds = run.quick ? 1 : 3;
  for (let round = 0; round < rounds; round++) {
    run.progress(`native build, round ${round + 1} of ${rounds}`);
    for (const line of (await runOnce(run.quick ? 50 : 150)).trim().split("\n")) {
      const { name, ns_per_command } = JSON.parse(line) as Record<string, string | number>;
      figures.set(`${name}`, [...figures.get(`${name}`) ?? [], Number(ns_per_command)]);
    }
  }
  return figures;
}
