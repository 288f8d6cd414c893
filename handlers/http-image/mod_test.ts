import assert from "node:assert/strict";
import {
  testContext,
  type TestServer,
  TestState,
  TestStorage,
  testVolume,
} from "lunette/plugin/testing";
import { CHUNK_LENGTH, open } from "./mod.ts";

const url = "https://images.test/disk.img";
const { signal } = new AbortController();

/** An image and its server. */
class Server {
  bytes: Uint8Array<ArrayBuffer>;
  version: string | undefined = '"one"';
  requests: string[] = [];
  /** What to answer in the place of the image. */
  instead: (() => Response) | undefined;

  constructor(length = 3 * CHUNK_LENGTH) {
    this.bytes = new Uint8Array(length).map((_, index) => (index * 7 + (index >> 10)) & 0xff);
  }

  readonly answer: TestServer = (request) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    this.requests.push(request.headers.get("range") ?? "all");
    if (this.instead !== undefined) return this.instead();
    const match = request.headers.get("if-match");
    if (match !== null && match !== this.version) return new Response(null, { status: 412 });
    assert.ok(range !== null);
    const [first, last] = [Number(range[1]), Number(range[2])];
    return new Response(this.bytes.slice(first, last + 1), {
      status: 206,
      headers: {
        "content-range": `bytes ${first}-${last}/${this.bytes.length}`,
        ...(this.version === undefined ? {} : { etag: this.version }),
      },
    });
  };
}

/** What stays when the handler is opened again. */
class Kept {
  readonly cache = new TestStorage(4096 + 2 * (CHUNK_LENGTH + 8));
  readonly identity = new TestState(4096);
}

function openWith(server: Server, kept = new Kept(), configuration = {}) {
  const context = testContext({
    https: { image: server.answer },
    memories: { cache: kept.cache },
    states: { identity: kept.identity },
  });
  return open(context, { url, ...configuration });
}

testVolume("http-image", () => openWith(new Server()));
testVolume(
  "http-image, 4096 bytes in a block",
  () => openWith(new Server(100_000), new Kept(), { blockSize: 4096 }),
);

async function read(volume: Awaited<ReturnType<typeof open>>, offset: number, length: number) {
  const into = new Uint8Array(length).fill(0xa5);
  await volume.read(offset, into, { signal });
  return into;
}

Deno.test("read() gives the image's bytes, fetched once, also across chunks", async () => {
  const server = new Server();
  const volume = await openWith(server);
  assert.equal(volume.size, server.bytes.length);
  assert.equal(volume.write, undefined);
  server.requests = [];
  const across = CHUNK_LENGTH - 512;
  assert.deepEqual(await read(volume, across, 1024), server.bytes.slice(across, across + 1024));
  assert.deepEqual(server.requests, [
    `bytes=0-${CHUNK_LENGTH - 1}`,
    `bytes=${CHUNK_LENGTH}-${2 * CHUNK_LENGTH - 1}`,
  ]);
  // From the cache, and without a promise.
  const into = new Uint8Array(512);
  assert.equal(volume.read(4096, into, { signal }), undefined);
  assert.deepEqual(into, server.bytes.slice(4096, 4608));
  await Promise.all([0, 512, 1024].map((offset) => read(volume, 2 * CHUNK_LENGTH + offset, 512)));
  assert.equal(server.requests.length, 3);
});

Deno.test("read() fills the last block with zeros", async () => {
  const server = new Server(1000);
  const volume = await openWith(server);
  assert.equal(volume.size, 1024);
  const last = await read(volume, 512, 512);
  assert.deepEqual(last.subarray(0, 488), server.bytes.slice(512));
  assert.ok(last.subarray(488).every((byte) => byte === 0));
});

Deno.test("a new process finds what the one before has read", async () => {
  const server = new Server();
  const kept = new Kept();
  await read(await openWith(server, kept), 0, 512);
  server.requests = [];
  const again = await openWith(server, kept);
  assert.deepEqual(await read(again, 512, 512), server.bytes.slice(512, 1024));
  assert.deepEqual(server.requests, ["bytes=0-0"]);
});

Deno.test("a slot that another chunk takes has no bytes of the one before", async () => {
  const server = new Server(3 * CHUNK_LENGTH);
  const volume = await openWith(server);
  // Two slots: chunks 0 and 2 share one.
  for (const chunk of [0, 2, 0, 2]) {
    const at = chunk * CHUNK_LENGTH + 1024;
    assert.deepEqual(await read(volume, at, 512), server.bytes.slice(at, at + 512));
  }
});

Deno.test("an image that changes is an error, for what was read before, too", async () => {
  for (const version of ['"two"', 'W/"two"', undefined]) {
    const server = new Server();
    const kept = new Kept();
    const volume = await openWith(server, kept);
    await read(volume, 0, 512);
    server.version = version;
    await assert.rejects(read(volume, CHUNK_LENGTH, 512), { code: "medium-error" });
    await assert.rejects(() => read(volume, 0, 512), { code: "medium-error", message: /changed/ });
    // Nor is the new one served under the same name.
    await assert.rejects(openWith(server, kept), { code: "medium-error" });
  }
});

Deno.test("an image with a weak version is compared by what each answer says", async () => {
  const server = new Server();
  server.version = 'W/"one"';
  const volume = await openWith(server);
  await read(volume, 0, 512);
  server.version = 'W/"two"';
  await assert.rejects(read(volume, CHUNK_LENGTH, 512), { code: "medium-error" });
});

Deno.test("a server without ranges, or without versions, is refused", async () => {
  const plain = new Server();
  plain.instead = () => new Response("x", { headers: { etag: '"one"' } });
  await assert.rejects(openWith(plain), { message: /answers a range with 200/ });
  const nameless = new Server();
  nameless.version = undefined;
  await assert.rejects(openWith(nameless), { message: /neither ETag nor Last-Modified/ });
});

Deno.test("wrong answers are medium errors, and passing ones are tried again", async () => {
  const server = new Server();
  const volume = await openWith(server);
  const headers = { etag: '"one"', "content-range": `bytes 0-9/${server.bytes.length}` };
  server.instead = () => new Response("0123456789", { status: 206, headers });
  await assert.rejects(read(volume, 0, 512), { code: "medium-error", message: /with 206/ });
  let failures = 0;
  server.instead = () => {
    server.instead = undefined;
    failures++;
    throw new TypeError("connection reset");
  };
  assert.deepEqual(await read(volume, 0, 512), server.bytes.slice(0, 512));
  assert.equal(failures, 1);
});

Deno.test("a read that has failed touches its buffer no more", async () => {
  const server = new Server();
  const slow = Promise.withResolvers<void>();
  const { answer } = server;
  const context = testContext({
    https: {
      image: async (request) => {
        const range = request.headers.get("range");
        if (range === `bytes=${CHUNK_LENGTH}-${2 * CHUNK_LENGTH - 1}`) await slow.promise;
        else if (range?.startsWith("bytes=0-2")) return new Response("x");
        return await answer(request);
      },
    },
    memories: { cache: 1 << 20 },
    states: { identity: 4096 },
  });
  const volume = await open(context, { url });
  const into = new Uint8Array(1024).fill(0xa5);
  let ended = false;
  const reading = Promise.resolve(volume.read(CHUNK_LENGTH - 512, into, { signal }))
    .finally(() => ended = true);
  reading.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ended, false);
  slow.resolve();
  await assert.rejects(reading, { code: "medium-error" });
});
