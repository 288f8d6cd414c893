import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSite } from "./site_folder.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-site-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

Deno.test("writeSite() makes the folder, and changes only what is another", async () => {
  await withFolder(async (folder) => {
    const site = join(folder, "a", "site");
    const files = new Map([["index.html", "1"], ["package/acme.disk.html", "2"]]);
    assert.deepEqual(await writeSite(site, files), { written: 2, unchanged: 0, removed: 0 });
    assert.equal(await Deno.readTextFile(join(site, "package", "acme.disk.html")), "2");
    files.set("index.html", "3");
    assert.deepEqual(await writeSite(site, files), { written: 1, unchanged: 1, removed: 0 });
    assert.equal(await Deno.readTextFile(join(site, "index.html")), "3");
    assert.deepEqual(await namesIn(site), [".lunette-site", "index.html", "package"]);
  });
});

Deno.test("writeSite() removes its own files that are no more, and no other", async () => {
  await withFolder(async (folder) => {
    await writeSite(folder, new Map([["index.html", "1"], ["old.html", "2"]]));
    await Deno.writeTextFile(join(folder, "CNAME"), "example.org");
    assert.equal((await writeSite(folder, new Map([["index.html", "1"]]))).removed, 1);
    assert.deepEqual(await namesIn(folder), [".lunette-site", "CNAME", "index.html"]);
  });
});

Deno.test("writeSite() refuses a folder with what it has not made", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "thesis.txt"), "x");
    await assert.rejects(writeSite(folder, new Map([["index.html", "1"]])), {
      name: "RegistryError",
      kind: "usage",
    });
    assert.deepEqual(await namesIn(folder), ["thesis.txt"]);
  });
});

Deno.test("writeSite() believes no list that names files elsewhere", async () => {
  await withFolder(async (folder) => {
    const site = join(folder, "site");
    await Deno.mkdir(site);
    await Deno.writeTextFile(join(folder, "kept.txt"), "x");
    await Deno.writeTextFile(
      join(site, ".lunette-site"),
      `../kept.txt\n${join(folder, "kept.txt")}\na/../../kept.txt\n`,
    );
    await writeSite(site, new Map([["index.html", "1"]]));
    assert.equal(await Deno.readTextFile(join(folder, "kept.txt")), "x");
  });
});
