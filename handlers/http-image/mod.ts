/**
 * A read-only disk from an image on an HTTP server: what is read is fetched in ranges and kept in a
 * cache. The disk is of one version of the image for as long as it exists; another one is an error, and
 * never mixed with it.
 *
 * @module
 */
import {
  type Configuration,
  type Context,
  HandlerError,
  type StateCapability,
  type Volume,
} from "lunette/plugin";
import { ChunkCache } from "./cache.ts";
import { identify, type Identity, Image } from "./image.ts";

/** Bytes that are fetched at once. */
export const CHUNK_LENGTH = 262144;

/** The version that this disk is: the one that it was made with. */
async function keepIdentity(state: StateCapability, url: string, found: Identity): Promise<void> {
  const text = JSON.stringify([url, found.size, found.version]);
  const kept = await state.get("identity");
  if (kept === undefined) return await state.set("identity", new TextEncoder().encode(text));
  const before = new TextDecoder().decode(kept);
  if (before === text) return;
  throw new HandlerError(
    "medium-error",
    `this disk was made of ${before}, and now there is ${text}: create it anew for that`,
  );
}

async function markOf(url: string, { size, version }: Identity): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify([url, size, version]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}

/** Called once. */
export async function open(context: Context, configuration: Configuration): Promise<Volume> {
  const url = configuration.url as string;
  const blockSize = (configuration.blockSize ?? 512) as number;
  const web = context.http("image");
  const identity = await identify(web, url);
  await keepIdentity(context.state("identity"), url, identity);
  const image = new Image(web, url, identity, context.log);
  const cache = new ChunkCache(context.memory("cache"), CHUNK_LENGTH, await markOf(url, identity));
  context.log.info(`${url} has ${identity.size} bytes, version ${identity.version}`);
  return makeVolume(image, cache, blockSize);
}

function makeVolume(image: Image, cache: ChunkCache, blockSize: number): Volume {
  const { size: image_bytes } = image.identity;
  /** Chunks on their way, each fetched once. */
  const fetching = new Map<number, Promise<Uint8Array>>();

  async function fetchChunk(chunk: number): Promise<Uint8Array> {
    const offset = chunk * CHUNK_LENGTH;
    // The last block may reach past the image: zeros.
    const bytes = new Uint8Array(CHUNK_LENGTH);
    bytes.set(await image.read(offset, Math.min(CHUNK_LENGTH, image_bytes - offset)));
    cache.write(chunk, bytes);
    return bytes;
  }

  function chunkOf(chunk: number): Promise<Uint8Array> {
    const known = fetching.get(chunk);
    if (known !== undefined) return known;
    const made = fetchChunk(chunk).finally(() => fetching.delete(chunk));
    fetching.set(chunk, made);
    return made;
  }

  async function fetchPart(chunk: number, from: number, part: Uint8Array): Promise<void> {
    part.set((await chunkOf(chunk)).subarray(from, from + part.length));
  }

  /** Waits for each, also after a failure: `into` is not this read's any more when it has ended. */
  async function allOf(parts: readonly Promise<void>[]): Promise<void> {
    for (const part of await Promise.allSettled(parts)) {
      if (part.status === "rejected") throw part.reason;
    }
    image.check();
  }

  return {
    size: Math.ceil(image_bytes / blockSize) * blockSize,
    blockSize,

    read(offset, into): void | Promise<void> {
      image.check();
      const missing: Promise<void>[] = [];
      for (let done = 0; done < into.length;) {
        const chunk = Math.floor((offset + done) / CHUNK_LENGTH);
        const from = offset + done - chunk * CHUNK_LENGTH;
        const part = into.subarray(done, done + CHUNK_LENGTH - from);
        if (cache.has(chunk)) cache.read(chunk, from, part);
        else missing.push(fetchPart(chunk, from, part));
        done += part.length;
      }
      // What is in the cache is answered at once, without a promise.
      if (missing.length > 0) return allOf(missing);
    },
  };
}
