/**
 * The folder of a handler that is packed. It may be somebody else's: nothing outside of it is read,
 * whatever links and imports say.
 *
 * @module
 */
import { join, relative, resolve } from "node:path";
import { RegistryError } from "../artifact_store.ts";
import { readFileSafely } from "../oci/layout_files.ts";

/** All that a bundle is made of, in bytes: esbuild holds it in memory. */
const SOURCES_LENGTH_MAX = 64 << 20;

/** See the module. Paths are relative to the folder, or absolute. */
export class SourceFolder {
  /** Where it really is. */
  readonly root: string;
  #length = 0;

  private constructor(root: string) {
    this.root = root;
  }

  /** Throws RegistryError where there is no such folder. */
  static async open(folder: string): Promise<SourceFolder> {
    const root = await Deno.realPath(folder).catch(() => undefined);
    if (root !== undefined && (await Deno.stat(root)).isDirectory) return new SourceFolder(root);
    throw new RegistryError(
      "not-found",
      `There is no folder ${folder}`,
      "`lunette plugin new` makes one.",
    );
  }

  /**
   * Where a file really is, relative to the folder; undefined where there is no file. Throws
   * RegistryError where it lies outside of the folder.
   */
  async find(path: string): Promise<string | undefined> {
    const real = await Deno.realPath(join(this.root, this.#inside(path))).catch(() => undefined);
    if (real === undefined || !(await Deno.stat(real)).isFile) return undefined;
    return this.#inside(real);
  }

  #inside(path: string): string {
    const inside = relative(this.root, resolve(this.root, path));
    if (inside !== ".." && !inside.startsWith("../")) return inside;
    throw new RegistryError(
      "usage",
      `${path} lies outside of the handler's folder`,
      "A package is made of what its folder holds: copy it there.",
    );
  }

  /** What a file holds; undefined where there is none. More than `length_max` bytes are refused. */
  async read(path: string, length_max: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const inside = await this.find(path);
    if (inside === undefined) return undefined;
    const real = join(this.root, inside);
    const { size } = await Deno.stat(real);
    if (size > length_max) {
      throw new RegistryError("usage", `${inside} has ${size} bytes: at most ${length_max} can be`);
    }
    this.#length += size;
    if (this.#length > SOURCES_LENGTH_MAX) {
      throw new RegistryError(
        "usage",
        `The bundle is made of more than ${SOURCES_LENGTH_MAX} bytes`,
        "Look at what the handler imports.",
      );
    }
    return await readFileSafely(real, length_max);
  }

  /** The same as text in UTF-8. */
  async readText(path: string, length_max: number): Promise<string | undefined> {
    const bytes = await this.read(path, length_max);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }
}
