import assert from "node:assert/strict";
import type { FetchRequest, HttpRequest } from "../plugin/mod.ts";
import { BrokerRig, listen, serve } from "./broker_double.ts";
import type { HttpOptions } from "./http_client.ts";
import { systemResolver } from "./resolve.ts";

const encoder = new TextEncoder();

function rig(
  allowed: string,
  request: Partial<HttpRequest> = {},
  network: HttpOptions = {},
): BrokerRig {
  return new BrokerRig(
    { web: { kind: "http", ...request } },
    { addresses: { web: allowed }, network: { timeout_ms: 5000, ...network } },
  );
}

const names = (table: Record<string, string[]>): HttpOptions => ({
  resolver: { addresses: (host) => Promise.resolve(table[host] ?? []), own: () => [] },
});

Deno.test("fetch() gives status, header fields and the body as it comes", async () => {
  await using server = serve((request) => {
    const seen = Object.fromEntries(request.headers);
    return Response.json({ url: request.url, seen }, { status: 203, headers: { etag: '"a"' } });
  });
  await using broker = rig(server.url);
  const web = broker.guest().https.get("web");
  const response = await web!.fetch({
    url: `${server.url}/x?y=1#z`,
    headers: { Range: "bytes=0-1" },
  });
  assert.equal(response.status, 203);
  assert.equal(response.url, `${server.url}/x?y=1`);
  assert.equal(response.headers.get("etag"), '"a"');
  const { url, seen } = JSON.parse(await response.text());
  assert.equal(url, `${server.url}/x?y=1`);
  assert.equal(seen.range, "bytes=0-1");
  assert.equal(seen.host, `127.0.0.1:${server.port}`);
  assert.equal(seen["accept-encoding"], "identity");
});

Deno.test("fetch() carries large bodies both ways, in pieces", async () => {
  const large = new Uint8Array(3_000_001).map((_, index) => index * 7 >> 3);
  await using server = serve(async (request) => {
    const length = request.headers.get("content-length");
    const got = await request.bytes();
    return new Response(got, { headers: { "x-length": length ?? "none" } });
  });
  await using broker = rig(server.url, { methods: ["PUT"], maxRequestBytes: 1 << 22 });
  const web = broker.guest().https.get("web")!;
  const whole = await web.fetch({ url: server.url, method: "PUT", body: large });
  assert.equal(whole.headers.get("x-length"), String(large.length));
  assert.deepEqual(await whole.bytes(), large);
  async function* pieces() {
    for (let at = 0; at < large.length; at += 100_000) {
      await Promise.resolve();
      yield large.subarray(at, at + 100_000);
    }
  }
  const streamed = await web.fetch({ url: server.url, method: "PUT", body: pieces() });
  assert.equal(streamed.headers.get("x-length"), "none");
  assert.deepEqual(await streamed.bytes(), large);
});

Deno.test("fetch() keeps connections", async () => {
  let connections = 0;
  const ports = new Set<number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (_, info) => {
    const { port } = info.remoteAddr;
    if (!ports.has(port)) connections++;
    ports.add(port);
    return new Response("x");
  });
  {
    const url = `http://127.0.0.1:${server.addr.port}`;
    await using broker = rig(url);
    const web = broker.guest().https.get("web")!;
    for (let turn = 0; turn < 20; turn++) await (await web.fetch(url)).text();
  }
  await server.shutdown();
  assert.ok(connections <= 2, `${connections} connections for 20 requests`);
});

const refused: [title: string, request: FetchRequest, code: string][] = [
  ["another host", { url: "http://127.0.0.2:1/" }, "denied"],
  ["another port", { url: "http://127.0.0.1:1/" }, "denied"],
  ["another scheme", { url: "https://127.0.0.1:8/" }, "denied"],
  ["a method that was not asked for", { url: "http://127.0.0.1:8/", method: "POST" }, "denied"],
  ["what is no URL", { url: "x" }, "invalid"],
  ["a file", { url: "file:///etc/passwd" }, "denied"],
  ["credentials in the URL", { url: "http://user:x@127.0.0.1:8/" }, "invalid"],
  ...["Host", "Connection", "Proxy-Authorization", "Transfer-Encoding", "Content-Length", "Sec-X"]
    .map((name): [string, FetchRequest, string] => [
      `the field ${name}`,
      { url: "http://127.0.0.1:8/", headers: { [name]: "x" } },
      "invalid",
    ]),
  ["a line break in a field", {
    url: "http://127.0.0.1:8/",
    headers: { x: "a\r\nHost: b" },
  }, "invalid"],
  ["a field's name with a colon", {
    url: "http://127.0.0.1:8/",
    headers: { "x: y": "a" },
  }, "invalid"],
];
for (const [title, request, code] of refused) {
  Deno.test(`fetch() refuses ${title}`, async () => {
    await using broker = rig("http://127.0.0.1:8");
    const web = broker.guest().https.get("web")!;
    await assert.rejects(web.fetch(request), { name: "CapabilityError", code });
    assert.deepEqual(broker.violations, []);
    assert.deepEqual(broker.logged, []);
  });
}

