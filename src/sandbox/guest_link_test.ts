import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { linkModules } from "./guest_link.ts";

const ENTRIES = new Map([["a/main.ts", "main.js"], ["b/other.ts", "other.js"]]);

function link(sources: Readonly<Record<string, string>>) {
  return linkModules(ENTRIES, (name) => {
    if (!(name in sources)) throw new Error(`there is no ${name}`);
    return Promise.resolve(sources[name]);
  });
}

const SOURCES = {
  "a/main.ts": `import "./first.ts";
import {
  add as plus,
         VALUE,
} from "../b/other.ts";
import { log } from "../log.ts";
import { Mine } from "./mine.ts";
log.push("main");
await null;
export const result = { sum: plus(VALUE, 1), log, mine: new Mine().name };
export const where = import.meta.resolve("../b/other.ts");
`,
  "a/first.ts": `import { log } from "../log.ts";
log.push("first");
`,
  "a/mine.ts": `export class Mine { name = "mine"; }
`,
  "b/other.ts": `export * from "../value.ts";
export function add(a, b) {
  return a + b;
}
`,
  "value.ts": `import { log } from "./log.ts";
log.push("value");
export const VALUE = 41;
`,
  "log.ts": `export const log = [];
`,
};

Deno.test("linked modules run once, shared ones first, what is imported before what imports it, with the same exports", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of await link(SOURCES)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    const url = (name: string) => pathToFileURL(join(folder, name)).href;
    const { result, where } = await import(url("main.js"));
    assert.deepEqual(result, { sum: 42, log: ["value", "first", "main"], mine: "mine" });
    assert.equal(where, url("other.js"));
    const other = await import(url("other.js"));
    assert.deepEqual(Object.keys(other).toSorted(), ["VALUE", "add"]);
    assert.equal(other.add(1, 2), 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const refused: Record<string, string> = {
  "a default export": "export default 1;",
  "a list of exports": "const x = 1; \nexport { x };",
  "an import of everything": 'import * as all from "../log.ts";',
  "an import of what is not ours": 'import { join } from "node:path";',
  "its own address": "const here =\n  import.meta.url;",
};
for (const [what, text] of Object.entries(refused)) {
  Deno.test(`linkModules() refuses ${what}`, async () => {
    await assert.rejects(link({ ...SOURCES, "value.ts": text }), /Cannot link value.ts/);
  });
}

Deno.test("linkModules() refuses modules that import each other, and one that is resolved and no entry", async () => {
  const cycle = {
    ...SOURCES,
    "log.ts": 'import { VALUE } from "./value.ts";\nexport const log = [VALUE];',
  };
  await assert.rejects(link(cycle), /imports itself/);
  const resolved = {
    ...SOURCES,
    "value.ts": 'export const VALUE = import.meta.resolve("./log.ts");',
  };
  await assert.rejects(link(resolved), /log.ts: it is resolved, and no entry/);
});
