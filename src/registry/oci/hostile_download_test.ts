import assert from "node:assert/strict";
import { digestOf } from "./digest.ts";
import { IMPATIENT, openTest, type RawExchange, serve, serveRaw } from "./registry_double.ts";
import { refused, REPOSITORY, TYPE, utf8 } from "./store_double.ts";

/** None of what follows may take longer. */
const PATIENCE_MS = 9_000;

const content = utf8("0123456789".repeat(10_000));
const blob = { mediaType: TYPE, digest: digestOf(content), size: content.length };

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";

async function endless({ write }: RawExchange, head: string): Promise<void> {
  const piece = "x".repeat(65_536);
  await write(`${head}${CHUNKED}`);
  for (;;) await write(`10000\r\n${piece}\r\n`);
}

/** What a server does with a connection, and what comes of reading a manifest and a blob there. */
const cases: [
  title: string,
  serve: (exchange: RawExchange) => Promise<void>,
  manifest: ["untrusted" | "unavailable", string],
  blob?: ["untrusted" | "unavailable", string],
][] = [
  ["nothing, for long", ({ sleep }) => sleep(60_000), ["unavailable", "did not answer in time"]],
  ["an end without an answer", () => Promise.resolve(), ["unavailable", "Cannot reach"]],
  ["what is no HTTP", ({ write }) => write("\0\x01SSH-2.0-x\r\n\r\n"), [
    "untrusted",
    "Cannot reach",
  ]],
  [
    "a head without end",
    async ({ write }) => {
      await write(OK);
      for (;;) await write(`X-${"a".repeat(100)}: ${"b".repeat(1000)}\r\n`);
    },
    ["untrusted", "Cannot reach"],
  ],
  [
    "interim answers without end",
    async ({ write, sleep }) => {
      for (;;) {
        await write("HTTP/1.1 100 Continue\r\n\r\n");
        await sleep(20);
      }
    },
    ["unavailable", "did not answer in time"],
  ],
  [
    "a head, and then nothing",
    async ({ write, sleep }) => {
      await write(`${OK}Content-Length: ${content.length}\r\n\r\n0123`);
      await sleep(60_000);
    },
    ["untrusted", "more than 65536"],
    ["unavailable", "in time"],
  ],
  [
    "drop by drop",
    async ({ write, sleep }) => {
      await write(`${OK}${CHUNKED}`);
      for (;;) {
        await write("1\r\n0\r\n");
        await sleep(20);
      }
    },
    ["unavailable", "in time"],
  ],
  ["a body without end", (exchange) => endless(exchange, OK), ["untrusted", "more than 65536"], [
    "untrusted",
    "sends more than the 100000 bytes",
  ]],
  [
    "an error without end",
    (exchange) => endless(exchange, "HTTP/1.1 500 No\r\n"),
    ["unavailable", "answers 500"],
  ],
  [
    "a length that is none",
    ({ write }) => write(`${OK}Content-Length: -1\r\n\r\nx`),
    ["untrusted", "Cannot reach"],
  ],
  [
    "two lengths",
    ({ write }) => write(`${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n012345`),
    ["untrusted", "Cannot reach"],
  ],
  [
    "a length of terabytes",
    ({ write }) => write(`${OK}Content-Length: 1099511627776\r\n\r\n0`),
    ["untrusted", "more than 65536"],
    ["untrusted", "sends 1099511627776 bytes where 100000 were promised"],
  ],
  [
    "less than promised, told so",
    ({ write }) => write(`${OK}Content-Length: 10\r\n\r\n0123456789`),
    ["untrusted", "is not JSON"],
    ["untrusted", "sends 10 bytes where 100000 were promised"],
  ],
  [
    "less than promised, in silence",
    ({ write }) => write(`${OK}${CHUNKED}a\r\n0123456789\r\n0\r\n\r\n`),
    ["untrusted", "is not JSON"],
    ["untrusted", "sends 10 bytes where 100000 were promised"],
  ],
  [
    "less than it tells, each time",
    ({ write }) => write(`${OK}Content-Length: ${content.length}\r\n\r\n`),
    ["untrusted", "more than 65536"],
    ["unavailable", "Cannot reach"],
  ],
  [
    "compressed bytes",
    ({ write }) => write(`${OK}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n01234`),
    ["untrusted", "compressed"],
  ],
  [
    "another protocol",
    ({ write }) => write("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ["untrusted", "Cannot reach"],
  ],
];

for (const [title, server, [kind, words], other] of cases) {
  Deno.test(`hostile registry: ${title}`, async () => {
    await using registry = serveRaw(server);
    const begin_ms = performance.now();
    const store = (words: string) =>
      openTest(registry, words.includes("in time") ? { limits: IMPATIENT } : {});
    await refused(kind, words, store(words).readManifest(REPOSITORY, "1.0.0"));
    const [blob_kind, blob_words] = other ?? [kind, words];
    const read = store(blob_words).readBlob(REPOSITORY, blob, content.length);
    await refused(blob_kind, blob_words, read);
    assert.ok(performance.now() - begin_ms < PATIENCE_MS);
  });
}

Deno.test("hostile registry: a connection that never begins TLS", async () => {
  await using registry = serveRaw(({ sleep }) => sleep(60_000));
  const store = openTest(registry, { plain_http: false, limits: IMPATIENT });
  await refused("unavailable", "did not answer in time", store.tags(REPOSITORY));
});

Deno.test("hostile registry: nobody listens", async () => {
  const store = openTest({ host: "127.0.0.1:1" });
  await refused("unavailable", "ECONNREFUSED", store.tags(REPOSITORY));
});

Deno.test("hostile registry: a body that is not taken", async () => {
  await using registry = serveRaw(async ({ head, write, sleep }) => {
    if (head.startsWith("POST")) {
      await write("HTTP/1.1 202 A\r\nLocation: /u\r\nContent-Length: 0\r\n\r\n");
    } else if (head.startsWith("HEAD")) await write("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n");
    else await sleep(60_000);
  });
  const bytes = new Uint8Array(32 << 20);
  const store = openTest(registry, { limits: IMPATIENT });
  await refused("unavailable", "in time", store.writeBlob(REPOSITORY, TYPE, bytes));
});

/** Answers with a part of the content, and then breaks the connection. */
async function half({ head, write }: RawExchange, length: number): Promise<void> {
  const from = Number(/range: bytes=(\d+)-/i.exec(head)?.[1] ?? 0);
  const rest = content.length - from;
  const range = `Content-Range: bytes ${from}-${content.length - 1}/${content.length}\r\n`;
  const first = from === 0 ? OK : `HTTP/1.1 206 Partial Content\r\n${range}`;
  await write(`${first}Content-Length: ${rest}\r\n\r\n`);
  await write(content.subarray(from, from + length));
}

Deno.test("hostile registry: a download goes on where it broke", async () => {
  const heads: string[] = [];
  await using registry = serveRaw((exchange) => {
    heads.push(exchange.head);
    return half(exchange, 12_345);
  });
  const seen: number[] = [];
  const bytes = await openTest(registry).readBlob(REPOSITORY, blob, content.length, {
    onProgress: (done) => seen.push(done),
  });
  assert.deepEqual(bytes, content);
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  assert.equal(heads.length, 9);
});

Deno.test("hostile registry: a download that hardly goes on ends", async () => {
  let count = 0;
  await using registry = serveRaw((exchange) => {
    count++;
    return half(exchange, 10);
  });
  const read = openTest(registry).readBlob(REPOSITORY, blob, content.length);
  await refused("unavailable", "Cannot reach", read);
  assert.ok(count <= 4 + 1, `${count} requests`);
});

Deno.test("hostile registry: a download that goes on and begins anew in turns ends", async () => {
  let count = 0;
  await using registry = serveRaw(async (exchange) => {
    if (++count % 2 === 1 || count > 50) return await half(exchange, count > 50 ? 1e6 : 2000);
    await half({ ...exchange, head: "" }, 2000);
  });
  const read = openTest(registry).readBlob(REPOSITORY, blob, content.length);
  await refused("unavailable", "Cannot reach", read);
  assert.ok(count < 20, `${count} requests`);
});

/** Breaks the first answer in its middle; the second is this. */
function brokenThen(second: string, body: Uint8Array) {
  let count = 0;
  return serveRaw(async (exchange) => {
    if (count++ === 0) return await half(exchange, 50_000);
    await exchange.write(second);
    await exchange.write(body);
  });
}

Deno.test("hostile registry: a range that is ignored begins anew", async () => {
  await using registry = brokenThen(`${OK}Content-Length: ${content.length}\r\n\r\n`, content);
  const bytes = await openTest(registry).readBlob(REPOSITORY, blob, content.length);
  assert.deepEqual(bytes, content);
});

Deno.test("hostile registry: another range than asked is refused", async () => {
  const ranges = [
    "bytes 0-99999/100000",
    "bytes 50001-99999/100000",
    "bytes 50000-100000/100001",
    "bytes 50000-99999/100001",
    "bytes 50000-99998/100000",
    "bytes */100000",
    "",
  ];
  for (const range of ranges) {
    const head = `HTTP/1.1 206 P\r\nContent-Range: ${range}\r\nContent-Length: 50000\r\n\r\n`;
    await using registry = brokenThen(head, content.subarray(50_000));
    const read = openTest(registry).readBlob(REPOSITORY, blob, content.length);
    await refused("untrusted", "sends another range", read);
  }
});

Deno.test("hostile registry: other bytes after a break are refused", async () => {
  const range = "Content-Range: bytes 50000-99999/100000\r\n";
  const head = `HTTP/1.1 206 P\r\n${range}Content-Length: 50000\r\n\r\n`;
  await using registry = brokenThen(head, new Uint8Array(50_000));
  const read = openTest(registry).readBlob(REPOSITORY, blob, content.length);
  await refused("untrusted", "sends other bytes", read);
});

Deno.test("hostile registry: a part that nobody asked for is refused", async () => {
  await using registry = serve(() => new Response("x", { status: 206 }));
  const read = openTest(registry).readBlob(REPOSITORY, blob, content.length);
  await refused("unavailable", "answers 206", read);
});
