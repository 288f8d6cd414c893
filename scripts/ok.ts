/**
 * `deno task ok`: everything that must hold before a commit lands. `--fast` leaves the tests out.
 * A step whose tool is missing (cargo, for who has no Rust) says so and is left out.
 */
interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Left out where this program is missing. */
  readonly needs?: string;
  readonly slow?: boolean;
  readonly cwd?: string;
}

const deno = Deno.execPath();
const steps: readonly Step[] = [
  { name: "format", command: [deno, "fmt", "--check"] },
  { name: "lint", command: [deno, "lint"] },
  {
    name: "types",
    command: [deno, "check", "--unstable-worker-options", "src", "handlers", "scripts", "test"],
  },
  { name: "doc lint", command: [deno, "doc", "--lint", "src/plugin/mod.ts"] },
  { name: "generated files", command: [deno, "run", "-A", "scripts/generate.ts", "--check"] },
  {
    name: "engine is current",
    command: [deno, "run", "-A", "scripts/wasm.ts", "--check", "--no-build"],
  },
  { name: "cargo fmt", command: ["cargo", "fmt", "--check"], needs: "cargo", cwd: "wasm" },
  {
    name: "cargo clippy",
    command: ["cargo", "clippy", "--all-targets", "-q", "--", "-D", "warnings"],
    needs: "cargo",
    cwd: "wasm",
    slow: true,
  },
  { name: "cargo test", command: ["cargo", "test", "-q"], needs: "cargo", cwd: "wasm", slow: true },
  { name: "deno test", command: [deno, "task", "test"], slow: true },
];

function isThere(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname;
  const failures: string[] = [];
  for (const step of steps) {
    if (step.slow === true && Deno.args.includes("--fast")) continue;
    if (step.needs !== undefined && !isThere(step.needs)) {
      console.log(`--- ${step.name}: left out, there is no ${step.needs}`);
      continue;
    }
    const began_ms = performance.now();
    console.log(`--- ${step.name}`);
    const { success } = await new Deno.Command(step.command[0], {
      args: step.command.slice(1),
      cwd: root + (step.cwd ?? ""),
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    const seconds = ((performance.now() - began_ms) / 1000).toFixed(1);
    console.log(`--- ${step.name}: ${success ? "ok" : "FAILED"} (${seconds} s)`);
    if (!success) failures.push(step.name);
  }
  if (failures.length > 0) {
    console.error(`not ok: ${failures.join(", ")}`);
    Deno.exit(1);
  }
  console.log("ok");
}
