/**
 * Makes a fresh Debian machine ready for CI. Progress goes to standard output; the exit code tells
 * whether all is there.
 *
 *     deno run -A scripts/ci/machine.ts packages | rust | engine | rigs
 *
 * @module
 */
import { ensureHostTools, findCommand, mustRun, runCommand } from "../../test/rig/host.ts";
import { prepareRig } from "../../test/kernel/rigs.ts";
import { RIG_NAMES } from "../../test/kernel/scenario.ts";
import { scenarios } from "../../test/kernel/scenarios/mod.ts";
import { provideTools } from "../wasm/tools.ts";
import { provideToolchain } from "../wasm_toolchain.ts";

const HEADER = "/usr/include/linux/target_core_user.h";

/** Debian's packages: for the rigs, for the scenarios, and a C compiler for the header check. */
async function preparePackages(log: (line: string) => void): Promise<void> {
  const wanted = new Set(["patchelf", "util-linux", "qemu-system-x86"]);
  for (const { packages = [] } of scenarios) packages.forEach((name) => wanted.add(name));
  await ensureHostTools([...wanted], log);
  const compiler = findCommand("cc") === undefined;
  const header = await Deno.stat(HEADER).then(() => true, () => false);
  if (!compiler && header) return;
  log("installing gcc libc6-dev linux-libc-dev");
  const packages = ["gcc", "libc6-dev", "linux-libc-dev"];
  const options = ["-o", "DPkg::Lock::Timeout=600", "-y", "--no-install-recommends"];
  await mustRun("apt-get", ["install", ...options, ...packages], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** What rustup leaves out of its minimal profile. */
async function prepareRust(log: (line: string) => void): Promise<void> {
  for (const component of ["rustfmt", "clippy"]) {
    const name = component === "clippy" ? "clippy" : "fmt";
    const { code } = await runCommand("cargo", [name, "--version"]);
    if (code === 0) continue;
    log(`adding ${component} to the Rust toolchain`);
    await mustRun("rustup", ["component", "add", component]);
  }
}

/** A toolchain for wasm32, wasm-pack and wasm-bindgen. */
async function prepareEngine(log: (line: string) => void): Promise<void> {
  await provideToolchain(log);
  // They run for seconds: without optimization they are built in a third of the time.
  Deno.env.set("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
  Deno.env.set("CARGO_PROFILE_RELEASE_LTO", "off");
  Deno.env.set("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256");
  await provideTools(log);
}

async function prepareRigs(log: (line: string) => void): Promise<void> {
  for (const rig of RIG_NAMES) await prepareRig(rig, log);
}

const PARTS = {
  packages: preparePackages,
  rust: prepareRust,
  engine: prepareEngine,
  rigs: prepareRigs,
};

if (import.meta.main) {
  const part = PARTS[Deno.args[0] as keyof typeof PARTS];
  if (part === undefined) throw new Error(`Name one of ${Object.keys(PARTS).join(", ")}.`);
  await part(console.log);
}
