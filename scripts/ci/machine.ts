/**
 * Makes a fresh Debian machine ready for CI. Progress goes to standard output; the exit code tells
 * whether all is there.
 *
 *     deno run -A scripts/ci/machine.ts packages | rust | engine | rigs
 *
 * @module
 */
import { mustRun, runCommand } from "../../test/rig/host.ts";
import { prepareRig } from "../../test/kernel/rigs.ts";
import { RIG_NAMES } from "../../test/kernel/scenario.ts";
import { scenarios } from "../../test/kernel/scenarios/mod.ts";
import { parts } from "../../test/conformance/parts/mod.ts";
import { provideTools } from "../wasm/tools.ts";
import { provideToolchain } from "../wasm_toolchain.ts";

/** Debian's packages beside those that scenarios and parts of the conformance run name. */
const PACKAGES = [
  // The rigs.
  ...["patchelf", "util-linux", "qemu-system-x86", "xz-utils"],
  // Initiators, and readers of what the tests write.
  ...["qemu-utils", "qemu-block-extra", "libiscsi-bin", "cpio"],
  // A registry of artifacts, and another client of it.
  ...["docker-registry", "skopeo"],
  // The marketplace's site is tested in a browser.
  ...["chromium-headless-shell", "fonts-dejavu-core"],
  // The header check.
  ...["gcc", "libc6-dev", "linux-libc-dev"],
];

async function isInstalled(name: string): Promise<boolean> {
  const query = ["-W", "-f", "${db:Status-Status}", name];
  return (await runCommand("dpkg-query", query)).stdout === "installed";
}

/** Installs what is missing of Debian's packages. */
async function preparePackages(log: (line: string) => void): Promise<void> {
  const wanted = new Set(PACKAGES);
  for (const { packages = [] } of [...scenarios, ...parts]) {
    packages.forEach((name) => wanted.add(name));
  }
  const missing: string[] = [];
  for (const name of wanted) if (!await isInstalled(name)) missing.push(name);
  if (missing.length === 0) return log("nothing is missing");
  log(`installing ${missing.join(" ")}`);
  const options = ["-q", "-o", "DPkg::Lock::Timeout=600"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await mustRun("apt-get", [...options, "update"], { env });
  const install = ["install", "-y", "--no-install-recommends"];
  await mustRun("apt-get", [...options, ...install, ...missing], { env });
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
