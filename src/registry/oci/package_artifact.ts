/**
 * Packages as artifacts: each file is a layer, told by its media type. What is read has been checked
 * against its digests, its limits and its own manifest; whether to trust it is for its signature.
 *
 * @module
 */
import type { Manifest } from "../../plugin/mod.ts";
import { ManifestError, parseManifest } from "../../sandbox/manifest.ts";
import { SchemaError } from "../../sandbox/schema.ts";
import {
  type ArtifactManifest,
  type ArtifactStore,
  type Descriptor,
  RegistryError,
  type StoredManifest,
  type TransferOptions,
} from "../artifact_store.ts";
import {
  isPackageId,
  MediaType,
  PACKAGE_TYPE,
  type PackageContent,
  PackageLimit,
  repositoryOf,
} from "../package.ts";
import { digestOf } from "./digest.ts";
import { EMPTY_DESCRIPTOR, formatManifest, OciType, refuse } from "./manifest.ts";
import { checkReference, plain, shown } from "./name.ts";

/** The files of a package, as packed. */
export interface PackageFiles {
  /** `handler.json`, whose module is `mod.js`. */
  readonly manifest: Uint8Array<ArrayBuffer>;
  /** `mod.js`. */
  readonly bundle: Uint8Array<ArrayBuffer>;
  /** `README.md`. */
  readonly readme?: Uint8Array<ArrayBuffer>;
  /** `mod.js.map`. */
  readonly source_map?: Uint8Array<ArrayBuffer>;
}

/** How to write a package. */
export interface WritePackageOptions extends TransferOptions {
  /** The same version may be there with other content: for folders that one packs into again. */
  readonly replace?: boolean;
}

/** A package that was written. */
export interface WrittenPackage {
  readonly id: string;
  readonly version: string;
  /** Of the artifact's manifest. */
  readonly descriptor: Descriptor;
}

/** A kind of file in a package. */
interface FileKind {
  /** Its name when installed, and for programs that pull artifacts into a folder. */
  readonly name: string;
  readonly mediaType: string;
  readonly length_max: number;
}

const KINDS: Readonly<Record<keyof PackageFiles, FileKind>> = {
  manifest: {
    name: "handler.json",
    mediaType: MediaType.MANIFEST,
    length_max: PackageLimit.HANDLER_MANIFEST,
  },
  bundle: { name: "mod.js", mediaType: MediaType.BUNDLE, length_max: PackageLimit.BUNDLE },
  readme: { name: "README.md", mediaType: MediaType.README, length_max: PackageLimit.README },
  source_map: {
    name: "mod.js.map",
    mediaType: MediaType.SOURCE_MAP,
    length_max: PackageLimit.SOURCE_MAP,
  },
};
const TITLE = "org.opencontainers.image.title";
const VERSION = "org.opencontainers.image.version";

type FileName = keyof PackageFiles;
const FILE_NAMES = Object.keys(KINDS) as readonly FileName[];

/** The files that there are, in the order of layers. */
function filesOf(
  files: PackageFiles,
): { readonly kind: FileKind; readonly bytes: Uint8Array<ArrayBuffer> }[] {
  return FILE_NAMES.flatMap((name) => {
    const bytes = files[name];
    return bytes === undefined ? [] : [{ kind: KINDS[name], bytes }];
  });
}

/** Text in UTF-8: what is decoded here and what is run later must be the same. */
function decode(place: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    refuse(place, "is not UTF-8");
  }
}

function parseHandlerManifest(place: string, bytes: Uint8Array): Manifest {
  let manifest: Manifest;
  try {
    manifest = parseManifest(decode(place, bytes));
  } catch (error) {
    if (error instanceof ManifestError || error instanceof SchemaError) {
      refuse(place, `is wrong: ${plain(error.message)}`);
    }
    throw error;
  }
  if (!isPackageId(manifest.id)) {
    refuse(place, `has the id ${shown(manifest.id)}, which is not publisher.name`);
  }
  if (manifest.module !== "mod.js") refuse(place, 'has a module that is not "mod.js"');
  return manifest;
}

/** The manifest of a package of one's own. Throws RegistryError "usage". */
function checkFiles(files: PackageFiles): Manifest {
  try {
    for (const { kind: { name, length_max }, bytes } of filesOf(files)) {
      if (bytes.length > length_max) refuse(name, `is longer than ${length_max} bytes`);
      decode(name, bytes);
    }
    return parseHandlerManifest(KINDS.manifest.name, files.manifest);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError("usage", error.message, "Correct it and pack again.");
  }
}

/** The artifact's manifest: the same for the same files, wherever it is made. */
function packageManifest({ id, version }: Manifest, files: PackageFiles): ArtifactManifest {
  const layers = filesOf(files).map(({ kind: { name, mediaType }, bytes }) => {
    const annotations = { [TITLE]: name };
    return { mediaType, digest: digestOf(bytes), size: bytes.length, annotations };
  });
  return {
    schemaVersion: 2,
    mediaType: OciType.MANIFEST,
    artifactType: PACKAGE_TYPE,
    config: EMPTY_DESCRIPTOR,
    layers,
    annotations: { [TITLE]: id, [VERSION]: version },
  };
}

