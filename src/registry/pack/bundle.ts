/**
 * Makes one module of a handler: esbuild, as WebAssembly, which runs the same from source and in a
 * compiled program. Nothing of the handler runs, and nothing is fetched.
 *
 * The result depends on what the modules hold and how they import each other, and on nothing else:
 * paths in it are relative to the folder, those of packages are `name@version/file`.
 *
 * @module
 */
import { extname } from "node:path";
import type * as esbuild from "esbuild-wasm/esm/browser.js";
import { RegistryError } from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import { isContractModule, readContractModule } from "./contract.ts";
import { readImportMap } from "./import_map.ts";
import { PackageNames } from "./npm_package.ts";
import { ImportError, isOfPackage, type Resolved, Resolver } from "./resolve.ts";
import type { SourceFolder } from "./source_folder.ts";

/** One module, and what is in it. */
export interface Bundle {
  /** `mod.js`. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** `mod.js.map` (ECMA-426), with the sources. */
  readonly source_map: Uint8Array<ArrayBuffer>;
  /** Modules of the runtime that it imports, `node:crypto`, sorted. */
  readonly runtime_modules: readonly string[];
  /** npm packages that are in it, `name@version`, sorted. */
  readonly packages: readonly string[];
  /** What esbuild finds odd. */
  readonly warnings: readonly string[];
}

/** Whether stacks shall name the sources: the map stands in the module then. For development. */
export interface BundleOptions {
  readonly inline_source_map?: boolean;
}

type Esbuild = typeof esbuild;

const LOADERS: Readonly<Record<string, esbuild.Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".json": "json",
};
/** Of imports with an attribute: `with { type: "text" }`. */
const ATTRIBUTE_LOADERS: Readonly<Record<string, esbuild.Loader>> = {
  json: "json",
  text: "text",
  bytes: "binary",
};
/** Most errors that are told at once. */
const ERROR_COUNT_MAX = 5;
const OUTPUT = "mod.js";

let started: Promise<Esbuild> | undefined;

/** esbuild takes half a second to start, and may be started once in a thread. */
function startEsbuild(): Promise<Esbuild> {
  started ??= (async () => {
    const found = await import("esbuild-wasm/esm/browser.js");
    const wasm = new URL(import.meta.resolve("esbuild-wasm/esbuild.wasm"));
    const wasmModule = await WebAssembly.compile(await Deno.readFile(wasm));
    await found.initialize({ wasmModule, worker: false });
    return found;
  })();
  return started;
}

/** esbuild's view of the folder. The path of a module is what the bundle calls it. */
class FolderModules {
  readonly runtime_modules = new Set<string>();
  readonly packages: PackageNames;
  readonly #folder: SourceFolder;
  readonly #resolver: Resolver;
  readonly #entry: string;

  constructor(folder: SourceFolder, resolver: Resolver, entry: string) {
    this.packages = new PackageNames(folder);
    this.#folder = folder;
    this.#resolver = resolver;
    this.#entry = entry;
  }

  setup(build: esbuild.PluginBuild): void {
    build.onResolve({ filter: /.*/ }, (asked) => this.#answer(() => this.#resolve(asked)));
    build.onLoad({ filter: /.*/, namespace: "lunette" }, (asked) => this.#loadContract(asked.path));
    build.onLoad({ filter: /.*/ }, (asked) => this.#answer(() => this.#load(asked)));
  }

  async #answer<T>(work: () => Promise<T>): Promise<T | { errors: { text: string }[] }> {
    try {
      return await work();
    } catch (error) {
      const known = error instanceof ImportError || error instanceof RegistryError;
      if (!known) throw error;
      return { errors: [{ text: error.message }] };
    }
  }

  async #resolve(asked: esbuild.OnResolveArgs): Promise<esbuild.OnResolveResult> {
    if (asked.kind === "entry-point") return await this.#found({ kind: "file", path: this.#entry });
    if (asked.namespace === "lunette") {
      return { path: asked.path.replace(/^\.\//, ""), namespace: "lunette", sideEffects: false };
    }
    const importer = (asked.pluginData as { path: string }).path;
    const is_require = asked.kind.startsWith("require");
    return await this.#found(
      await this.#resolver.resolve({ specifier: asked.path, importer, is_require }),
    );
  }

  async #found(resolved: Resolved): Promise<esbuild.OnResolveResult> {
    if (resolved.kind === "contract") {
      return { path: resolved.name, namespace: "lunette", sideEffects: false };
    }
    if (resolved.kind === "runtime") {
      this.runtime_modules.add(resolved.name);
      return { path: resolved.name, external: true };
    }
    const { path } = resolved;
    if (!isOfPackage(path)) return { path, namespace: "handler", pluginData: { path } };
    return { path: await this.packages.nameOf(path), namespace: "npm", pluginData: { path } };
  }

  async #loadContract(path: string): Promise<esbuild.OnLoadResult> {
    if (!isContractModule(path)) throw new Error(`assertion: the contract has no ${path}`);
    return { contents: await readContractModule(path), loader: "ts" };
  }

