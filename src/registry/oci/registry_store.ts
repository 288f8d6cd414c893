/**
 * Artifacts in a registry (OCI distribution-spec 1.1). Whatever it says is checked against digests and
 * lengths, which come from the user, from a signature, or from what was checked so.
 *
 * @module
 */
import type {
  ArtifactManifest,
  ArtifactStore,
  Descriptor,
  Digest,
  StoredManifest,
  TransferOptions,
} from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import { BlobDownload } from "./blob_download.ts";
import { BlobUpload } from "./blob_upload.ts";
import { digestOf, isDigest } from "./digest.ts";
import type { HttpAnswer } from "./http_transport.ts";
import { parseLocation, type RegistryLocation } from "./location.ts";
import {
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  formatManifest,
  isObject,
  OciType,
  parseArtifactManifest,
  parseJson,
} from "./manifest.ts";
import {
  checkDigest,
  checkReference,
  checkRepository,
  checkTag,
  isFallbackTag,
  isTag,
  shown,
} from "./name.ts";
import { pages } from "./pages.ts";
import { Referrers } from "./referrers.ts";
import { RegistrySession } from "./registry_session.ts";
import type { StoreOptions } from "./store_options.ts";

const TAGS_PER_PAGE = 1000;
/** The digest of a manifest, as the registry sees it (distribution-spec, "Legacy Docker support"). */
const DIGEST_FIELD = "docker-content-digest";

/** See the module. */
export class RegistryStore implements ArtifactStore {
  readonly location: string;
  readonly #place: RegistryLocation;
  readonly #session: RegistrySession;

  /** Nothing is sent yet. Throws RegistryError "usage" where the location is none. */
  constructor(location: string, options: StoreOptions) {
    this.#place = parseLocation(location, options.plain_http);
    this.location = this.#place.location;
    this.#session = new RegistrySession(this.#place, options);
  }