Deno.test("fetch() connects to what was checked: a name that means a private address is refused", async () => {
  await using server = serve(() => new Response("secret"));
  const table = {
    "public.test": ["127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["10.0.0.1", "192.168.0.1"],
  };
  const allowed = Object.keys(table).map((name) => `http://${name}:${server.port}`);
  await using broker = rig(allowed.join(","), {}, names(table));
  const web = broker.guest().https.get("web")!;
  for (const url of allowed) await assert.rejects(web.fetch(url), { code: "denied" });
});

Deno.test("fetch() reaches a private address by a name that the operator allowed so", async () => {
  await using server = serve((request) => new Response(request.headers.get("host")));
  const url = `http://nas.test:${server.port}`;
  await using broker = rig(`${url}+private`, {}, names({ "nas.test": ["127.0.0.1"] }));
  const web = broker.guest().https.get("web")!;
  assert.equal(await (await web.fetch(url)).text(), `nas.test:${server.port}`);
});

Deno.test("fetch() resolves a name once for each connection", async () => {
  await using server = serve(() => new Response("x"));
  let lookups = 0;
  const resolver = {
    // As a rebinding name server answers: harmless first, then this machine.
    addresses: () => Promise.resolve(lookups++ === 0 ? ["192.0.2.1", "10.0.0.1"] : ["127.0.0.1"]),
    own: () => [],
  };
  await using broker = rig(`http://a.test:${server.port}`, {}, { resolver });
  const web = broker.guest().https.get("web")!;
  for (let turn = 0; turn < 3; turn++) {
    await assert.rejects(web.fetch(`http://a.test:${server.port}`), { code: "denied" });
  }
  assert.equal(lookups, 3);
});

Deno.test("fetch() follows redirects to allowed origins, without what was meant for the first", async () => {
  await using second = serve((request) =>
    Response.json([request.headers.get("authorization"), request.headers.get("x-mine")])
  );
  await using first = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/loop") return Response.redirect(`${first.url}/loop`);
    if (pathname === "/private") return Response.redirect("http://127.0.0.1:1/");
    if (pathname === "/file") {
      return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    }
    return Response.redirect(`${second.url}/there`, 307);
  });
  await using broker = rig(`${first.url},${second.url}`, { methods: ["GET", "PUT"] });
  const web = broker.guest().https.get("web")!;
  const headers = { authorization: "secret", "x-mine": "1" };
  const response = await web.fetch({ url: first.url, headers });
  assert.equal(response.url, `${second.url}/there`);
  assert.deepEqual(JSON.parse(await response.text()), [null, "1"]);
  await assert.rejects(web.fetch(`${first.url}/loop`), { code: "unreachable" });
  await assert.rejects(web.fetch(`${first.url}/private`), { code: "denied" });
  await assert.rejects(web.fetch(`${first.url}/file`), { code: "denied" });
  // What has a body is the handler's to repeat.
  const put = await web.fetch({ url: first.url, method: "PUT", body: encoder.encode("x") });
  assert.equal(put.status, 307);
  await put.body.cancel();
});

Deno.test("fetch() refuses bodies that are too long, told or not", async () => {
  await using server = serve(async (request) => {
    const { pathname } = new URL(request.url);
    // A response that comes before the body is there is the request's end, however long the body.
    if (request.method === "PUT") await request.arrayBuffer().catch(() => {});
    if (pathname === "/told") return new Response(new Uint8Array(100_001));
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65536)),
    });
    return new Response(endless);
  });
  const limits = { maxResponseBytes: 100_000, maxRequestBytes: 10, methods: ["GET", "PUT"] };
  await using broker = rig(server.url, limits);
  const web = broker.guest().https.get("web")!;
  await assert.rejects(web.fetch(`${server.url}/told`), { code: "too-large" });
  const endless = await web.fetch(`${server.url}/endless`);
  await assert.rejects(endless.bytes(), { code: "too-large" });
  const put = { url: server.url, method: "PUT" };
  await assert.rejects(web.fetch({ ...put, body: new Uint8Array(11) }), { code: "too-large" });
  const pieces = ReadableStream.from([new Uint8Array(6), new Uint8Array(6)]);
  await assert.rejects(web.fetch({ ...put, body: pieces }), { code: "too-large" });
});

