import { strict as assert } from "node:assert";
import { digestSources, listSources, sha256 } from "./digest.ts";

Deno.test("sha256() gives the standard's example", async () => {
  assert.equal(
    await sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

Deno.test("digestSources() sees content, names and new files, and no products", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = async (path: string, text: string) => {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${folder}/${path}`, text);
    };
    await write("b/src/lib.rs", "one");
    await write("Cargo.lock", "two");
    const first = await digestSources(folder);

    await write("target/debug/made.rs", "made");
    await write("pkg/engine.js", "made");
    await write("notes.md", "not compiled");
    assert.equal(await digestSources(folder), first);
    assert.deepEqual(listSources(folder), ["Cargo.lock", "b/src/lib.rs"]);

    await write("b/src/lib.rs", "One");
    const second = await digestSources(folder);
    assert.notEqual(second, first);
    await Deno.rename(`${folder}/b/src/lib.rs`, `${folder}/b/src/mod.rs`);
    assert.notEqual(await digestSources(folder), second);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
