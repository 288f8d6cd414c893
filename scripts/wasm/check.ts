/**
 * Checks that the committed package is what its sources give.
 *
 * @module
 */
import { findToolchain, type Toolchain } from "../wasm_toolchain.ts";
import { BUILD_INFO_FILE, type BuildInfo, buildPackage, checkEngine, FLAGS } from "./build.ts";
import { digestSources, sha256 } from "./digest.ts";
import { type Log, PACKAGE, WASM_FILE, WORKSPACE } from "./paths.ts";
import { findTools, WASM_PACK_VERSION, wasmBindgenVersion } from "./tools.ts";

const REMEDY = 'Run "deno task wasm" and commit wasm/pkg.';

/** Throws when the package is stale or not what its own record says. */
export async function checkRecord(): Promise<BuildInfo> {
  const info = await readInfo();
  const stale = (what: string) => new Error(`wasm/pkg is stale: ${what}. ${REMEDY}`);
  if (info.sources !== await digestSources(WORKSPACE)) throw stale("the Rust sources have changed");
  if (info.flags.join("\n") !== FLAGS.join("\n")) throw stale("the flags have changed");
  const versions = [await wasmBindgenVersion(), WASM_PACK_VERSION];
  if (versions.join() !== [info.wasmBindgen, info.wasmPack].join()) {
    throw stale("the versions of wasm-pack or wasm-bindgen have changed");
  }
  const wasm = await Deno.readFile(`${PACKAGE}/${WASM_FILE}`);
  if (info.wasm !== await sha256(wasm)) throw stale(`${WASM_FILE} is not the one that was built`);
  checkEngine(wasm);
  return info;
}

/** Builds again where that can give the same bytes, and throws when it does not. */
export async function checkBytes(info: BuildInfo, log: Log): Promise<void> {
  const toolchain = await findToolchain();
  const tools = await findTools();
  if (toolchain === undefined || tools === undefined) {
    return log('not built again: no toolchain or tools here; "deno task wasm" makes them');
  }
  if (!isSameCompiler(info, toolchain)) {
    return log(`not built again: made by ${info.rustc}, here is ${toolchain.rustcVersion}`);
  }
  const folder = await Deno.makeTempDir({ prefix: "lunette-wasm-pkg-" });
  try {
    await buildPackage(folder, toolchain, tools);
    const different = await compareFolders(folder, PACKAGE);
    if (different.length > 0) {
      throw new Error(`A new build differs from wasm/pkg in ${different.join(", ")}. ${REMEDY}`);
    }
    log("built again: the same bytes");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of the files that are not in both folders with the same content. */
export async function compareFolders(one: string, other: string): Promise<string[]> {
  const names = new Set([...Deno.readDirSync(one), ...Deno.readDirSync(other)].map((e) => e.name));
  const different: string[] = [];
  for (const name of names) {
    // How a build went may differ where its outcome does not: "cache", "rustup".
    if (name === BUILD_INFO_FILE) continue;
    const digests = await Promise.all(
      [one, other].map((folder) => Deno.readFile(`${folder}/${name}`).then(sha256, () => "none")),
    );
    if (digests[0] !== digests[1]) different.push(name);
  }
  return different.sort();
}

function isSameCompiler(info: BuildInfo, toolchain: Toolchain): boolean {
  return info.rustc === toolchain.rustcVersion && info.linker === toolchain.linkerVersion;
}

async function readInfo(): Promise<BuildInfo> {
  try {
    return JSON.parse(await Deno.readTextFile(`${PACKAGE}/${BUILD_INFO_FILE}`));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot read wasm/pkg/${BUILD_INFO_FILE}: ${reason}. ${REMEDY}`);
  }
}
