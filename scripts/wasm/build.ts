/**
 * Builds the engine with wasm-pack so that the same sources and the same
 * compiler give the same bytes, whatever folder they stand in.
 *
 * @module
 */
import { mustRun } from "../../test/rig/host.ts";
import { engineFaults, inspectWasm } from "../wasm_inspect.ts";
import type { Toolchain } from "../wasm_toolchain.ts";
import { digestSources, sha256 } from "./digest.ts";
import { renameImport, renameImportInGlue } from "./memory_import.ts";
import { REPOSITORY, WASM_FILE, WORKSPACE } from "./paths.ts";
import type { Tools } from "./tools.ts";

/** How the package came to be: the content of `build.json`. */
export interface BuildInfo {
  /** What `rustc --version` said. */
  rustc: string;
  /** What the linker's `--version` said. */
  linker: string;
  /** Where the compiler was from. */
  toolchain: Toolchain["kind"];
  /** Version of wasm-pack. */
  wasmPack: string;
  /** Version of wasm-bindgen. */
  wasmBindgen: string;
  /** Whether wasm-opt had a hand in it; never, for it is not everywhere the same. */
  wasmOpt: false;
  /** Flags of rustc. */
  flags: string[];
  /** SHA-256 over the sources. */
  sources: string;
  /** SHA-256 of the .wasm. */
  wasm: string;
}

/** Name of the file that holds the {@linkcode BuildInfo}. */
export const BUILD_INFO_FILE = "build.json";

/** Flags of rustc that make the engine what it is. */
export const FLAGS: readonly string[] = [
  // Atomics: else loads with acquire become plain ones. Without a shared memory.
  "-Ctarget-feature=+atomics,+bulk-memory,+simd128",
  // The loader makes the memory, of its final size, and maps the ring over a part of it.
  "-Clink-arg=--import-memory",
  // No recursion, no large locals: what is behind the stack begins early.
  "-Clink-arg=-zstack-size=65536",
];

/** Variables of the environment that the build may see; others could change what it makes. */
const KEPT_VARIABLES =
  /^(HOME|PATH|TMPDIR|LANG|CARGO_HOME|CARGO_(HTTP|NET|REGISTRIES|SOURCE)_.*|RUSTUP_.*|SSL_.*|.*_proxy)$/i;

/** Builds the package into an empty folder. */
export async function buildPackage(
  folder: string,
  toolchain: Toolchain,
  tools: Tools,
): Promise<BuildInfo> {
  const sources = await digestSources(WORKSPACE);
  await runWasmPack(folder, toolchain, tools);
  if (sources !== await digestSources(WORKSPACE)) {
    throw new Error("The Rust sources have changed during the build: build again.");
  }
  // wasm-pack's own .gitignore would keep the package from being committed, and its
  // copy of the crate's README would make every change of words a stale package.
  for (const name of [".gitignore", "README.md"]) {
    await Deno.remove(`${folder}/${name}`).catch(ignoreNotFound);
  }
  const wasm = await renameMemory(folder);
  checkEngine(wasm);
  const info: BuildInfo = {
    rustc: toolchain.rustcVersion,
    linker: toolchain.linkerVersion,
    toolchain: toolchain.kind,
    wasmPack: tools.wasmPack,
    wasmBindgen: tools.wasmBindgen,
    wasmOpt: false,
    flags: [...FLAGS],
    sources,
    wasm: await sha256(wasm),
  };
  await Deno.writeTextFile(`${folder}/${BUILD_INFO_FILE}`, `${JSON.stringify(info, null, 2)}\n`);
  return info;
}

/** Throws when the module breaks a rule of the engine, or tells where it was built. */
export function checkEngine(wasm: Uint8Array): void {
  const faults = engineFaults(inspectWasm(wasm));
  const text = new TextDecoder("latin1").decode(wasm);
  for (const path of [REPOSITORY, Deno.env.get("HOME") ?? ""]) {
    if (path.length > 1 && text.includes(path)) faults.push(`holds the path ${path}`);
  }
  if (faults.length > 0) {
    throw new Error(`The engine's WASM breaks its rules:\n- ${faults.join("\n- ")}`);
  }
}

async function runWasmPack(folder: string, toolchain: Toolchain, tools: Tools): Promise<void> {
  const target = await Deno.makeTempDir({ prefix: "lunette-wasm-" });
  try {
    const args = ["build", "engine", "--release", "--mode", "no-install", "--target", "web"];
    args.push("--out-name", "engine", "--out-dir", folder);
    args.push("--", "--locked", "--target-dir", target);
    const { success } = await new Deno.Command("wasm-pack", {
      args,
      cwd: WORKSPACE,
      clearEnv: true,
      env: await buildEnvironment(toolchain, tools),
      stdin: "null",
    }).spawn().status;
    if (!success) throw new Error("wasm-pack has failed: see what it says above.");
  } finally {
    await Deno.remove(target, { recursive: true });
  }
}

async function buildEnvironment(
  toolchain: Toolchain,
  tools: Tools,
): Promise<Record<string, string>> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => KEPT_VARIABLES.test(name));
  const env: Record<string, string> = Object.fromEntries(kept);
  const sysroot = (await mustRun(toolchain.rustc, ["--print", "sysroot"], { cwd: WORKSPACE }))
    .trim();
  const remapped = [
    [env.CARGO_HOME || `${env.HOME}/.cargo`, "/cargo"],
    [sysroot, "/rust"],
    [REPOSITORY, "/lunette"],
  ].map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  env.CARGO_ENCODED_RUSTFLAGS = [...FLAGS, ...remapped].join("\x1f");
  env.RUSTC = toolchain.rustc;
  // wasm-pack asks the rustc in PATH whether it knows the target.
  const folders = [toolchain.rustc.replace(/\/[^/]*$/, ""), ...tools.folders];
  env.PATH = [...folders, env.PATH].join(":");
  if (toolchain.linker !== undefined) {
    env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER = toolchain.linker;
  }
  return env;
}

/** Renames the import of the memory in code and glue; returns the code. */
async function renameMemory(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await Deno.readFile(`${folder}/${WASM_FILE}`);
  const wasm = renameImport(packed);
  await Deno.writeFile(`${folder}/${WASM_FILE}`, wasm);
  const glue = await Deno.readTextFile(`${folder}/engine.js`);
  const was = inspectWasm(packed).imports[0].module;
  await Deno.writeTextFile(`${folder}/engine.js`, renameImportInGlue(glue, was));
  return wasm;
}

/** For a removal of what may not be there: lets pass that it is not. */
export function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
