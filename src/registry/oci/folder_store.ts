/**
 * Artifacts in a folder: an OCI layout (image-spec 1.1, image-layout.md), as skopeo and oras read and
 * write it. Names in `index.json` are `REPOSITORY:TAG`.
 *
 * Readers take no lock: files appear whole and `index.json` is replaced as a whole. Writers take one
 * after another.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { ensureFolder, syncFolder } from "../../sys/durable_file.ts";
import {
  type ArtifactManifest,
  type ArtifactStore,
  type Descriptor,
  type Digest,
  RegistryError,
  type StoredManifest,
  type TransferOptions,
} from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import { digestOf, hexOf, isDigest } from "./digest.ts";
import { FolderIndex } from "./folder_index.ts";
import {
  checkFolder,
  codeOf,
  DRAFT_PREFIX,
  fileError,
  lengthOf,
  makeFolder,
  readFileSafely,
  sweepDrafts,
  writeFileSafely,
} from "./layout_files.ts";
import {
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  formatManifest,
  isObject,
  OciType,
  parseArtifactManifest,
  parseJson,
  refuse,
} from "./manifest.ts";
import { checkDigest, checkReference, checkRepository, checkTag } from "./name.ts";

const MARKER = "oci-layout";
const MARKER_LENGTH_MAX = 4096;
const MARKER_TEXT = '{"imageLayoutVersion":"1.0.0"}';
const LOCK = ".lock";
const LOCK_TIMEOUT_MS = 15_000;
const LOCK_RETRY_MS = 20;
/** Manifests that are looked into for their subject, where entries do not name it. */
const SEARCHED_COUNT_MAX = 1024;

/** See the module. The folder need not be there: it is made by the first write. */
export class FolderStore implements ArtifactStore {
  readonly location: string;
  readonly #root: string;
  readonly #lock_timeout_ms: number;

  /** `location` is a path; relative ones are resolved now. */
  constructor(location: string, lock_timeout_ms: number = LOCK_TIMEOUT_MS) {
    this.location = location;
    this.#root = resolve(location);
    this.#lock_timeout_ms = lock_timeout_ms;
  }