  async #load(asked: esbuild.OnLoadArgs): Promise<esbuild.OnLoadResult> {
    const { path } = asked.pluginData as { path: string };
    const { type } = asked.with;
    const loader = type === undefined ? LOADERS[extname(path)] : ATTRIBUTE_LOADERS[type];
    if (loader === undefined) {
      throw new ImportError(
        `${path} is neither JavaScript nor TypeScript nor JSON; ` +
          `with { type: "text" } or { type: "bytes" } it becomes data`,
      );
    }
    const contents = await this.#folder.read(path, PackageLimit.BUNDLE);
    if (contents === undefined) throw new ImportError(`${path} has gone`);
    return { contents, loader, pluginData: { path } };
  }
}

function described({ text, location }: esbuild.Message): string {
  if (location === null) return text;
  const file = location.file.replace(/^(handler|npm):/, "");
  return `${file}:${location.line}:${location.column + 1}: ${text}`;
}

function bundleError(error: unknown): unknown {
  const { errors } = error as Partial<esbuild.BuildFailure>;
  if (!Array.isArray(errors)) return error;
  const told = errors.slice(0, ERROR_COUNT_MAX).map(described);
  const more = errors.length - told.length;
  if (more > 0) told.push(`and ${more} more`);
  return new RegistryError("usage", `It cannot be bundled: ${told.join("\n  ")}`);
}

/** The output whose path ends so, within its limit. */
function outputOf(
  { outputFiles }: esbuild.BuildResult<{ write: false }>,
  name: string,
  length_max: number,
): Uint8Array<ArrayBuffer> {
  const contents = outputFiles.find(({ path }) => path.endsWith(`/${name}`))?.contents;
  if (contents === undefined) throw new Error(`assertion: esbuild wrote no ${name}`);
  if (contents.length > length_max) {
    throw new RegistryError(
      "usage",
      `${name} has ${contents.length} bytes: at most ${length_max} can be`,
      "Look at what the handler imports.",
    );
  }
  return contents as Uint8Array<ArrayBuffer>;
}

/**
 * Bundles `module` (relative to the folder) and all that it imports, in this thread. Throws {@linkcode RegistryError}.
 */
export async function bundle(
  folder: SourceFolder,
  module: string,
  { inline_source_map = false }: BundleOptions = {},
): Promise<Bundle> {
  const entry = await folder.find(module);
  if (entry === undefined) throw new RegistryError("usage", `There is no ${module} in the folder`);
  const resolver = new Resolver(folder, await readImportMap(folder));
  const modules = new FolderModules(folder, resolver, entry);
  const { build } = await startEsbuild();
  const result = await build({
    entryPoints: [entry],
    outfile: OUTPUT,
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    // What only running would tell cannot be resolved here, and not in the sandbox either.
    logOverride: { "unsupported-dynamic-import": "error", "unsupported-require-call": "warning" },
    format: "esm",
    platform: "neutral",
    target: "esnext",
    charset: "utf8",
    legalComments: "inline",
    // What the folder says of TypeScript is for its editor: the same code everywhere.
    tsconfigRaw: "{}",
    sourcemap: inline_source_map ? "both" : "external",
    // There is no environment in the sandbox: asking for it would throw.
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [{ name: "lunette", setup: (build) => modules.setup(build) }],
  }).catch((error) => {
    throw bundleError(error);
  });
  const exports = result.metafile.outputs[OUTPUT]?.exports ?? [];
  if (!exports.includes("open")) {
    throw new RegistryError("usage", `${module} does not export open()`);
  }
  return {
    code: outputOf(result, OUTPUT, inline_source_map ? Infinity : PackageLimit.BUNDLE),
    source_map: outputOf(result, `${OUTPUT}.map`, PackageLimit.SOURCE_MAP),
    runtime_modules: [...modules.runtime_modules].sort(),
    packages: modules.packages.seen(),
    warnings: result.warnings.map(described),
  };
}
