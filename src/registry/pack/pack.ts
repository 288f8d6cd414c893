/**
 * Makes a package of a handler's folder: the same folder, the same bytes.
 *
 * @module
 */
import type { Manifest } from "../../plugin/mod.ts";
import { ManifestError, parseManifest } from "../../sandbox/manifest.ts";
import { SchemaError } from "../../sandbox/schema.ts";
import { type ArtifactStore, type Descriptor, RegistryError } from "../artifact_store.ts";
import { writePackage } from "../oci/package_artifact.ts";
import { isPackageId, PackageLimit } from "../package.ts";
import type { Bundle, BundleOptions } from "./bundle.ts";
import { Bundler } from "./bundler.ts";
import { SourceFolder } from "./source_folder.ts";

/** A package that is made, and in no store yet. */
export interface PackedHandler extends Bundle {
  /** As it is packed: its module is `mod.js`. */
  readonly manifest: Manifest;
  /** `handler.json`. */
  readonly manifest_bytes: Uint8Array<ArrayBuffer>;
  /** `README.md`; undefined where there is none. */
  readonly readme: Uint8Array<ArrayBuffer> | undefined;
}

/** How to make it. */
export interface PackOptions extends BundleOptions {
  /** Built-in handlers, and those of a folder that is only tried, have ids without a publisher. */
  readonly any_id?: boolean;
  /** Default: one that is started for this, and ended. */
  readonly bundler?: Bundler;
}

function checkManifest(text: string): Manifest {
  try {
    return parseManifest(text);
  } catch (error) {
    if (!(error instanceof ManifestError || error instanceof SchemaError)) throw error;
    throw new RegistryError("usage", error.message, "", { cause: error });
  }
}

function checkId(id: string): void {
  if (isPackageId(id)) return;
  throw new RegistryError(
    "usage",
    `${id} is not the id of a package: it names no publisher`,
    "Write publisher.name in handler.json, such as acme.disk.",
  );
}

async function bundleApart(
  folder: string,
  module: string,
  { bundler, inline_source_map }: PackOptions,
): Promise<Bundle> {
  const request = { folder, module, options: { inline_source_map } };
  if (bundler !== undefined) return await bundler.bundle(request);
  using once = new Bundler();
  return await once.bundle(request);
}

/** Makes a package. Nothing of the handler runs. Throws RegistryError. */
export async function pack(path: string, options: PackOptions = {}): Promise<PackedHandler> {
  const folder = await SourceFolder.open(path);
  const text = await folder.readText("handler.json", PackageLimit.HANDLER_MANIFEST);
  if (text === undefined) {
    throw new RegistryError("not-found", `${path} has no handler.json: it is no handler's folder`);
  }
  const { id, module = "mod.ts" } = checkManifest(text);
  if (options.any_id !== true) checkId(id);
  const made = await bundleApart(folder.root, module, options);
  // The author's own words and order, but for the module.
  const packed = JSON.stringify({ ...JSON.parse(text), module: "mod.js" }, null, 2) + "\n";
  const manifest_bytes = new TextEncoder().encode(packed);
  if (manifest_bytes.length > PackageLimit.HANDLER_MANIFEST) {
    throw new RegistryError(
      "usage",
      `handler.json has more than ${PackageLimit.HANDLER_MANIFEST} bytes`,
    );
  }
  const readme = await folder.read("README.md", PackageLimit.README);
  return { ...made, manifest: checkManifest(packed), manifest_bytes, readme };
}

/**
 * Puts a package into a store, under its id and version; what was packed before as this version is
 * replaced. Throws RegistryError.
 */
export async function storePackage(
  store: ArtifactStore,
  { manifest_bytes, code, readme, source_map }: PackedHandler,
): Promise<Descriptor> {
  const files = { manifest: manifest_bytes, bundle: code, readme, source_map };
  return (await writePackage(store, files, { replace: true })).descriptor;
}
