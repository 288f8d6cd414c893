/**
 * Compiles lunette to one executable: `deno task compile [--target TRIPLE] [--output PATH]`.
 *
 * Deno finds what modules import; what is imported or read by a computed name is named here. The base
 * runtime is downloaded by Deno, or named by the variable DENORT_BIN.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTRACT_MODULES } from "../src/registry/pack/contract.ts";
import { readBuild } from "../src/version.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/** Entries of threads and of guests, and files that are read. */
const INCLUDED = [
  "src/sandbox/guest.ts",
  "src/sandbox/lockdown/gate.ts",
  "src/daemon/ring_thread.ts",
  "src/backend/file_worker.ts",
  "src/registry/pack/bundle_worker.ts",
  "wasm/pkg/engine_bg.wasm",
  "dist/build.json",
];

/** Files of a folder, by their paths from the root of the repository. */
function filesOf(folder: string): string[] {
  const files: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = join(folder, name);
    files.push(...(isDirectory ? filesOf(path) : [path]));
  }
  return files.toSorted();
}

/** All that is included. */
export function includedFiles(): string[] {
  const isTest = (path: string) => path.endsWith("_test.ts");
  return [
    ...INCLUDED,
    ...CONTRACT_MODULES.map((name) => `src/plugin/${name}`),
    ...filesOf("handlers").filter((path) => !isTest(path)),
    ...filesOf("src/registry/pack/template"),
  ];
}

/** ISO date. SOURCE_DATE_EPOCH makes builds alike (reproducible-builds.org). */
export function buildDate(): string {
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
  const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  return date.toISOString().slice(0, 10);
}

/** Compiles. Throws where Deno fails. */
export async function compile(output: string, target?: string): Promise<void> {
  await Deno.mkdir(join(ROOT, "dist"), { recursive: true });
  const build = { commit: readBuild().commit, built: buildDate() };
  await Deno.writeTextFile(join(ROOT, "dist/build.json"), `${JSON.stringify(build)}\n`);
  await Deno.mkdir(dirname(output), { recursive: true });
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--quiet", "--allow-all", "--no-prompt", "--no-check", "--exclude-unused-npm"],
      ...includedFiles().flatMap((path) => ["--include", path]),
      ...(target === undefined ? [] : ["--target", target]),
      ...["--output", output, "src/cli/main.ts"],
    ],
    cwd: ROOT,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error("deno compile has failed: see above");
}

async function main(): Promise<void> {
  const { values: { target, output = join(ROOT, "dist/lunette") } } = parseArgs({
    options: { target: { type: "string" }, output: { type: "string" } },
  });
  if (target !== undefined && !TARGETS.includes(target)) {
    throw new Error(`Cannot compile for "${target}": take ${TARGETS.join(" or ")}`);
  }
  await compile(output, target);
  const { size } = await Deno.stat(output);
  console.log(`${relative(Deno.cwd(), output)}: ${(size / 1e6).toFixed(0)} MB`);
}

if (import.meta.main) await main();
