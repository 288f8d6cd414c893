/** Which npm packages files in node_modules are of. */
import { isRecord } from "../../sandbox/manifest_fields.ts";
import { RegistryError } from "../artifact_store.ts";
import type { SourceFolder } from "./source_folder.ts";

const LENGTH_MAX = 1 << 20;
/** The folder of the package, and the file in it. */
const PLACE = /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\/(.+)$/;

/** See the module. */
export class PackageNames {
  readonly #folder: SourceFolder;
  /** `name@version` by the package's folder. */
  readonly #names = new Map<string, string>();

  constructor(folder: SourceFolder) {
    this.#folder = folder;
  }

  /** All packages that were asked for, `name@version`, sorted. */
  seen(): string[] {
    return [...new Set(this.#names.values())].sort();
  }

  /** `name@version/file`, wherever in node_modules it lies. Throws RegistryError. */
  async nameOf(path: string): Promise<string> {
    const match = PLACE.exec(path);
    if (match === null) throw new RegistryError("usage", `${path} is of no package`);
    const [, root, file] = match;
    const name = this.#names.get(root) ?? await this.#read(root);
    this.#names.set(root, name);
    return `${name}/${file}`;
  }

  async #read(root: string): Promise<string> {
    const path = `${root}/package.json`;
    let value: unknown;
    try {
      value = JSON.parse(await this.#folder.readText(path, LENGTH_MAX) ?? "");
    } catch (error) {
      if (error instanceof RegistryError) throw error;
      throw new RegistryError("usage", `${path} is not JSON`);
    }
    const { name, version } = isRecord(value) ? value : {};
    if (typeof name === "string" && typeof version === "string") return `${name}@${version}`;
    throw new RegistryError("usage", `${path} has no name or no version`);
  }
}
