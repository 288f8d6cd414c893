/**
 * For tests: a registry in memory (distribution-spec 1.1) that can be told to behave otherwise, and
 * servers that behave as they like.
 *
 * @module
 */
import type { ArtifactStore } from "../artifact_store.ts";
import { digestOf } from "./digest.ts";
import { isObject, OciType } from "./manifest.ts";
import { openStore, type StoreOptions } from "./store.ts";

type Answer = Response | undefined | void;

/** An HTTP server on loopback. */
export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** For who waits in vain. */
export const IMPATIENT = { connect_ms: 300, answer_ms: 300, window_ms: 300, window_bytes: 1000 };
/** For all others: a machine may be busy. */
const PATIENT = { connect_ms: 10_000, answer_ms: 10_000, window_ms: 10_000, window_bytes: 1000 };

/** Opens `market` there, without an environment and with short pauses. */
export function openTest(
  { host }: { readonly host: string },
  options: StoreOptions = {},
): ArtifactStore {
  const limits = { ...PATIENT, backoff_ms: 1, backoff_max_ms: 2, ...options.limits };
  const environment = { get: () => undefined };
  return openStore(`oci://${host}/market`, { environment, ...options, limits });
}

/** Serves requests until it is disposed. */
export function serve(
  handler: (request: Request) => Response | Promise<Response>,
  tls?: { readonly cert: string; readonly key: string },
): TestServer {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls };
  const server = Deno.serve(options, handler);
  const { port } = server.addr as Deno.NetAddr;
  return { host: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A connection, of which a request has been read. */
export interface RawExchange {
  /** Head of the request, and what came with it. */
  readonly head: string;
  write(text: string | Uint8Array): Promise<void>;
  /** Rejects when the server ends. */
  sleep(delay_ms: number): Promise<void>;
}

/** Serves bytes: one call for each connection, which ends with it. */
export function serveRaw(handler: (exchange: RawExchange) => Promise<void>): TestServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const work: Promise<void>[] = [];
  const exchange = async (connection: Deno.TcpConn) => {
    const buffer = new Uint8Array(65_536);
    const length = await connection.read(buffer) ?? 0;
    await handler({
      head: new TextDecoder().decode(buffer.subarray(0, length)),
      write: async (data) => {
        let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
        while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
      },
      sleep: (delay_ms) =>
        Promise.race([
          ended.promise,
          new Promise<void>((resolve) => timers.add(setTimeout(resolve, delay_ms))),
        ]),
    });
  };
  const accept = async () => {
    for await (const connection of listener) {
      work.push(exchange(connection).catch(() => {}).finally(() => connection.close()));
    }
  };
  const accepting = accept();
  return {
    host: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      ended.reject(new Error("the server ends"));
      for (const timer of timers) clearTimeout(timer);
      await accepting;
      await Promise.all(work);
    },
  };
}

/** How a {@linkcode MemoryRegistry} behaves. */
export interface Behaviour {
  /** The referrers API. */
  readonly referrers?: boolean;
  /** Entity tags, and If-Match. */
  readonly conditions?: boolean;
  readonly tags_per_page?: number;
  /** Longest body of a request, in bytes. */
  readonly body_max?: number;
  /** Answers instead. */
  readonly intercept?: (request: Request, url: URL) => Answer | Promise<Answer>;
}

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
}

const ROUTE = /^\/v2\/(.+)\/(blobs|manifests|tags|referrers)\/(.*)$/;

/** See the module; holds one set of blobs for all repositories. */
export class MemoryRegistry implements TestServer {
  readonly host: string;
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  /** By repository, `:` and digest or tag. */
  readonly manifests = new Map<string, Stored>();
  /** `GET /v2/...`, in order. */
  readonly requests: string[] = [];
  readonly #uploads = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #behaviour: Behaviour;
  readonly #server: TestServer;

  constructor(behaviour: Behaviour = {}, tls?: { cert: string; key: string }) {
    this.#behaviour = behaviour;
    this.#server = serve((request) => this.#serve(request), tls);
    this.host = this.#server.host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #serve(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    const instead = await this.#behaviour.intercept?.(request, url);
    if (instead) return instead;
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > (this.#behaviour.body_max ?? Infinity)) {
      return new Response("", { status: 413 });
    }
    const [, repository, what, rest] = ROUTE.exec(url.pathname) ?? [];
    const handlers: Readonly<Record<string, () => Response>> = {
      blobs: () =>
        rest.startsWith("uploads/") ? this.#upload(request, url, bytes) : this.#blob(rest),
      manifests: () => this.#manifest(request, repository, rest, bytes),
      tags: () => this.#tags(repository, url),
      referrers: () => this.#referrers(repository, rest),
    };
    return handlers[what]?.() ?? missing();
  }