async function checkVacant(
  store: ArtifactStore,
  { id, version }: Manifest,
  artifact: ArtifactManifest,
  options: TransferOptions,
): Promise<void> {
  const there = await store.readManifest(repositoryOf(id), version, options);
  if (there === undefined || there.descriptor.digest === digestOf(formatManifest(artifact))) return;
  throw new RegistryError(
    "usage",
    `${id} ${version} is in ${store.location} already, with other content`,
    "What was published does not change: raise the version in handler.json.",
  );
}

/**
 * Puts a package where its id and version say. Throws RegistryError: "usage" where it is none that
 * could be read again, or where this version is there with other content.
 */
export async function writePackage(
  store: ArtifactStore,
  files: PackageFiles,
  { replace = false, ...options }: WritePackageOptions = {},
): Promise<WrittenPackage> {
  const manifest = checkFiles(files);
  const artifact = packageManifest(manifest, files);
  if (!replace) await checkVacant(store, manifest, artifact, options);
  const { id, version } = manifest;
  const repository = repositoryOf(id);
  const progress = new Progress(artifact.layers, options);
  for (const { kind: { mediaType }, bytes } of filesOf(files)) {
    await store.writeBlob(repository, mediaType, bytes, progress.next(bytes.length));
  }
  const { signal } = options;
  const descriptor = await store.writeManifest(repository, artifact, version, { signal });
  return { id, version, descriptor };
}

/** One progress for several transfers. */
class Progress {
  readonly #options: TransferOptions;
  readonly #total_bytes: number;
  #before_bytes = 0;

  constructor(transfers: readonly { readonly size: number }[], options: TransferOptions) {
    this.#options = options;
    this.#total_bytes = transfers.reduce((sum, { size }) => sum + size, 0);
  }

  /** Options of the next transfer, of so many bytes. */
  next(length: number): TransferOptions {
    const { signal, onProgress } = this.#options;
    const before = this.#before_bytes;
    this.#before_bytes += length;
    return { signal, onProgress: (done) => onProgress?.(before + done, this.#total_bytes) };
  }
}

/** The layers of a package by kind: each at most once, none of another kind, none too long. */
function sortLayers(
  place: string,
  { artifactType, layers, subject }: ArtifactManifest,
): Readonly<Partial<Record<FileName, Descriptor>>> {
  if (artifactType !== PACKAGE_TYPE) refuse(place, `is no package but ${shown(artifactType)}`);
  if (subject !== undefined) refuse(place, "is about something else: packages have no subject");
  const sorted: Partial<Record<FileName, Descriptor>> = {};
  for (const layer of layers) {
    const key = FILE_NAMES.find((one) => KINDS[one].mediaType === layer.mediaType);
    if (key === undefined) refuse(place, `has a layer of type ${shown(layer.mediaType)}`);
    const { name, length_max } = KINDS[key];
    if (sorted[key] !== undefined) refuse(place, `has two layers ${name}`);
    if (layer.size > length_max) {
      refuse(place, `has a ${name} of ${layer.size} bytes; at most ${length_max} are taken`);
    }
    sorted[key] = layer;
  }
  return sorted;
}

/** As {@linkcode readPackage}, of an artifact's manifest that was read already. */
export async function readPackageOf(
  store: ArtifactStore,
  id: string,
  { descriptor, manifest: artifact }: StoredManifest,
  options: TransferOptions = {},
): Promise<PackageContent> {
  const place = `${id}@${descriptor.digest} in ${store.location}`;
  const layers = sortLayers(place, artifact);
  if (layers.manifest === undefined) refuse(place, "has no handler.json");
  if (layers.bundle === undefined) refuse(place, "has no mod.js");
  const wanted = [layers.manifest, layers.bundle, ...(layers.readme ? [layers.readme] : [])];
  const progress = new Progress(wanted, options);
  const read = async (layer: Descriptor) => {
    const repository = repositoryOf(id);
    const bytes = await store.readBlob(repository, layer, layer.size, progress.next(layer.size));
    decode(`${layer.mediaType} of ${place}`, bytes);
    return bytes;
  };
  const bytes = await read(layers.manifest);
  const manifest = parseHandlerManifest(`handler.json of ${place}`, bytes);
  if (manifest.id !== id) refuse(place, `is another package: ${shown(manifest.id)}`);
  const bundle = await read(layers.bundle);
  const readme = layers.readme && await read(layers.readme);
  return {
    id,
    version: manifest.version,
    digest: descriptor.digest,
    manifest: bytes,
    manifest_digest: layers.manifest.digest,
    bundle,
    ...(readme === undefined ? {} : { readme }),
    capabilities: manifest.capabilities,
  };
}

/**
 * Reads a package by its version, or by the digest of its manifest. Throws RegistryError: "not-found"
 * where it is not there, "untrusted" where it is not what was asked for or promised.
 */
export async function readPackage(
  store: ArtifactStore,
  id: string,
  reference: string,
  options: TransferOptions = {},
): Promise<PackageContent> {
  if (!isPackageId(id)) {
    throw new RegistryError("usage", `${shown(id)} is no id of a package`, "It is publisher.name.");
  }
  checkReference(reference);
  const stored = await store.readManifest(repositoryOf(id), reference, options);
  if (stored === undefined) {
    const message = `There is no ${id} ${reference} in ${store.location}`;
    throw new RegistryError("not-found", message, "lunette search lists what is there.");
  }
  const content = await readPackageOf(store, id, stored, options);
  if (!reference.includes(":") && content.version !== reference) {
    refuse(`${id} ${reference} in ${store.location}`, `is version ${content.version}`);
  }
  return content;
}
