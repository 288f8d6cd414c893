/**
 * Who refers to a manifest (distribution-spec 1.1, "Listing Referrers"): by the registry's API, and
 * where it has none by a list that clients keep under a tag.
 *
 * @module
 */
import {
  type Descriptor,
  type Digest,
  RegistryError,
  type TransferOptions,
} from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import type { HttpAnswer } from "./http_transport.ts";
import {
  formatImageIndex,
  isObject,
  OciType,
  parseDescriptor,
  parseImageIndex,
} from "./manifest.ts";
import { fallbackTag } from "./name.ts";
import { AnswerLimit } from "./network_limit.ts";
import { pages } from "./pages.ts";
import type { RegistrySession } from "./registry_session.ts";
import { backoff } from "./retry.ts";
import { sleep } from "./wait.ts";

const CONFLICT: readonly number[] = [409, 412];
/** What registries answer that do not know the API: 404, and in practice others that say so. */
const NO_API: readonly number[] = [200, 400, 404, 405, 406, 501];

function isIndex({ status, headers }: HttpAnswer): boolean {
  const [mediaType] = (headers["content-type"] ?? "").split(";");
  return status === 200 && mediaType.trim() === OciType.INDEX;
}

/** A write of what replaces nothing else than was read (RFC 9110 13.1), where the registry knows that. */
function conditionOf(there: boolean, etag: string | undefined): Readonly<Record<string, string>> {
  if (!there) return { "if-none-match": "*" };
  return etag === undefined ? {} : { "if-match": etag };
}

/** What a list says of one manifest, as far as callers use it. */
function listed({ mediaType, digest, size, artifactType }: Descriptor): Descriptor {
  return { mediaType, digest, size, artifactType };
}

/** A list of referrers that clients keep. */
interface FallbackList {
  readonly entries: readonly Descriptor[];
  /** As they stand there: what others wrote is kept. */
  readonly raw: readonly unknown[];
  readonly there: boolean;
  /** Its entity tag, where the registry has such. */
  readonly etag: string | undefined;
}

/** See the module; serves one repository. */
export class Referrers {
  readonly #session: RegistrySession;
  readonly #repository: string;
  readonly #options: TransferOptions;

  constructor(session: RegistrySession, repository: string, options: TransferOptions) {
    this.#session = session;
    this.#repository = repository;
    this.#options = options;
  }

  /** Descriptors of manifests whose type is `artifactType`; throws HttpFailure or RegistryError. */
  async list(digest: Digest, artifactType: string): Promise<Descriptor[]> {
    const query = `?artifactType=${encodeURIComponent(artifactType)}`;
    const url = this.#session.url(this.#repository, `/referrers/${digest}${query}`);
    const found: Descriptor[] = [];
    let supported = false;
    const accept = async (answer: HttpAnswer) => {
      if (isIndex(answer)) return supported = true;
      if (!supported && NO_API.includes(answer.status)) return false;
      throw await this.#session.problem(answer, "list referrers");
    };
    for await (const { answer, bytes } of pages(this.#session, this.#request(url), accept)) {
      found.push(...this.#parse(`the referrers at ${answer.url.origin}`, bytes));
      this.#checkCount(found.length);
    }
    const all = supported ? found : (await this.#fallback(digest)).entries;
    return all.filter((one) => one.artifactType === artifactType).map(listed);
  }

  #request(url: URL) {
    const { signal } = this.#options;
    return {
      method: "GET" as const,
      url,
      headers: { accept: OciType.INDEX },
      repository: this.#repository,
      write: false,
      signal,
    };
  }

  #parse(place: string, bytes: Uint8Array): Descriptor[] {
    const entries = parseImageIndex(place, bytes);
    this.#checkCount(entries.length);
    return entries.map((entry, index) => parseDescriptor(`${place}: manifests[${index}]`, entry));
  }

  #checkCount(count: number): void {
    if (count <= AnswerLimit.REFERRERS_COUNT) return;
    throw this.#session.untrusted(`lists more than ${AnswerLimit.REFERRERS_COUNT} referrers`);
  }

  #fallbackUrl(digest: Digest): URL {
    return this.#session.url(this.#repository, `/manifests/${fallbackTag(digest)}`);
  }

  /** The list under the tag. */
  async #fallback(digest: Digest): Promise<FallbackList> {
    const answer = await this.#session.send(this.#request(this.#fallbackUrl(digest)));
    if (answer.status === 404) {
      answer.body.cancel();
      return { entries: [], raw: [], there: false, etag: undefined };
    }
    if (answer.status !== 200) throw await this.#session.problem(answer, "list referrers");
    if (!isIndex(answer)) {
      answer.body.cancel();
      throw this.#session.untrusted(`has no list under the tag ${fallbackTag(digest)}`);
    }
    const bytes = await answer.body.readAll(PackageLimit.OCI_INDEX);
    const place = `${fallbackTag(digest)} at ${answer.url.origin}`;
    const entries = this.#parse(place, bytes);
    const { etag } = answer.headers;
    return { entries, raw: parseImageIndex(place, bytes), there: true, etag };
  }

  /**
   * Puts a manifest into the list under the tag, for registries without the API. Others may do so at
   * the same time: where the registry does not hold with If-Match, the list is read again, after a
   * while, and put right.
   */
  async addToFallback(subject: Digest, entry: Descriptor): Promise<void> {
    const { limits } = this.#session;
    const attempts_count = limits.attempts_count * 2;
    for (let attempt = 1; attempt <= attempts_count; attempt++) {
      const { entries, raw, there, etag } = await this.#fallback(subject);
      if (entries.some(({ digest }) => digest === entry.digest)) return;
      const written = await this.#write(
        subject,
        [...raw.filter(isObject), entry],
        conditionOf(there, etag),
      );
      await sleep(backoff(written ? 1 : attempt, limits), this.#options.signal);
    }
    throw new RegistryError(
      "unavailable",
      `Others keep writing to the tag ${fallbackTag(subject)}`,
      "Try again later.",
    );
  }

  /** False where somebody else was faster. */
  async #write(
    subject: Digest,
    entries: readonly unknown[],
    condition: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const body = formatImageIndex(entries);
    const answer = await this.#session.send({
      ...this.#request(this.#fallbackUrl(subject)),
      method: "PUT",
      headers: { "content-type": OciType.INDEX, ...condition },
      body,
      write: true,
    });
    if (answer.status === 201 || CONFLICT.includes(answer.status)) {
      answer.body.cancel();
      return answer.status === 201;
    }
    throw await this.#session.problem(answer, "take a list of referrers");
  }
}