  #upload(request: Request, url: URL, bytes: Uint8Array<ArrayBuffer>): Response {
    if (request.method === "POST") {
      const id = crypto.randomUUID();
      this.#uploads.set(id, new Uint8Array());
      return new Response("", {
        status: 202,
        headers: { location: `${url.pathname}${id}?state=a%2Fb` },
      });
    }
    const id = url.pathname.split("/").at(-1) ?? "";
    const before = this.#uploads.get(id);
    if (before === undefined || url.searchParams.get("state") !== "a/b") return missing();
    const range = request.headers.get("content-range");
    if (range !== null && Number(range.split("-")[0]) !== before.length) {
      return new Response("", { status: 416 });
    }
    const whole = new Uint8Array(before.length + bytes.length);
    whole.set(before);
    whole.set(bytes, before.length);
    this.#uploads.set(id, whole);
    if (request.method === "PATCH") {
      return new Response("", { status: 202, headers: { location: url.pathname + url.search } });
    }
    const digest = digestOf(whole);
    if (url.searchParams.get("digest") !== digest) return new Response("", { status: 400 });
    this.blobs.set(digest, whole);
    return new Response("", { status: 201 });
  }

  #blob(digest: string): Response {
    const bytes = this.blobs.get(digest);
    return bytes === undefined
      ? missing()
      : new Response(bytes, { headers: { "content-length": String(bytes.length) } });
  }

  #manifest(
    request: Request,
    repository: string,
    reference: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Response {
    const there = this.manifests.get(`${repository}:${reference}`);
    const etag = there === undefined ? undefined : `"${digestOf(there.bytes)}"`;
    const conditions = this.#behaviour.conditions === true;
    if (request.method === "PUT") {
      const condition = request.headers.get("if-match");
      const fails = conditions && ((condition !== null && condition !== etag) ||
        (request.headers.get("if-none-match") === "*" && there !== undefined));
      return fails
        ? new Response("", { status: 412 })
        : this.#put(request, repository, reference, bytes);
    }
    if (there === undefined) return missing();
    const headers: Record<string, string> = {
      "content-type": there.mediaType,
      "docker-content-digest": digestOf(there.bytes),
    };
    if (conditions && etag !== undefined) headers.etag = etag;
    return new Response(there.bytes, { headers });
  }

  #put(request: Request, repository: string, reference: string, bytes: Uint8Array<ArrayBuffer>) {
    const digest = digestOf(bytes);
    const stored = { bytes, mediaType: request.headers.get("content-type") ?? "" };
    for (const name of [reference, digest]) this.manifests.set(`${repository}:${name}`, stored);
    const { subject } = JSON.parse(new TextDecoder().decode(bytes));
    const listed = this.#behaviour.referrers === true && isObject(subject);
    const headers: Record<string, string> = { "docker-content-digest": digest };
    if (listed) headers["oci-subject"] = String(subject.digest);
    return new Response("", { status: 201, headers });
  }

  #tags(repository: string, url: URL): Response {
    const all = [...this.manifests.keys()].filter((key) => key.startsWith(`${repository}:`))
      .map((key) => key.slice(repository.length + 1)).filter((tag) => !tag.includes(":"))
      .toSorted();
    const size = this.#behaviour.tags_per_page ?? 1000;
    const begin = all.indexOf(url.searchParams.get("last") ?? "") + 1;
    const tags = all.slice(begin, begin + size);
    const more = begin + size < all.length;
    const link = `<${url.pathname}?n=${size}&last=${tags.at(-1)}>; rel="next"`;
    return Response.json({ name: repository, tags }, { headers: more ? { link } : {} });
  }

  #referrers(repository: string, digest: string): Response {
    if (this.#behaviour.referrers !== true) return missing();
    const manifests: unknown[] = [];
    for (const [key, { bytes, mediaType }] of this.manifests) {
      const { subject, artifactType } = JSON.parse(new TextDecoder().decode(bytes));
      if (!key.startsWith(`${repository}:sha256:`) || subject?.digest !== digest) continue;
      manifests.push({ mediaType, digest: digestOf(bytes), size: bytes.length, artifactType });
    }
    return Response.json(
      { schemaVersion: 2, mediaType: OciType.INDEX, manifests },
      { headers: { "content-type": OciType.INDEX } },
    );
  }
}

function missing(): Response {
  return Response.json({ errors: [{ code: "UNKNOWN", message: "not here" }] }, { status: 404 });
}
