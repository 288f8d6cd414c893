/** The native build of the engine's crate, as the upper bound: `wasm/engine/examples/ring_bench`. */
import type { Run } from "./group.ts";

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

/** See the module. */
export class NativeBound {
  /** ns for each command by case ("read-4k-qd16"), one for each run; empty where there is no Rust. */
  readonly figures = new Map<string, number[]>();
  readonly #run: Run;
  #built: boolean | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Adds to the figures. */
  async measure(): Promise<void> {
    this.#run.progress("native build");
    this.#built ??= await build(this.#run);
    if (!this.#built) return;
    const runs = this.#run.quick ? 1 : 2;
    for (let count = 0; count < runs; count++) {
      for (const line of (await runOnce(this.#run.quick ? 50 : 150)).trim().split("\n")) {
        const { name, ns_per_command } = JSON.parse(line) as Record<string, string | number>;
        const known = this.figures.get(`${name}`) ?? [];
        this.figures.set(`${name}`, [...known, Number(ns_per_command)]);
      }
    }
  }
}
