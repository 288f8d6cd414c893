import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Handler } from "../../plugin/mod.ts";
import { testContext } from "../../plugin/testing.ts";
import { FolderStore } from "../oci/folder_store.ts";
import { MediaType, PACKAGE_TYPE, PackageLimit } from "../package.ts";
import { type Bundle, bundle } from "./bundle.ts";
import { newPackage } from "./new_package.ts";
import { pack, type PackedHandler, storePackage } from "./pack.ts";
import { SourceFolder } from "./source_folder.ts";

type Files = Readonly<Record<string, string>>;

const MANIFEST = JSON.stringify({
  id: "acme.disk",
  version: "1.2.3",
  apiVersion: 1,
  deviceType: "disk",
  description: "A disk",
  capabilities: {},
});
const OPEN = "export function open() { return x; }";

async function inFolder(files: Files, check: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "lunette-pack-" });
  try {
    const folder = join(parent, "handler");
    for (const [name, text] of Object.entries({ "handler.json": MANIFEST, ...files })) {
      await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
      await Deno.writeTextFile(join(folder, name), text);
    }
    await check(folder);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function packed(files: Files): Promise<PackedHandler> {
  let made: PackedHandler | undefined;
  await inFolder(files, async (folder) => void (made = await pack(folder)));
  assert.ok(made);
  return made;
}

/** What `pack` does in a Worker, in this thread: esbuild is started once for all tests. */
async function bundled(files: Files): Promise<Bundle> {
  let made: Bundle | undefined;
  await inFolder(files, async (folder) => {
    made = await bundle(await SourceFolder.open(folder), "mod.ts");
  });
  assert.ok(made);
  return made;
}

/** What `open` of the packed module returns: the tests let it return anything. */
async function opened({ code }: Bundle): Promise<unknown> {
  const url = `data:text/javascript;base64,${code.toBase64()}`;
  const { open } = await import(url) as Handler;
  return await open(testContext(), {});
}

async function refused(files: Files, message: RegExp): Promise<void> {
  await assert.rejects(packed(files), { name: "RegistryError", kind: "usage", message });
}

async function notBundled(files: Files, message: RegExp): Promise<void> {
  await assert.rejects(bundled(files), { name: "RegistryError", kind: "usage", message });
}

Deno.test("a handler of several files becomes one module that imports nothing", async () => {
  const made = await packed({
    "mod.ts": `import { type Volume, HandlerError } from "lunette/plugin";
      import { part } from "./deep/part.ts"; import data from "../handler/data.json" with { type: "json" };
      import words from "./words.txt" with { type: "text" };
      import raw from "./words.txt" with { type: "bytes" };
      import { mapped } from "parts/mapped.ts";
      export const open = async (): Promise<Volume> => ({ part, data, words, raw: raw[0], mapped,
        late: (await import("./deep/late.js")).late, error: new HandlerError("no-space", "x") }) as never;`,
    "deep/part.ts": `export const part: number = 1;`,
    "deep/late.js": `export const late = 2;`,
    "data.json": `{"a":3}`,
    "words.txt": "Ünsal",
    "parts/mapped.ts": `export const mapped = 4;`,
    "deno.jsonc": `{ /* a comment */ "imports": { "parts/": "./parts/" } }`,
  });
  const { error, ...values } = await opened(made) as Record<string, unknown>;
  assert.deepEqual(values, {
    ...{ part: 1, data: { a: 3 }, words: "Ünsal", raw: 0xc3, mapped: 4, late: 2 },
  });
  assert.equal((error as { name: string }).name, "HandlerError");
  assert.deepEqual(made.runtime_modules, []);
  assert.doesNotMatch(new TextDecoder().decode(made.code), /sourceMappingURL|CapabilityError/);
  const map = JSON.parse(new TextDecoder().decode(made.source_map));
  assert.ok(map.sources.includes("handler:deep/part.ts"));
  assert.equal(made.manifest.module, "mod.js");
});

Deno.test("npm packages are taken from node_modules, as Node resolves them", async () => {
  const files = {
    "mod.ts": `import { a } from "a"; import b from "npm:@s/b@^1/sub"; import c from "c";
      import { createHash } from "node:crypto"; export const open = () =>
        ({ a, b, c, hash: typeof createHash, mode: process.env.NODE_ENV }) as never;`,
    "node_modules/a/package.json": `{"name":"a","version":"1.0.0","exports":{"import":"./e.mjs"}}`,
    "node_modules/a/e.mjs": `import d from "d"; export const a = "a" + d;`,
    "node_modules/a/node_modules/d/package.json": `{"name":"d","version":"0.1.0","main":"i.js"}`,
    "node_modules/a/node_modules/d/i.js": `module.exports = require("./j") + 1;`,
    "node_modules/a/node_modules/d/j.js": `module.exports = 1;`,
    "node_modules/@s/b/package.json":
      `{"name":"@s/b","version":"1.5.0","exports":{"./sub":"./x.js"},"type":"module"}`,
    "node_modules/@s/b/x.js": `import "buffer"; export default "b";`,
    "node_modules/c/package.json": `{"name":"c","version":"2.0.0"}`,
    "node_modules/c/index.js": `exports.default = 1; module.exports = "c";`,
  };
  const made = await bundled(files);
  assert.deepEqual(await opened(made), {
    ...{ a: "a2", b: "b", c: "c", hash: "function", mode: "production" },
  });
  assert.deepEqual(made.packages, ["@s/b@1.5.0", "a@1.0.0", "c@2.0.0", "d@0.1.0"]);
  assert.deepEqual(made.runtime_modules, ["node:buffer", "node:crypto"]);
  // Where in node_modules something lies makes no difference.
  const flat = Object.entries(files).map((
    [name, text],
  ) => [name.replace("a/node_modules/", ""), text]);
  assert.deepEqual((await bundled(Object.fromEntries(flat))).code, made.code);
});

const unresolved: [string, string, RegExp][] = [
  [
    "a file that is not there",
    `import "./gone.ts"; ${OPEN}`,
    /mod\.ts:1:8: there is no file "\.\/gone/,
  ],
  ["a file outside", `import "../other.ts"; ${OPEN}`, /lies outside of the handler's folder/],
  ["an absolute file", `import "/etc/passwd"; ${OPEN}`, /lies outside|there is no file/],
  ["a server", `import "https://example.org/x.ts"; ${OPEN}`, /nothing is fetched/],
  ["jsr", `import "jsr:@std/path"; ${OPEN}`, /nothing is fetched/],
  ["a data URL", `import "data:text/javascript,1"; ${OPEN}`, /nothing is fetched/],
  ["a package that is not there", `import "gone"; ${OPEN}`, /"gone" is not there: `deno install`/],
  ["an npm package that is not there", `import "npm:gone@1"; ${OPEN}`, /"npm:gone@1" is not there/],
  ["a late import", `export const open = () => import("./gone.ts")`, /there is no file/],
  ["a file that is no module", `import "./handler.wasm"; ${OPEN}`, /there is no file/],
  ["the contract's tests", `import "lunette/plugin/testing"; ${OPEN}`, /is for tests/],
  [
    "an import by a name that is computed",
    `export const open = (context) => import(context.name)`,
    /mod\.ts:1:34: .*not a string literal/,
  ],
  ["bad syntax", `const x: = 1; ${OPEN}`, /mod\.ts:1:10: /],
  ["no open()", `export const close = 1;`, /mod\.ts does not export open\(\)/],
];
for (const [what, code, message] of unresolved) {
  Deno.test(`pack refuses ${what}`, () => notBundled({ "mod.ts": code }, message));
}

Deno.test("pack refuses what its files cannot be", async () => {
  await notBundled({ "mod.ts": `import "./x.wasm"; ${OPEN}`, "x.wasm": "" }, /x\.wasm is neither/);
  const manifest = (more: Record<string, unknown>) => ({
    "handler.json": JSON.stringify({ ...JSON.parse(MANIFEST), ...more }),
    "mod.ts": OPEN,
  });
  await refused(manifest({ id: "disk" }), /names no publisher/);
  await refused(manifest({ extra: 1 }), /unknown member "extra"/);
  await refused(manifest({ module: "../mod.ts" }), /outside/);
  await refused(manifest({ module: "gone.ts" }), /There is no gone\.ts/);
  await notBundled({ "mod.ts": OPEN, "deno.json": "{" }, /deno\.json is not JSON/);
  await refused(
    { "mod.ts": OPEN, "deno.json": `{"importMap":"x"}` },
    /"importMap" is not supported/,
  );
  const native = {
    "mod.ts": `import "a"; ${OPEN}`,
    "node_modules/a/package.json": `{"name":"a","version":"1.0.0"}`,
    "node_modules/a/index.js": `require("fs");`,
  };
  await notBundled(native, /a@1\.0\.0\/index\.js:1:9: require\("fs"\) has no meaning/);
});

Deno.test("pack refuses what is too long", async () => {
  const long = (length: number) => "a".repeat(length + 1);
  await refused({ "mod.ts": OPEN, "README.md": long(PackageLimit.README) }, /README\.md has/);
  const text = { "mod.ts": `import x from "./x.txt" with { type: "text" }; ${OPEN}` };
  await notBundled(
    { ...text, "x.txt": long(PackageLimit.BUNDLE) },
    /x\.txt has \d+ bytes: at most/,
  );
  await notBundled({ ...text, "x.txt": long(PackageLimit.BUNDLE - 10) }, /mod\.js has \d+ bytes/);
});

Deno.test("links out of the folder are not followed", async () => {
  await inFolder({ "mod.ts": `import "./link.ts"; ${OPEN}` }, async (folder) => {
    await Deno.writeTextFile(join(folder, "../secret.ts"), `export const secret = "s3cret";`);
    await Deno.symlink("../secret.ts", join(folder, "link.ts"));
    await assert.rejects(pack(folder), /lies outside of the handler's folder/);
    await Deno.writeTextFile(join(folder, "mod.ts"), OPEN);
    await Deno.symlink("../secret.ts", join(folder, "README.md"));
    await assert.rejects(pack(folder), /lies outside of the handler's folder/);
    await Deno.remove(join(folder, "README.md"));
    await Deno.remove(join(folder, "handler.json"));
    await Deno.symlink("/dev/zero", join(folder, "handler.json"));
    await assert.rejects(pack(folder), /has no handler\.json/);
  });
});

/** Packs by the command line, under another umask, time zone and language. */
async function packElsewhere(folder: string, environment: Files, umask: string): Promise<string> {
  const main = new URL("../../cli/main.ts", import.meta.url).pathname;
  const run = `umask ${umask}; exec "$0" run -A --unstable-worker-options "$@"`;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", run, Deno.execPath(), main, "plugin", "pack", folder, "--json"],
    env: environment,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).digest;
}

Deno.test("the same folder makes the same package, wherever and whenever it is packed", async () => {
  await inFolder({}, async (parent) => {
    const [here, there] = [join(parent, "here"), join(parent, "a b/thére/acme")];
    for (const folder of [here, there]) await newPackage(folder, "acme.disk");
    await Deno.utime(join(there, "mod.ts"), 1, 1);
    await Deno.chmod(join(there, "mod.ts"), 0o755);
    await Deno.chmod(join(there, "README.md"), 0o400);
    const first = await packElsewhere(here, { LC_ALL: "C", TZ: "UTC" }, "022");
    const other = { LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", TZ: "Asia/Tokyo", NO_COLOR: "1" };
    assert.equal(await packElsewhere(there, other, "077"), first);
    // And it does depend on what is in it.
    await Deno.writeTextFile(join(there, "README.md.new"), "another");
    await Deno.rename(join(there, "README.md.new"), join(there, "README.md"));
    assert.notEqual(await packElsewhere(there, other, "077"), first);
  });
});

Deno.test("a package in a store is an artifact whose layers are its files", async () => {
  await inFolder({ "mod.ts": OPEN, "README.md": "# Disk\n" }, async (folder) => {
    const store = new FolderStore(join(folder, "dist"));
    const made = await pack(folder);
    const descriptor = await storePackage(store, made);
    const stored = await store.readManifest("handlers/acme.disk", "1.2.3");
    assert.equal(stored?.descriptor.digest, descriptor.digest);
    const { artifactType, layers } = stored?.manifest ?? assert.fail();
    assert.equal(artifactType, PACKAGE_TYPE);
    const types = layers.map(({ mediaType }) => mediaType);
    const { MANIFEST: manifest, BUNDLE, README, SOURCE_MAP } = MediaType;
    assert.deepEqual(types, [manifest, BUNDLE, README, SOURCE_MAP]);
    const code = await store.readBlob("handlers/acme.disk", layers[1], PackageLimit.BUNDLE);
    assert.deepEqual(code, made.code);
    const [{ digest }] = layers;
    assert.notEqual(digest, descriptor.digest);
  });
});
