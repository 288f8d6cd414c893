/**
 * wasm-pack and wasm-bindgen in the versions that the build is pinned to.
 *
 * @module
 */
import { findCommand, runCommand } from "../../test/rig/host.ts";
import { cacheFolder, type Log, WORKSPACE } from "./paths.ts";

/** Version of wasm-pack. */
export const WASM_PACK_VERSION = "0.15.1";

/** A tool to be at hand. */
interface Tool {
  /** Name of the crate that it is installed from. */
  crate: string;
  /** Name of its program. */
  program: string;
  /** Its version. */
  version: string;
}

/** Folders to put in front of PATH, and what is in them. */
export interface Tools {
  /** Folders of the programs. */
  folders: string[];
  /** Version of wasm-pack. */
  wasmPack: string;
  /** Version of wasm-bindgen. */
  wasmBindgen: string;
}

/** Version of wasm-bindgen: that of the workspace, since command and crate must agree. */
export async function wasmBindgenVersion(): Promise<string> {
  return parseLockedVersion(await Deno.readTextFile(`${WORKSPACE}/Cargo.lock`), "wasm-bindgen");
}

/** Version of a crate in the text of a Cargo.lock. */
export function parseLockedVersion(lock: string, crate: string): string {
  const version = new RegExp(`^name = "${crate}"\nversion = "([^"]+)"$`, "m").exec(lock)?.[1];
  if (version === undefined) throw new Error(`wasm/Cargo.lock does not name ${crate}.`);
  return version;
}

/** The tools, if both are there; nothing is fetched. */
export async function findTools(): Promise<Tools | undefined> {
  return await collectTools(findTool);
}

/** The tools; what is missing is built into the cache. */
export async function provideTools(log: Log): Promise<Tools> {
  const tools = await collectTools(async (tool) => await findTool(tool) ?? install(tool, log));
  if (tools === undefined) throw new Error("What cargo has installed does not run.");
  return tools;
}

async function collectTools(
  find: (tool: Tool) => Promise<string | undefined>,
): Promise<Tools | undefined> {
  const wasmBindgen = await wasmBindgenVersion();
  const wanted: Tool[] = [
    { crate: "wasm-pack", program: "wasm-pack", version: WASM_PACK_VERSION },
    { crate: "wasm-bindgen-cli", program: "wasm-bindgen", version: wasmBindgen },
  ];
  const folders: string[] = [];
  for (const tool of wanted) {
    const program = await find(tool);
    if (program === undefined) return undefined;
    folders.push(program.slice(0, program.lastIndexOf("/")));
  }
  return { folders, wasmPack: WASM_PACK_VERSION, wasmBindgen };
}

/** Full path of the tool in the right version: ours, or one that the user has in PATH. */
async function findTool(tool: Tool): Promise<string | undefined> {
  for (const path of [`${rootOf(tool)}/bin/${tool.program}`, findCommand(tool.program)]) {
    if (path === undefined) continue;
    const output = await runCommand(path, ["--version"]).catch(() => undefined);
    if (output?.stdout.trim() === `${tool.program} ${tool.version}`) return path;
  }
  return undefined;
}

async function install(tool: Tool, log: Log): Promise<string> {
  const { crate, version, program } = tool;
  if (findCommand("cargo") === undefined) {
    throw new Error(`Cannot build ${crate}: there is no cargo here. Install Rust with rustup.`);
  }
  log(`building ${crate} ${version} with cargo, once; this takes minutes`);
  const args = ["install", "--locked", "--root", rootOf(tool), `${crate}@${version}`];
  const { success } = await new Deno.Command("cargo", { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot build ${crate} ${version}: see what cargo says above.`);
  return `${rootOf(tool)}/bin/${program}`;
}

function rootOf(tool: Tool): string {
  return `${cacheFolder()}/wasm-tools/${tool.crate}-${tool.version}`;
}
