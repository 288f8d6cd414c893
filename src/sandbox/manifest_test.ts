import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeHandler } from "./handler_double.ts";
import { bindSettings, claimsOf, loadHandler, parseManifest } from "./manifest.ts";

const good = {
  id: "my.handler-2",
  version: "1.2.3-rc.1",
  apiVersion: 1,
  deviceType: "disk",
  description: "ä disk",
  capabilities: {
    blocks: { kind: "memory", size: "volume" },
    path: { kind: "file", access: "read-write", create: true, direct: "direct" },
  },
  configuration: {
    type: "object",
    properties: { direct: { type: "boolean", default: false }, key: { type: "integer" } },
  },
};
const parse = (change: Record<string, unknown>) =>
  parseManifest(JSON.stringify({ ...good, ...change }));

Deno.test("parseManifest() gives what the manifest says, with defaults", () => {
  const manifest = parse({});
  assert.equal(manifest.module, "mod.ts");
  assert.equal(manifest.volatile, false);
  assert.deepEqual(Object.keys(manifest.capabilities), ["blocks", "path"]);
});

const wrong: [Record<string, unknown>, RegExp][] = [
  [{ id: "Upper" }, /id is not lower case/],
  [{ id: "../x" }, /id is not lower case/],
  [{ id: "x".repeat(65) }, /id is longer than 64/],
  [{ id: undefined }, /id is not a text/],
  [{ version: "1.0" }, /not a semantic version/],
  [{ version: "01.0.0" }, /not a semantic version/],
  [{ apiVersion: 2 }, /written for version 2 of the contract; here is 1/],
  [{ apiVersion: "1" }, /apiVersion is not a number/],
  [{ deviceType: "tape" }, /deviceType is not "disk"/],
  [{ description: "two\nlines" }, /description holds control characters/],
  [{ description: "evil \u202e txt" }, /control characters/],
  [{ module: "../other.ts" }, /module lies outside/],
  [{ module: "/etc/x.ts" }, /module lies outside/],
  [{ volatile: "yes" }, /volatile is not true or false/],
  [{ capabilities: [] }, /capabilities is not an object/],
  [{ capabilities: { "a b": { kind: "memory", size: "volume" } } }, /capability "a b": a name is/],
  [{ capabilities: { a: { kind: "network" } } }, /kind is none of memory, file, http/],
  [
    { capabilities: { a: { kind: "memory", size: 5 } } },
    /size is neither "volume" nor "protection"/,
  ],
  [{ capabilities: { a: { kind: "file", access: "all" } } }, /access is not/],
  [{ capabilities: { a: { kind: "memory", size: "volume", more: 1 } } }, /unknown member "more"/],
  [{ permissions: {} }, /it has an unknown member "permissions"/],
  [{ configuration: { type: "object", properties: { path: {} } } }, /both a capability and/],
  [{ configuration: { type: "array" } }, /type is "object"/],
  [{ commands: {} }, /commands is not an array/],
  [{ commands: Array(65).fill({ code: "c1", name: "X" }) }, /more than 64/],
  [{ commands: ["c1"] }, /commands\[0\] is not an object/],
  [{ commands: [{ code: "c1", name: "X", opcode: 1 }] }, /unknown member "opcode"/],
  [{ commands: [{ code: "C1", name: "X" }] }, /two hexadecimal digits/],
  [{ commands: [{ code: 0xc1, name: "X" }] }, /two hexadecimal digits/],
  [{ commands: [{ code: "c1", name: "X", serviceAction: "12345" }] }, /up to four/],
  [{ commands: [{ code: "c1" }] }, /name is not a text/],
  [{ commands: [{ code: "7f", name: "X" }] }, /cdbLength is needed/],
  [{ commands: [{ code: "c1", name: "X", cdbLength: 5 }] }, /cdbLength is not 6 to 260/],
  [{ commands: [{ code: "c1", name: "X", cdbLength: 261 }] }, /cdbLength is not 6 to 260/],
  [{ commands: [{ code: "c1", name: "X", direction: "up" }] }, /direction is not/],
  [{ commands: [{ code: "c1", name: "X", replay: 1 }] }, /replay is not true or false/],
  [{ commands: [{ code: "c1", name: "X" }, { code: "c1", name: "Y" }] }, /c1 is claimed twice/],
  [
    {
      commands: [{ code: "9e", name: "X", serviceAction: "1f" }, { code: "9e", name: "Y" }],
    },
    /9e is claimed twice/,
  ],
  [
    {
      commands: [
        { code: "9e", name: "X", serviceAction: "01" },
        { code: "9e", name: "X", serviceAction: "1" },
      ],
    },
    /9e is claimed twice/,
  ],
  [{ commands: [{ code: "a3", name: "X" }] }, /REPORT SUPPORTED OPERATION CODES/],
  [{ commands: [{ code: "a3", serviceAction: "c", name: "X" }] }, /REPORT SUPPORTED OPERATION/],
  ...["00", "03", "12", "16", "17", "56", "57", "5e", "5f", "a0"].map((
    code,
  ): [Record<string, unknown>, RegExp] => [
    { commands: [{ code, name: "X" }] },
    /which the host answers/,
  ]),
];
const http = (fields: Record<string, unknown>) => ({
  capabilities: { a: { kind: "http", ...fields } },
});
const memory = (fields: Record<string, unknown>) => ({
  capabilities: { a: { kind: "memory", size: "volume", ...fields } },
});
wrong.push(
  ...[0, -4096, 4095, 4096.5, 2 ** 31, "4096"].map((size): [Record<string, unknown>, RegExp] => [
    { capabilities: { a: { kind: "memory", size } } },
    /size is neither "volume" nor "protection" nor whole pages/,
  ]),
  [http({ hosts: ["x"] }), /unknown member "hosts"/],
  [http({ origins: [] }), /origins is not an array of 1 to 64/],
  [http({ origins: ["example.org"] }), /origins holds "example.org", which is none/],
  [http({ origins: ["https://x/path"] }), /which is none/],
  [http({ origins: ["https://ex\u0430mple.org"] }), /which is none/],
  [http({ origins: ["https://example\u00ad.org"] }), /which is none/],
  [memory({ when: "x'; reboot; '" }), /when is not the name of a configuration key/],
  [memory({ when: "x,files=file:read-write" }), /when is not the name/],
  [memory({ when: "\u001b[2J" }), /when is not the name/],
  [http({ methods: ["CONNECT"] }), /methods holds "CONNECT", which is none/],
  [http({ maxResponseBytes: 2 ** 31 }), /maxResponseBytes is not a whole number/],
  [http({ maxRequestBytes: 0 }), /maxRequestBytes is not a whole number/],
  [http({ requestsPerSecond: 1001 }), /requestsPerSecond is not a whole number/],
  [{ capabilities: { a: { kind: "tcp", origins: [] } } }, /unknown member "origins"/],
  [{ capabilities: { a: { kind: "state", maxBytes: 2 ** 21 } } }, /maxBytes is not a whole/],
  [{ capabilities: { a: { kind: "random", seed: 1 } } }, /unknown member "seed"/],
);
for (const [change, message] of wrong) {
  Deno.test(`parseManifest() refuses ${JSON.stringify(change).slice(0, 80)}`, () => {
    assert.throws(() => parse(change), message);
  });
}

