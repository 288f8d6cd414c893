import assert from "node:assert/strict";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { demoVerifiedIndex } from "../../../test/site/demo_index.ts";
import { buildSite } from "./build.ts";
import { SiteServer } from "./site_server.ts";

const files = await buildSite(demoVerifiedIndex, { root_path: "/" });

function makeServer(): SiteServer {
  const server = new SiteServer();
  server.replace(files);
  return server;
}

function get(path: string, headers: Record<string, string> = {}, method = "GET"): Response {
  return makeServer().answer(new Request(`http://127.0.0.1${path}`, { headers, method }));
}

Deno.test("SiteServer answers with each file's type, and headers that keep the rest out", async () => {
  const asset = (end: string) => [...files.keys()].find((path) => path.endsWith(end))!;
  const types: [string, RegExp][] = [
    ["/", /^text\/html; charset=utf-8$/],
    ["/package/acme.mirror.html", /^text\/html/],
    ["/index.json", /^application\/json/],
    ["/feed.xml", /^application\/atom\+xml/],
    [`/${asset(".css")}`, /^text\/css/],
    [`/${asset(".js")}`, /^text\/javascript/],
    [`/${asset(".svg")}`, /^image\/svg\+xml/],
  ];
  for (const [path, type] of types) {
    const response = get(path);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-type")!, type);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(response.headers.get("content-security-policy")!, /frame-ancestors 'none'/);
    const expected = path === "/" ? "index.html" : path.slice(1);
    assert.equal(await response.text(), files.get(expected));
  }
});

Deno.test("SiteServer lets what is named by its content be kept for ever, and nothing else", () => {
  const style = [...files.keys()].find((path) => path.endsWith(".css"))!;
  assert.match(get(`/${style}`).headers.get("cache-control")!, /immutable/);
  assert.match(get("/").headers.get("cache-control")!, /no-cache/);
  assert.match(get("/index.json").headers.get("cache-control")!, /no-cache/);
});

Deno.test("SiteServer answers 304 to who has it, and 200 once it is another", () => {
  const server = makeServer();
  const ask = (tag: string) =>
    server.answer(new Request("http://127.0.0.1/", { headers: { "if-none-match": tag } }));
  const etag = get("/").headers.get("etag")!;
  assert.equal(ask(etag).status, 304);
  assert.equal(ask(etag).body, null);
  assert.equal(ask(`W/${etag}, "x"`).status, 304);
  assert.equal(ask("*").status, 304);
  assert.equal(ask('"x"').status, 200);
  server.replace(new Map([...files, ["index.html", "another"]]));
  assert.equal(ask(etag).status, 200);
});

Deno.test("SiteServer compresses for who takes it, with a tag for each coding", async () => {
  const decoders = {
    br: (bytes: Uint8Array) => brotliDecompressSync(bytes),
    gzip: (bytes: Uint8Array) => gunzipSync(bytes),
  };
  const tags = new Set([get("/").headers.get("etag")]);
  for (const coding of ["br", "gzip"] as const) {
    const response = get("/", { "accept-encoding": coding });
    assert.equal(response.headers.get("content-encoding"), coding);
    assert.equal(response.headers.get("vary"), "accept-encoding");
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.equal(response.headers.get("content-length"), String(bytes.length));
    assert.equal(decoders[coding](bytes).toString(), files.get("index.html"));
    tags.add(response.headers.get("etag"));
  }
  assert.equal(tags.size, 3);
  const coding = (accepted: string) =>
    get("/", { "accept-encoding": accepted }).headers.get("content-encoding");
  assert.equal(coding("gzip, deflate, br"), "br");
  assert.equal(coding("gzip;q=1, br;q=0"), "gzip");
  assert.equal(coding("br;q=0.0"), null);
  assert.equal(coding("identity"), null);
});

Deno.test("SiteServer leads nowhere but to its files", async () => {
  const paths = [
    ...["/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"],
    ...[
      "/package/../../../etc/passwd",
      "/%00",
      "/%",
      "/%ff",
      "/package",
      "/package/",
      "/.git/config",
    ],
    ...["/constructor", "/__proto__", "/index.html/", "/404", "/.lunette-site"],
  ];
  for (const path of paths) {
    const response = get(path);
    assert.equal(response.status, 404, path);
    assert.equal(await response.text(), files.get("404.html"), path);
  }
});

Deno.test("SiteServer answers HEAD without a body, and nothing that would change something", async () => {
  const head = get("/", {}, "HEAD");
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
  assert.ok(Number(head.headers.get("content-length")) > 1000);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const response = get("/", {}, method);
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
});

Deno.test("SiteServer's page for what is not there finds its style from any path", async () => {
  const page = await get("/package/a/b/c").text();
  assert.match(page, /<link rel="stylesheet" href="\/assets\/site\.[0-9a-f]{12}\.css">/);
});

Deno.test("SiteServer has no site before it was given one", () => {
  assert.equal(new SiteServer().answer(new Request("http://127.0.0.1/")).status, 404);
});