Deno.test("fetch() does not wait for ever", async () => {
  await using silent = listen(async (connection) => {
    await connection.read(new Uint8Array(1000));
    await new Promise((resolve) => setTimeout(resolve, 3000));
  });
  await using stuck = listen(async (connection) => {
    await connection.read(new Uint8Array(1000));
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"));
    await connection.read(new Uint8Array(1000));
  });
  const url = (port: number) => `http://127.0.0.1:${port}`;
  await using broker = rig(`${url(silent.port)},${url(stuck.port)}`, {}, { timeout_ms: 300 });
  const web = broker.guest().https.get("web")!;
  await assert.rejects(web.fetch(url(silent.port)), { code: "timeout" });
  const response = await web.fetch(url(stuck.port));
  await assert.rejects(response.bytes(), { code: "timeout" });
});

const hostile: [title: string, text: string][] = [
  ["garbage", "garbage\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nabc"],
  ["a short body", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc"],
  ["a wrong chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"],
  ["a long head", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(1_000_000)}\r\n\r\n`],
  ["another protocol", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello"],
  ["nothing", ""],
];
for (const [title, text] of hostile) {
  Deno.test(`fetch() survives a server that answers ${title}`, async () => {
    await using server = listen(async (connection) => {
      await connection.read(new Uint8Array(4096));
      const bytes = encoder.encode(text);
      for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
    });
    await using broker = rig(`http://127.0.0.1:${server.port}`);
    const web = broker.guest().https.get("web")!;
    const whole = web.fetch(`http://127.0.0.1:${server.port}`).then((answer) => answer.bytes());
    await assert.rejects(whole, { name: "CapabilityError", code: "unreachable" });
    assert.deepEqual(broker.logged, []);
  });
}

Deno.test("fetch() ends with its signal, and with the body's cancel", async () => {
  let cancelled = 0;
  await using server = serve(() =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new Uint8Array(1000));
        },
        cancel: () => void cancelled++,
      }),
    )
  );
  await using broker = rig(server.url);
  const web = broker.guest().https.get("web")!;
  const abort = new AbortController();
  const response = await web.fetch({ url: server.url, signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(response.bytes(), { code: "ended" });
  const other = await web.fetch(server.url);
  await other.body.cancel();
  const until_ms = performance.now() + 5000;
  while (cancelled < 2 && performance.now() < until_ms) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(cancelled, 2);
});

Deno.test("fetch() waits for its turn", async () => {
  await using server = serve(() => new Response("x"));
  await using broker = rig(server.url, { requestsPerSecond: 20 });
  const web = broker.guest().https.get("web")!;
  const began_ms = performance.now();
  const all = Array.from({ length: 40 }, async () => await (await web.fetch(server.url)).text());
  await Promise.all(all);
  const took_ms = performance.now() - began_ms;
  assert.ok(took_ms > 800, `40 requests at 20 per second after 20 at once: ${took_ms} ms`);
});

Deno.test("localhost is this machine where the operator says so", async () => {
  await using server = serve(() => new Response("x"));
  const url = `http://localhost:${server.port}`;
  await using broker = rig(url, {}, { resolver: systemResolver });
  assert.equal(await (await broker.guest().https.get("web")!.fetch(url)).text(), "x");
});

Deno.test("revoke() ends what is under way, and refuses what comes, with an error that says so", async () => {
  await using server = serve(() =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) }),
    )
  );
  await using broker = rig(server.url);
  const web = broker.guest().https.get("web")!;
  const response = await web.fetch(server.url);
  const reader = response.body.getReader();
  await reader.read();
  assert.equal(broker.broker.revoke("web"), true);
  assert.equal(broker.broker.revoke("other"), false);
  const rest = async () => {
    while (!(await reader.read()).done);
  };
  await assert.rejects(rest(), { code: "revoked", message: /operator has taken "web" back/ });
  await assert.rejects(web.fetch(server.url), { code: "revoked" });
  assert.equal(broker.broker.describe()[0].revoked, true);
});

Deno.test("no connection outlives the broker, nor comes of a request that waited for one", async () => {
  let open = 0;
  await using server = listen(async (connection) => {
    open++;
    const into = new Uint8Array(1000);
    while (await connection.read(into) !== null);
    open--;
  });
  const broker = rig(`http://127.0.0.1:${server.port}`);
  const web = broker.guest().https.get("web")!;
  const asked = Array.from({ length: 32 }, () => web.fetch(`http://127.0.0.1:${server.port}/`));
  const ended = Promise.allSettled(asked);
  const until_ms = performance.now() + 5000;
  while (open < 16 && performance.now() < until_ms) await new Promise((end) => setTimeout(end, 10));
  assert.equal(open, 16);
  await broker[Symbol.asyncDispose]();
  await ended;
  await new Promise((end) => setTimeout(end, 300));
  assert.equal(open, 0);
});
