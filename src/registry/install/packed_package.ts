/** A package that was packed: in a folder of OCI layout, as `lunette plugin pack` leaves it. */
import { join } from "node:path";
import { type ArtifactStore, RegistryError, type TransferOptions } from "../artifact_store.ts";
import { FolderStore } from "../oci/folder_store.ts";
import { readFileSafely } from "../oci/layout_files.ts";
import { isObject, parseImageIndex } from "../oci/manifest.ts";
import { readPackage } from "../oci/package_artifact.ts";
import { isPackageId, type PackageContent, PackageLimit, repositoryOf } from "../package.ts";
import { isVersion } from "../trust/fields.ts";
import { compareVersions } from "./version_order.ts";

const REF_NAME = "org.opencontainers.image.ref.name";
const PREFIX = "handlers/";

/** A package, and the folder that it lies in. */
export interface PackedPackage {
  readonly store: ArtifactStore;
  readonly content: PackageContent;
}

/** `ID:VERSION` of what lies in a folder; undefined where it is no OCI layout. */
async function packagesIn(folder: string): Promise<{ id: string; version: string }[] | undefined> {
  const bytes = await readFileSafely(join(folder, "index.json"), PackageLimit.OCI_INDEX);
  if (bytes === undefined) return undefined;
  return parseImageIndex(`${folder}/index.json`, bytes).flatMap((entry) => {
    const annotations = isObject(entry) && isObject(entry.annotations) ? entry.annotations : {};
    const name = annotations[REF_NAME];
    if (typeof name !== "string" || !name.startsWith(PREFIX)) return [];
    const [id, version, ...rest] = name.slice(PREFIX.length).split(":");
    const fits = rest.length === 0 && isPackageId(id) && version !== undefined &&
      isVersion(version);
    return fits ? [{ id, version }] : [];
  });
}

/**
 * Opens the package in a folder, the newest version where there are several; undefined where the folder
 * is no OCI layout. Throws RegistryError.
 */
export async function openPackedPackage(
  folder: string,
  options: TransferOptions = {},
): Promise<PackedPackage | undefined> {
  const found = await packagesIn(folder);
  if (found === undefined) return undefined;
  const ids = new Set(found.map(({ id }) => id));
  const newest = found.toSorted((left, right) => compareVersions(right.version, left.version))[0];
  if (newest === undefined || ids.size > 1) {
    const what = ids.size > 1 ? `several packages (${[...ids].join(", ")})` : "no package";
    throw new RegistryError("usage", `${folder} holds ${what}`, "Name a folder with one.");
  }
  const store = new FolderStore(folder);
  return { store, content: await readPackage(store, newest.id, newest.version, options) };
}

/**
 * Copies a package with all its files, byte for byte. Throws RegistryError "usage" where this version
 * is there with other content.
 */
export async function copyPackage(
  { store: from, content: { id, version, digest } }: PackedPackage,
  to: ArtifactStore,
  { signal, onProgress }: TransferOptions = {},
): Promise<void> {
  const repository = repositoryOf(id);
  const there = await to.readManifest(repository, version, { signal });
  if (there?.descriptor.digest === digest) return;
  if (there !== undefined) {
    throw new RegistryError(
      "usage",
      `${id} ${version} is in ${to.location} already, with other content`,
      "What was published does not change: raise the version in handler.json.",
    );
  }
  const stored = await from.readManifest(repository, digest, { signal });
  if (stored === undefined) throw new RegistryError("not-found", `${digest} is gone`);
  const { manifest } = stored;
  const total_bytes = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  let before_bytes = 0;
  for (const layer of manifest.layers) {
    const bytes = await from.readBlob(repository, layer, layer.size, { signal });
    const base = before_bytes;
    await to.writeBlob(repository, layer.mediaType, bytes, {
      signal,
      onProgress: (done) => onProgress?.(base + done, total_bytes),
    });
    before_bytes += layer.size;
  }
  const written = await to.writeManifest(repository, manifest, version, { signal });
  if (written.digest !== digest) {
    throw new RegistryError("usage", `${id} ${version} was packed by another program`, "Pack it.");
  }
}