  async readManifest(
    repository: string,
    reference: string,
    { signal }: TransferOptions = {},
  ): Promise<StoredManifest | undefined> {
    checkRepository(repository);
    checkReference(reference);
    signal?.throwIfAborted();
    if (!await this.#isLayout()) return undefined;
    if (isDigest(reference)) return await this.#manifest(reference);
    const name = `${repository}:${reference}`;
    const descriptor = (await this.#readIndex()).find(name);
    if (descriptor === undefined) return undefined;
    const place = `${name} in ${this.location}`;
    if (descriptor.mediaType !== OciType.MANIFEST) refuse(place, "is no OCI image manifest");
    const stored = await this.#manifest(descriptor.digest, place);
    if (stored === undefined) throw this.#missing(descriptor.digest);
    if (stored.bytes.length !== descriptor.size) refuse(place, "is not as long as index.json says");
    return stored;
  }

  async #manifest(digest: Digest, place?: string): Promise<StoredManifest | undefined> {
    const bytes = await this.#readBlob(digest, PackageLimit.OCI_MANIFEST);
    if (bytes === undefined) return undefined;
    const manifest = parseArtifactManifest(place ?? `${digest} in ${this.location}`, bytes);
    const { mediaType, artifactType } = manifest;
    return { descriptor: { mediaType, digest, size: bytes.length, artifactType }, manifest, bytes };
  }

  async readBlob(
    repository: string,
    { digest, size }: Descriptor,
    length_max: number,
    { signal, onProgress }: TransferOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkRepository(repository);
    checkDigest(digest);
    signal?.throwIfAborted();
    const place = `${digest} in ${this.location}`;
    if (size > length_max) refuse(place, `has ${size} bytes; at most ${length_max} are taken`);
    const bytes = await this.#isLayout() ? await this.#readBlob(digest, size) : undefined;
    if (bytes === undefined) throw this.#missing(digest);
    if (bytes.length !== size) refuse(place, `has ${bytes.length} bytes, and not ${size}`);
    onProgress?.(size, size);
    return bytes;
  }

  async writeBlob(
    repository: string,
    mediaType: string,
    bytes: Uint8Array<ArrayBuffer>,
    { signal, onProgress }: TransferOptions = {},
  ): Promise<Descriptor> {
    checkRepository(repository);
    signal?.throwIfAborted();
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.#locked(() => this.#writeBlob(descriptor.digest, bytes));
    onProgress?.(bytes.length, bytes.length);
    return descriptor;
  }

  async writeManifest(
    repository: string,
    manifest: ArtifactManifest,
    tag?: string,
    { signal }: TransferOptions = {},
  ): Promise<Descriptor> {
    checkRepository(repository);
    if (tag !== undefined) checkTag(tag);
    signal?.throwIfAborted();
    const bytes = formatManifest(manifest);
    const { mediaType, artifactType } = manifest;
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length, artifactType };
    const name = tag === undefined ? undefined : `${repository}:${tag}`;
    await this.#locked(async () => {
      await this.#writeBlob(EMPTY_DESCRIPTOR.digest, EMPTY_BYTES);
      for (const layer of manifest.layers) await this.#checkPresent(layer);
      await this.#writeBlob(descriptor.digest, bytes);
      const path = join(this.#root, "index.json");
      const index = (await this.#readIndex()).with(descriptor, manifest, name).format(path);
      await writeFileSafely(this.#root, this.#root, "index.json", index);
    });
    return descriptor;
  }

  async tags(repository: string, { signal }: TransferOptions = {}): Promise<string[]> {
    checkRepository(repository);
    signal?.throwIfAborted();
    if (!await this.#isLayout()) return [];
    return (await this.#readIndex()).tags(repository).slice(0, PackageLimit.TAGS_COUNT);
  }

  async referrers(
    repository: string,
    digest: Digest,
    artifactType: string,
    { signal }: TransferOptions = {},
  ): Promise<Descriptor[]> {
    checkRepository(repository);
    checkDigest(digest);
    if (!await this.#isLayout()) return [];
    const found: Descriptor[] = [];
    let searched = 0;
    for (const one of (await this.#readIndex()).referrers(digest, artifactType)) {
      signal?.throwIfAborted();
      const { mediaType, digest: own, size } = one.descriptor;
      if (one.sure) found.push({ mediaType, digest: own, size, artifactType });
      else if (++searched > SEARCHED_COUNT_MAX) {
        refuse(this.location, `has more than ${SEARCHED_COUNT_MAX} manifests without subject`);
      } else if (await this.#isAbout(one.descriptor, digest, artifactType)) {
        found.push({ mediaType, digest: own, size, artifactType });
      }
    }
    return found;
  }

  /** Whether a manifest that somebody else put there is about `digest`; images and such are not. */
  async #isAbout(
    { mediaType, digest, size }: Descriptor,
    subject: Digest,
    artifactType: string,
  ): Promise<boolean> {
    if (mediaType !== OciType.MANIFEST || size > PackageLimit.OCI_MANIFEST) return false;
    const bytes = await this.#readBlob(digest, size);
    if (bytes === undefined) return false;
    const value = parseJson(`${digest} in ${this.location}`, bytes, PackageLimit.OCI_MANIFEST);
    return isObject(value) && value.artifactType === artifactType && isObject(value.subject) &&
      value.subject.digest === subject;
  }

  #missing(digest: Digest): RegistryError {
    const message = `${digest} is not in ${this.location}`;
    return new RegistryError("not-found", message, "The folder is not complete: publish it again.");
  }

  get #blobs(): string {
    return join(this.#root, "blobs", "sha256");
  }

  /** A blob whose digest was recomputed; undefined where there is none. */
  async #readBlob(
    digest: Digest,
    length_max: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (const folder of [dirname(this.#blobs), this.#blobs]) {
      if (!await checkFolder(folder)) return undefined;
    }
    const path = join(this.#blobs, hexOf(digest));
    const bytes = await readFileSafely(path, length_max);
    if (bytes !== undefined && digestOf(bytes) !== digest) {
      refuse(path, "does not hold what its name says: its digest is another");
    }
    return bytes;
  }

  async #writeBlob(digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const path = join(this.#blobs, hexOf(digest));
    if (await lengthOf(path) === bytes.length) {
      const there = await readFileSafely(path, bytes.length);
      if (there !== undefined && digestOf(there) === digest) return;
    }
    await writeFileSafely(this.#root, this.#blobs, basename(path), bytes);
  }

  async #checkPresent({ digest, size }: Descriptor): Promise<void> {
    if (await lengthOf(join(this.#blobs, hexOf(digest))) !== size) throw this.#missing(digest);
  }

  async #readIndex(): Promise<FolderIndex> {
    const path = join(this.#root, "index.json");
    const bytes = await readFileSafely(path, PackageLimit.OCI_INDEX);
    return bytes === undefined ? FolderIndex.EMPTY : FolderIndex.parse(path, bytes);
  }

  /** Whether the folder is a layout; false where there is none, or nothing in it yet. */
  async #isLayout(): Promise<boolean> {
    const path = join(this.#root, MARKER);
    const bytes = await readFileSafely(path, MARKER_LENGTH_MAX);
    if (bytes !== undefined) {
      const marker = parseJson(path, bytes, MARKER_LENGTH_MAX);
      if (isObject(marker) && marker.imageLayoutVersion === "1.0.0") return true;
      refuse(path, "is not of an OCI layout of version 1.0.0");
    }
    if (await this.#isVacant()) return false;
    throw new RegistryError(
      "usage",
      `${this.location} is neither empty nor an OCI layout: it has no file oci-layout`,
      "Name another folder.",
    );
  }

  /** Nothing but what a writer leaves that ended before it had begun. */
  async #isVacant(): Promise<boolean> {
    try {
      for await (const { name } of Deno.readDir(this.#root)) {
        if (name !== LOCK && !name.startsWith(DRAFT_PREFIX)) return false;
      }
      return true;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return true;
      throw fileError("read", this.#root, error);
    }
  }

  /** Does something as the only writer, in a folder that is a layout. */
  async #locked(work: () => Promise<void>): Promise<void> {
    await this.#isLayout();
    await this.#makeRoot();
    using _lock = await this.#lock();
    await sweepDrafts(this.#root);
    if (!await this.#isLayout()) {
      const marker = new TextEncoder().encode(MARKER_TEXT);
      await writeFileSafely(this.#root, this.#root, MARKER, marker);
    }
    await makeFolder(this.#root, "blobs");
    await makeFolder(dirname(this.#blobs), basename(this.#blobs));
    await work();
  }

  /** Makes the folder, for whom the umask lets in, as what is in it; those above it for this user alone. */
  async #makeRoot(): Promise<void> {
    const parent = dirname(this.#root);
    try {
      await ensureFolder(parent);
      await Deno.mkdir(this.#root);
      await syncFolder(parent);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw fileError("make", this.#root, error);
    }
  }

  async #lock(): Promise<Deno.FsFile> {
    const path = join(this.#root, LOCK);
    if ((await Deno.lstat(path).catch(() => undefined))?.isSymlink) {
      refuse(path, "is a symbolic link, which is not followed");
    }
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(path, { read: true, write: true, create: true });
      const end_ms = performance.now() + this.#lock_timeout_ms;
      while (!await file.tryLock(true)) {
        if (performance.now() >= end_ms) {
          const message = `Another process writes to ${this.location}`;
          throw new RegistryError("unavailable", message, "Try again when it has ended.");
        }
        await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
      }
      return file;
    } catch (error) {
      file?.close();
      throw fileError("lock", path, error);
    }
  }
}