Deno.test("claimsOf() gives what is claimed, with defaults", () => {
  const commands = [
    { code: "c1", name: "ECHO", direction: "both", replay: true },
    { code: "a3", serviceAction: "1f", name: "MINE" },
    { code: "7f", serviceAction: "fff0", name: "LONG", cdbLength: 64, direction: "out" },
    { code: "9e", serviceAction: "1f", name: "SIXTEEN", direction: "in" },
    { code: "9e", serviceAction: "1e", name: "OTHER" },
  ];
  const none = { direction: "none", replay: false };
  assert.deepEqual(claimsOf(parse({ commands })), [
    { code: 0xc1, name: "ECHO", cdb_length: 10, direction: "both", replay: true },
    { ...none, code: 0xa3, serviceAction: 0x1f, name: "MINE", cdb_length: 12 },
    {
      ...none,
      code: 0x7f,
      serviceAction: 0xfff0,
      name: "LONG",
      cdb_length: 64,
      direction: "out",
    },
    { ...none, code: 0x9e, serviceAction: 0x1f, name: "SIXTEEN", cdb_length: 16, direction: "in" },
    { ...none, code: 0x9e, serviceAction: 0x1e, name: "OTHER", cdb_length: 16 },
  ]);
  assert.deepEqual(claimsOf(parse({})), []);
});

