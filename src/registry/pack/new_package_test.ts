import assert from "node:assert/strict";
import { join } from "node:path";
import { loadHandler } from "../../sandbox/manifest.ts";
import { RegistryError } from "../artifact_store.ts";
import { CONTRACT_IMPORTS, CONTRACT_MODULES, readContractModule } from "./contract.ts";
import { idFromFolder, newPackage, writeContract } from "./new_package.ts";

async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-new-" });
  try {
    await check(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs deno in a folder, with a cache and a home of its own; returns what it says. */
async function deno(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    clearEnv: true,
    env: { DENO_DIR: join(folder, ".cache"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  return said;
}

Deno.test("a new handler checks and passes its tests with nothing but Deno", async () => {
  await inFolder(async (folder) => {
    const written = await newPackage(join(folder, "disk"), "acme.disk");
    for (const name of ["handler.json", "mod.ts", "mod_test.ts", "README.md", ".gitignore"]) {
      assert.ok(written.includes(name), name);
    }
    assert.match(await deno(join(folder, "disk"), "task", "check"), /Checked 2 files/);
    assert.match(await deno(join(folder, "disk"), "test"), /8 passed \| 0 failed/);
    const { manifest } = await loadHandler(join(folder, "disk"));
    assert.equal(manifest.id, "acme.disk");
    const readme = await Deno.readTextFile(join(folder, "disk/README.md"));
    assert.match(readme, /^# acme\.disk\n/);
    assert.doesNotMatch(readme, /example\./);
  });
});

Deno.test("new leaves alone what is there, and says what it found", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine.txt"), "");
    const refused = { name: "RegistryError", kind: "usage" };
    await assert.rejects(newPackage(folder, "acme.disk"), { ...refused, message: /mine\.txt/ });
    await assert.rejects(newPackage(join(folder, "mine.txt"), "acme.disk"), refused);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["mine.txt"]);
  });
});

Deno.test("an id is publisher.name", async () => {
  for (const id of ["disk", "Acme.disk", "acme.", "../up.disk", "acme.disk\n", ""]) {
    await assert.rejects(newPackage("/nonexistent/x", id), RegistryError, JSON.stringify(id));
  }
  assert.equal(idFromFolder("acme.disk"), "acme.disk");
  assert.equal(idFromFolder("My Disk"), "example.my-disk");
  assert.equal(idFromFolder("..."), "example.handler");
  assert.equal(idFromFolder("-disk-"), "example.disk");
});

Deno.test("the contract is all of src/plugin, and imports nothing else of this program", async () => {
  const folder = new URL("../../plugin/", import.meta.url);
  const there = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !name.endsWith("_test.ts"));
  assert.deepEqual([...CONTRACT_MODULES].sort(), there.sort());
  for (const name of CONTRACT_MODULES) {
    const text = await readContractModule(name);
    for (const [, source] of text.matchAll(/^(?:import|export)[^;]*? from "([^"]+)";/gm)) {
      const known = source.startsWith("node:") ||
        (CONTRACT_MODULES as readonly string[]).includes(source.replace(/^\.\//, ""));
      assert.ok(known, `${name} imports ${source}`);
    }
  }
  const { default: { exports } } = await import("../../../deno.json", { with: { type: "json" } });
  assert.equal(exports["./plugin"], `./src/plugin/${CONTRACT_IMPORTS.get("lunette/plugin")}`);
});

Deno.test("the contract is copied again over an old one", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, ".lunette/plugin"), { recursive: true });
    const path = join(folder, ".lunette/plugin/mod.ts");
    await Deno.writeTextFile(path, "export const API_VERSION = 0;");
    const written = await writeContract(folder);
    assert.equal(written.length, CONTRACT_MODULES.length);
    assert.match(await Deno.readTextFile(path), /export \* from "\.\/volume\.ts"/);
  });
});
