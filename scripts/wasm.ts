/**
 * Builds the engine (wasm/engine) into the committed package wasm/pkg, or checks
 * that the package is current.
 *
 *     deno task wasm                      build
 *     deno task wasm --check              check; build again where that is possible
 *     deno task wasm --check --no-build   check the digests alone
 *
 * What it needs and does not find it makes: a Rust toolchain for wasm32 of
 * Debian's packages, wasm-pack and wasm-bindgen with cargo, all in the cache.
 *
 * @module
 */
import { buildPackage, ignoreNotFound } from "./wasm/build.ts";
import { checkBytes, checkRecord } from "./wasm/check.ts";
import { PACKAGE } from "./wasm/paths.ts";
import { provideTools } from "./wasm/tools.ts";
import { provideToolchain } from "./wasm_toolchain.ts";

const OPTIONS = ["--check", "--no-build"];

function log(line: string): void {
  console.error(`wasm: ${line}`);
}

async function build(): Promise<void> {
  const toolchain = await provideToolchain(log);
  log(`compiling with ${toolchain.rustcVersion}`);
  const tools = await provideTools(log);
  // Beside the package, so that a build that fails leaves the old one whole.
  const folder = `${PACKAGE}.new`;
  await Deno.remove(folder, { recursive: true }).catch(ignoreNotFound);
  try {
    const info = await buildPackage(folder, toolchain, tools);
    await Deno.remove(PACKAGE, { recursive: true }).catch(ignoreNotFound);
    await Deno.rename(folder, PACKAGE);
    log(`wasm/pkg is made: SHA-256 ${info.wasm}`);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(ignoreNotFound);
  }
}

async function check(alsoBuild: boolean): Promise<void> {
  const info = await checkRecord();
  log("wasm/pkg belongs to the sources");
  if (alsoBuild) await checkBytes(info, log);
}

if (import.meta.main) {
  const unknown = Deno.args.filter((argument) => !OPTIONS.includes(argument));
  try {
    if (unknown.length > 0) {
      throw new Error(`Unknown option ${unknown.join(" ")}. Known: ${OPTIONS.join(", ")}.`);
    }
    if (Deno.args.includes("--check")) await check(!Deno.args.includes("--no-build"));
    else await build();
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