Deno.test("parseManifest() refuses what is not JSON, not an object or too long", () => {
  assert.throws(() => parseManifest("{"), /Cannot use handler.json/);
  assert.throws(() => parseManifest("[]"), /not an object/);
  assert.throws(() => parseManifest(" ".repeat(70_000)), /longer than/);
});

Deno.test("the manifests of the handlers here are valid", async () => {
  for (const name of ["memory", "file", "example-xor", "example-commands", "http-image"]) {
    const folder = fileURLToPath(new URL(`../../handlers/${name}`, import.meta.url));
    assert.equal((await loadHandler(folder)).manifest.id, name);
  }
});

Deno.test("loadHandler() refuses a module that is a link out of the folder", async () => {
  await using handler = await makeHandler("", { module: "link.ts" });
  await using other = await makeHandler("");
  await Deno.symlink(join(other.folder, "mod.ts"), join(handler.folder, "link.ts"));
  await assert.rejects(loadHandler(handler.folder), /outside of the handler's folder/);
});

Deno.test("loadHandler() reads no more of a manifest than one may have", async () => {
  await using handler = await makeHandler("");
  const path = join(handler.folder, "handler.json");
  await Deno.truncate(path, 2 ** 40);
  await assert.rejects(loadHandler(handler.folder), /longer than 65536/);
  await Deno.remove(path);
  await Deno.symlink("/dev/zero", path);
  await assert.rejects(loadHandler(handler.folder), /no regular file/);
});

Deno.test("loadHandler() does not wait at a pipe in place of a file", async () => {
  await using handler = await makeHandler("");
  const pipe = async (name: string) => {
    const path = join(handler.folder, name);
    await Deno.remove(path);
    assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  };
  await pipe("mod.ts");
  await assert.rejects(loadHandler(handler.folder), /module is no regular file/);
  await pipe("handler.json");
  await assert.rejects(loadHandler(handler.folder), /it is no regular file/);
});

Deno.test("parseManifest() bounds what a handler takes without being asked for", () => {
  const many = (count: number, request: unknown) => ({
    capabilities: Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`m${at}`, request]),
    ),
  });
  const small = { kind: "memory", size: 4096 };
  assert.equal(Object.keys(parse(many(64, small)).capabilities).length, 64);
  assert.throws(() => parse(many(65, small)), /capabilities are more than 64/);
  const half = { kind: "memory", size: 2 ** 29 };
  assert.equal(Object.keys(parse(many(2, half)).capabilities).length, 2);
  assert.throws(() => parse(many(3, half)), /more than 1 GiB together/);
});

Deno.test("bindSettings() keeps what allows origins and addresses", () => {
  const capabilities = {
    image: { kind: "http" },
    upstream: { kind: "tcp" },
    notes: { kind: "state" },
    clock: { kind: "clock" },
  };
  const manifest = parse({ capabilities });
  const settings = { image: "https://example.org", upstream: "db.example.org:5432" };
  assert.deepEqual(bindSettings(manifest, settings).addresses, settings);
  // Nothing is to be set of these.
  assert.throws(() => bindSettings(manifest, { notes: "/x" }), /there is no "notes"/);
  assert.throws(() => bindSettings(manifest, { clock: "1" }), /there is no "clock"/);
});

Deno.test("bindSettings() sorts paths from configuration, and checks it", () => {
  const manifest = parse({});
  assert.deepEqual(bindSettings(manifest, { path: "/x", direct: "true", key: "7" }), {
    paths: { path: "/x" },
    addresses: {},
    configuration: { direct: true, key: 7 },
  });
  assert.deepEqual(bindSettings(manifest, {}).configuration, { direct: false });
  assert.throws(
    () => bindSettings(manifest, { kye: "7" }),
    /there is no "kye"; known are: direct, key/,
  );
  assert.throws(() => bindSettings(manifest, { blocks: "/x" }), /there is no "blocks"/);
  assert.throws(() => bindSettings(manifest, { key: "x" }), /"x" is not of type integer/);
  const none = { ...manifest, configuration: undefined };
  assert.throws(() => bindSettings(none, { key: "7" }), /there is no "key"; known are: none/);
});