  /** The repository's name in the registry. Throws RegistryError "usage". */
  #repository(name: string): string {
    const { prefix } = this.#place;
    const repository = prefix === "" ? name : `${prefix}/${name}`;
    checkRepository(name);
    checkRepository(repository);
    return repository;
  }

  async readManifest(
    name: string,
    reference: string,
    { signal }: TransferOptions = {},
  ): Promise<StoredManifest | undefined> {
    const repository = this.#repository(name);
    checkReference(reference);
    return await this.#session.guarded(async () => {
      const answer = await this.#session.send({
        method: "GET",
        url: this.#session.url(repository, `/manifests/${reference}`),
        headers: { accept: OciType.MANIFEST },
        repository,
        write: false,
        signal,
      });
      if (answer.status === 404) return answer.body.cancel();
      const place = `${name}:${reference} in ${this.location}`;
      if (answer.status === 200) return await this.#manifest(place, reference, answer);
      throw await this.#session.problem(answer, `give ${place}`);
    }) ?? undefined;
  }

  /** A manifest out of an answer: of the digest that was asked for, or else that the answer names. */
  async #manifest(
    place: string,
    reference: string,
    { headers, body }: HttpAnswer,
  ): Promise<StoredManifest> {
    const bytes = await body.readAll(PackageLimit.OCI_MANIFEST);
    const digest = digestOf(bytes);
    const told = headers[DIGEST_FIELD];
    const expected = isDigest(reference) ? reference : told;
    if (typeof expected === "string" && expected !== digest) {
      throw this.#session.untrusted(`sends other bytes than were asked for ${place}`);
    }
    const manifest = parseArtifactManifest(place, bytes);
    const { mediaType, artifactType } = manifest;
    return { descriptor: { mediaType, digest, size: bytes.length, artifactType }, manifest, bytes };
  }

  async readBlob(
    name: string,
    descriptor: Descriptor,
    length_max: number,
    options: TransferOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const repository = this.#repository(name);
    const { digest, size } = descriptor;
    checkDigest(digest);
    if (size > length_max) {
      throw this.#session.untrusted(
        `has ${size} bytes for ${digest}; at most ${length_max} are taken`,
      );
    }
    const download = new BlobDownload(this.#session, repository, descriptor, options);
    return await this.#session.guarded(() => download.run());
  }

  async writeBlob(
    name: string,
    mediaType: string,
    bytes: Uint8Array<ArrayBuffer>,
    options: TransferOptions = {},
  ): Promise<Descriptor> {
    const repository = this.#repository(name);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    const upload = new BlobUpload(this.#session, repository, descriptor, bytes, options);
    await this.#session.guarded(() => upload.run());
    return descriptor;
  }

  async writeManifest(
    name: string,
    manifest: ArtifactManifest,
    tag?: string,
    options: TransferOptions = {},
  ): Promise<Descriptor> {
    const repository = this.#repository(name);
    if (tag !== undefined) checkTag(tag);
    const bytes = formatManifest(manifest);
    const { mediaType, artifactType, subject } = manifest;
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length, artifactType };
    const { signal } = options;
    await this.writeBlob(name, EMPTY_DESCRIPTOR.mediaType, EMPTY_BYTES, { signal });
    await this.#session.guarded(async () => {
      const place = `${name}:${tag ?? descriptor.digest} in ${this.location}`;
      const answer = await this.#session.send({
        method: "PUT",
        url: this.#session.url(repository, `/manifests/${tag ?? descriptor.digest}`),
        headers: { "content-type": mediaType },
        body: bytes,
        repository,
        write: true,
        signal,
      });
      if (answer.status !== 201) throw await this.#session.problem(answer, `take ${place}`);
      answer.body.cancel();
      const { [DIGEST_FIELD]: told, "oci-subject": listed } = answer.headers;
      if (told !== undefined && told !== descriptor.digest) {
        throw this.#session.untrusted(`kept other bytes than were sent for ${place}`);
      }
      // A registry without the referrers API says nothing of the subject.
      if (subject === undefined || listed !== undefined) return;
      const referrers = new Referrers(this.#session, repository, { signal });
      await referrers.addToFallback(subject.digest, descriptor);
    });
    return descriptor;
  }

  async tags(name: string, { signal }: TransferOptions = {}): Promise<string[]> {
    const repository = this.#repository(name);
    const url = this.#session.url(repository, `/tags/list?n=${TAGS_PER_PAGE}`);
    const request = { method: "GET" as const, url, repository, write: false, signal };
    return await this.#session.guarded(async () => {
      const tags = new Set<string>();
      for await (
        const { bytes } of pages(this.#session, request, (answer) => this.#isList(answer))
      ) {
        for (const tag of this.#tags(name, bytes)) tags.add(tag);
        if (tags.size >= PackageLimit.TAGS_COUNT) break;
      }
      return [...tags].slice(0, PackageLimit.TAGS_COUNT);
    });
  }

  async #isList(answer: HttpAnswer): Promise<boolean> {
    if (answer.status === 200 || answer.status === 404) return answer.status === 200;
    throw await this.#session.problem(answer, "list tags");
  }

  #tags(name: string, bytes: Uint8Array): string[] {
    const place = `the list of tags of ${name} in ${this.location}`;
    const value = parseJson(place, bytes, PackageLimit.OCI_INDEX);
    const tags = isObject(value) ? value.tags ?? [] : undefined;
    if (!Array.isArray(tags)) throw this.#session.untrusted(`sends no list for ${place}`);
    return tags.filter((tag): tag is string => {
      if (typeof tag === "string" && isTag(tag)) return !isFallbackTag(tag);
      throw this.#session.untrusted(`has ${shown(String(tag))} in ${place}`);
    });
  }

  async referrers(
    name: string,
    digest: Digest,
    artifactType: string,
    options: TransferOptions = {},
  ): Promise<Descriptor[]> {
    const repository = this.#repository(name);
    checkDigest(digest);
    const referrers = new Referrers(this.#session, repository, options);
    return await this.#session.guarded(() => referrers.list(digest, artifactType));
  }
}
