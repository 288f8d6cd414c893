/**
 * Finds a Rust toolchain that can compile to wasm32, or makes one: of a machine
 * with Debian's apt, from packages that are unpacked into the cache and run
 * from there, with nothing installed.
 *
 *     deno run -A scripts/wasm_toolchain.ts [--refresh]
 *
 * @module
 */
import { cacheFolder as packageCache, removeFolder } from "../test/rig/cache.ts";
import { findCommand, mustRun, runCommand } from "../test/rig/host.ts";
import { releaseCodename, unpackPackages } from "../test/rig/packages.ts";
import { cacheFolder, type Log, WORKSPACE } from "./wasm/paths.ts";

/** A compiler and linker for wasm32. */
export interface Toolchain {
  /** Where it is from: the user's rustup, the user's system, or our cache. */
  kind: "rustup" | "system" | "cache";
  /** The compiler. */
  rustc: string;
  /** The linker; undefined when the compiler brings its own. */
  linker: string | undefined;
  /** What `rustc --version` says. */
  rustcVersion: string;
  /** What the linker's `--version` says. */
  linkerVersion: string;
}

/** The target that is compiled for. */
export const TARGET = "wasm32-unknown-unknown";

/** The oldest 1.x that knows the edition of the crate. */
const MINIMUM_MINOR = 85;
/** The suite that has a recent compiler together with its library for wasm32. */
const SUITE = "sid";
const PACKAGES_KEY = "rust-wasm32";

const HINT = `Run "rustup target add ${TARGET}", then "deno task wasm" again.`;

/** A toolchain that is there; nothing is fetched. */
export async function findToolchain(): Promise<Toolchain | undefined> {
  return await findInstalled() ?? await findCached();
}

