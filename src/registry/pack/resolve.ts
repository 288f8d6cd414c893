/**
 * What the imports of a handler stand for. Everything must be there when it is packed: files of the
 * folder, packages in its node_modules, the contract. What comes with the runtime stays an import.
 *
 * @module
 */
import { createRequire, isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { resolve } from "import-meta-resolve";
import { CONTRACT_IMPORTS } from "./contract.ts";
import { type ImportMap, mapSpecifier } from "./import_map.ts";
import type { SourceFolder } from "./source_folder.ts";

/** What an import stands for. */
export type Resolved =
  /** A file, relative to the folder. */
  | { readonly kind: "file"; readonly path: string }
  /** A module of the contract. */
  | { readonly kind: "contract"; readonly name: string }
  /** A module of the runtime, with its `node:`. */
  | { readonly kind: "runtime"; readonly name: string };

/** One import. */
export interface ImportOf {
  readonly specifier: string;
  /** The file that imports, relative to the folder; "" for the entry. */
  readonly importer: string;
  /** `require()` in a package, and not `import`. */
  readonly is_require: boolean;
}

/** An import that cannot be resolved: in words for the handler's author. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

const NPM = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(?:@[^/]+)?(\/.*)?$/;

/** Whether a file, relative to the folder, is of a package. */
export function isOfPackage(path: string): boolean {
  return /(^|\/)node_modules\//.test(path);
}

/** Resolves imports of one folder. */
export class Resolver {
  readonly #folder: SourceFolder;
  readonly #map: ImportMap;

  constructor(folder: SourceFolder, map: ImportMap) {
    this.#folder = folder;
    this.#map = map;
  }

  /** Throws {@linkcode ImportError}, or RegistryError where it leads out of the folder. */
  async resolve({ specifier, importer, is_require }: ImportOf): Promise<Resolved> {
    if (isOfPackage(importer)) return await this.#ofPackage(specifier, importer, is_require);
    if (CONTRACT_IMPORTS.get(specifier) === "testing.ts") {
      throw new ImportError(`"${specifier}" is for tests, and not for what is packed`);
    }
    const contract = CONTRACT_IMPORTS.get(specifier);
    if (contract !== undefined) return { kind: "contract", name: contract };
    const mapped = mapSpecifier(this.#map, specifier);
    return await this.#ofHandler(
      mapped ?? specifier,
      mapped === undefined ? dirname(importer) : "",
    );
  }

  /** `from`: the folder that relative specifiers are seen from, relative to the handler's. */
  async #ofHandler(specifier: string, from: string): Promise<Resolved> {
    if (/^\.{0,2}\//.test(specifier)) {
      const path = specifier.startsWith("/") ? specifier : join(from, decodeURI(specifier));
      const found = await this.#folder.find(path);
      if (found !== undefined) return { kind: "file", path: found };
      throw new ImportError(`there is no file "${specifier}"`);
    }
    if (isBuiltin(specifier)) {
      return { kind: "runtime", name: `node:${specifier.replace(/^node:/, "")}` };
    }
    const npm = NPM.exec(specifier);
    if (npm === null && /^[a-z][a-z0-9+.-]*:/i.test(specifier)) {
      throw new ImportError(
        `"${specifier}" is not in the folder: nothing is fetched. Copy it there, or import it from npm`,
      );
    }
    const bare = npm === null ? specifier : npm[1] + (npm[2] ?? "");
    return await this.#package(bare, "mod.ts", false, specifier);
  }

  async #ofPackage(specifier: string, importer: string, is_require: boolean): Promise<Resolved> {
    if (isBuiltin(specifier)) {
      const name = `node:${specifier.replace(/^node:/, "")}`;
      if (!is_require) return { kind: "runtime", name };
      throw new ImportError(`require("${specifier}") has no meaning in one ES module`);
    }
    return await this.#package(specifier, importer, is_require, specifier);
  }

  /** As Node resolves it (its "ESM Resolution Algorithm", or `require.resolve`). */
  async #package(
    specifier: string,
    importer: string,
    is_require: boolean,
    shown: string,
  ): Promise<Resolved> {
    const from = pathToFileURL(join(this.#folder.root, importer)).href;
    let path: string;
    try {
      path = is_require
        ? createRequire(from).resolve(specifier)
        : fileURLToPath(resolve(specifier, from));
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === "ERR_PACKAGE_PATH_NOT_EXPORTED") {
        throw new ImportError(`the package does not export "${shown}"`);
      }
      throw new ImportError(
        `"${shown}" is not there: \`deno install\` in the folder gets packages of npm`,
      );
    }
    const found = await this.#folder.find(path);
    if (found === undefined) throw new ImportError(`"${shown}" is no file`);
    return { kind: "file", path: found };
  }
}
