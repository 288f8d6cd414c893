import assert from "node:assert/strict";
import { demoVerifiedIndex } from "../../../test/site/demo_index.ts";
import { buildSite } from "./build.ts";
import "./assets/search.js";

type Entry = readonly [string, ...unknown[]];
interface Search {
  readonly prepare: (entries: readonly Entry[]) => unknown;
  readonly search: (prepared: unknown, query: string, category: string) => readonly Entry[];
}
const { prepare, search } = (globalThis as unknown as { readonly lunetteSearch: Search })
  .lunetteSearch;

const files = await buildSite(demoVerifiedIndex);
const [, script] = [...files].find(([path]) => path.startsWith("assets/packages."))!;
const entries: Entry[] = JSON.parse(/=(.*);\n$/s.exec(script)![1]);
const prepared = prepare(entries);

function find(query: string, category = ""): string[] {
  return search(prepared, query, category).map(([id]) => id);
}

Deno.test("search() finds by the beginning of words, best first", () => {
  assert.equal(find("acme.mirror")[0], "acme.mirror");
  assert.equal(find("mirr")[0], "acme.mirror");
  assert.equal(find("object-st")[0], "acme.object-store");
  assert.ok(find("acme").length > find("acme-labs").length);
  assert.deepEqual(find("postgres"), ["example.postgres-blocks"]);
});

Deno.test("search() wants every word, in any order, without regard to case and accents", () => {
  assert.deepEqual(find("TAPE store"), find("store tape"));
  assert.equal(find("Tape Store")[0], "example.tape-to-object-store");
  assert.deepEqual(find("öbject täpe"), find("object tape"));
  assert.deepEqual(find("tape zzzzzz"), []);
});

Deno.test("search() forgives a slip of the finger where nothing fits without", () => {
  assert.equal(find("mirrro")[0], "acme.mirror");
  assert.equal(find("encypt")[0], "acme.encrypt");
  assert.equal(find("compresion")[0], "acme.compress");
  // "take" is near "tape", and is not shown beside it.
  assert.ok(!find("tape").includes("acme-labs.slow-disk"));
  assert.deepEqual(find("xq"), []);
});

Deno.test("search() keeps to the kind of device, and finds it by name", () => {
  assert.deepEqual(find("", "zoned").sort(), ["acme-labs.host-aware", "acme-labs.host-managed"]);
  assert.deepEqual(find("mirror", "tape"), []);
  assert.ok(find("optical").includes("acme.iso-shelf"));
  assert.ok(find("network").includes("example.nbd-client"));
});

Deno.test("search() of nothing has all, the newest first", () => {
  const all = find("");
  assert.equal(all.length, entries.length);
  assert.equal(all[0], "acme.object-store");
});

Deno.test("search() bears queries that are none", () => {
  for (
    const query of ["(", "[a-", "\\", "\u0000", "x".repeat(10_000), "a ".repeat(1000), "\ud800"]
  ) {
    assert.ok(Array.isArray(find(query)));
  }
});