/** A toolchain: one that is there, or else one that is made now. */
export async function provideToolchain(log: Log): Promise<Toolchain> {
  const found = await findToolchain();
  if (found !== undefined) return found;
  const isDebian = await releaseCodename().then(() => findCommand("apt-get"), () => undefined);
  if (isDebian === undefined) {
    throw new Error(`No Rust toolchain here compiles to ${TARGET}. ${HINT}`);
  }
  log(`no Rust toolchain here compiles to ${TARGET}: making one from Debian's packages`);
  try {
    await prepareCached(log);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot make a Rust toolchain for ${TARGET}: ${reason}\n${HINT}`);
  }
  const made = await findCached();
  if (made === undefined) throw new Error(`The toolchain that was made does not run. ${HINT}`);
  return made;
}

/** Minor number of a rustc of version 1; 0 when it does not say. */
export function parseMinor(version: string): number {
  return Number(/^rustc 1\.(\d+)\./.exec(version)?.[1] ?? 0);
}

/** The machine that a rustc runs on and the major version of its LLVM, of `rustc -vV`. */
export function parseVerbose(text: string): { host: string; llvm: string } {
  const field = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "unknown";
  return { host: field(/^host: (\S+)$/m), llvm: field(/^LLVM version: (\d+)/m) };
}

/** Packages to unpack along with those named: libraries, and nothing to link for the host. */
export function isNeededPackage(name: string): boolean {
  return /^(lib|zlib)/.test(name) && (!name.endsWith("-dev") || name.startsWith("libstd-rust"));
}

/** A script that runs a program with the C library it was made for, not the machine's. */
export function formatWrapper(loader: string, libraries: string, program: string): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return `#!/bin/sh\nexec ${quote(loader)} --library-path ${quote(libraries)} ` +
    `${quote(program)} "$@"\n`;
}

async function findInstalled(): Promise<Toolchain | undefined> {
  const rustc = Deno.env.get("RUSTC") || findCommand("rustc");
  if (rustc === undefined) return undefined;
  const [rustcVersion, verbose, sysroot, library] = await Promise.all([
    ask(rustc, "--version"),
    ask(rustc, "-vV"),
    ask(rustc, "--print", "sysroot"),
    ask(rustc, "--print", "target-libdir", "--target", TARGET),
  ]);
  if (parseMinor(rustcVersion) < MINIMUM_MINOR || !hasCore(library)) return undefined;
  const { host, llvm } = parseVerbose(verbose);
  if (findFile(`${sysroot}/lib/rustlib/${host}/bin/rust-lld`)) {
    const linkerVersion = "rust-lld of the toolchain";
    return { kind: "rustup", rustc, linker: undefined, rustcVersion, linkerVersion };
  }
  // Distributions leave out rust-lld: theirs is the wasm-ld of the compiler's LLVM.
  const linker = findCommand(`wasm-ld-${llvm}`) ?? findCommand("wasm-ld");
  if (linker === undefined) return undefined;
  const linkerVersion = await ask(linker, "--version");
  return { kind: "system", rustc, linker, rustcVersion, linkerVersion };
}

async function findCached(): Promise<Toolchain | undefined> {
  const [rustc, linker] = ["rustc", "wasm-ld"].map((name) => `${binFolder()}/${name}`);
  const [rustcVersion, linkerVersion] = [
    await ask(rustc, "--version"),
    await ask(linker, "--version"),
  ];
  if (rustcVersion === "" || linkerVersion === "") return undefined;
  return { kind: "cache", rustc, linker, rustcVersion, linkerVersion };
}

/** What the program prints; an empty string when it fails or is not there. */
async function ask(program: string, ...args: string[]): Promise<string> {
  // In the workspace, where a rust-toolchain.toml would count.
  const output = await runCommand(program, args, { cwd: WORKSPACE }).catch(() => undefined);
  return output?.code === 0 ? output.stdout.trim() : "";
}

function findFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether the folder holds the library that every crate needs. */
function hasCore(folder: string): boolean {
  try {
    return [...Deno.readDirSync(folder)].some(({ name }) => /^libcore-.*\.rlib$/.test(name));
  } catch {
    return false;
  }
}

function binFolder(): string {
  return `${cacheFolder()}/rust-wasm32/bin`;
}

/** Unpacks compiler, libraries and linker and writes the two scripts that run them. */
async function prepareCached(log: Log): Promise<void> {
  const request = { suite: SUITE, key: PACKAGES_KEY, names: ["rustc", "libstd-rust-dev-wasm32"] };
  log("about 200 MB to fetch, 800 MB on disk");
  const root = await unpackPackages({ ...request, follow: isNeededPackage }, log);
  const libraries = findOne(`${root}/usr/lib`, /-linux-gnu/);
  const loader = findOne(libraries, /^ld-linux.*\.so\.\d+$/);
  // The linker of the compiler's own LLVM: it shares the library, and an older
  // one cannot read all that the compiler writes.
  const llvm = /(\d+)/.exec(findOne(libraries, /^libLLVM\.so\.\d+/).slice(libraries.length))?.[1];
  const key = `${PACKAGES_KEY}-lld-${llvm}`;
  const linkerRoot = await unpackPackages({ suite: SUITE, key, names: [`lld-${llvm}`] }, log);

  const folder = binFolder();
  await Deno.mkdir(folder, { recursive: true });
  for (
    const program of [`${linkerRoot}/usr/lib/llvm-${llvm}/bin/wasm-ld`, `${root}/usr/bin/rustc`]
  ) {
    const wrapper = `${folder}/${program.slice(program.lastIndexOf("/") + 1)}`;
    await Deno.writeTextFile(wrapper, formatWrapper(loader, libraries, program));
    await Deno.chmod(wrapper, 0o755);
  }
  log(await mustRun(`${folder}/rustc`, ["--version"]).then((version) => version.trim()));
}

function findOne(folder: string, pattern: RegExp): string {
  for (const { name } of Deno.readDirSync(folder)) {
    if (pattern.test(name)) return `${folder}/${name}`;
  }
  throw new Error(`Debian's packages have changed: nothing in ${folder} matches ${pattern}.`);
}

/** Removes what was made, so that the next use takes the suite's newest. */
async function removeCached(): Promise<void> {
  await removeFolder(`${cacheFolder()}/rust-wasm32`);
  const packages = `${packageCache()}/${SUITE}`;
  for (const { name } of await Array.fromAsync(Deno.readDir(packages)).catch(() => [])) {
    if (name.startsWith(PACKAGES_KEY)) await removeFolder(`${packages}/${name}`);
  }
}

if (import.meta.main) {
  if (Deno.args.includes("--refresh")) await removeCached();
  console.log(JSON.stringify(await provideToolchain(console.error), null, 2));
}
