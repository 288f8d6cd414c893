import { strict as assert } from "node:assert";
import { DetachedTree } from "./detached_tree.ts";
import { errorCode } from "./error.ts";

Deno.test("DetachedTree removes and writes like any tree, and names the errors", async () => {
  const root = await Deno.makeTempDir({ prefix: "lunette-detached-" });
  const tree = new DetachedTree({ target: root });
  const folder = `${root}/a folder; $x`;
  await tree.mkdir(folder);
  await tree.symlink(root, `${folder}/link`);
  await Deno.writeTextFile(`${root}/attribute`, "");
  assert.deepEqual(await tree.list(`${folder}`), ["link"]);
  assert.deepEqual(await tree.list(`${folder}/none`), []);
  await assert.rejects(tree.rmdir(folder), (error) => errorCode(error) === "ENOTEMPTY");
  await tree.unlink(`${folder}/link`);
  await tree.rmdir(folder);
  await assert.rejects(tree.rmdir(folder), (error) => errorCode(error) === "ENOENT");
  await assert.rejects(tree.unlink(folder), (error) => errorCode(error) === "ENOENT");
  await tree.writeBlocking(`${root}/attribute`, "$(touch x)%d\\n");
  assert.equal(await Deno.readTextFile(`${root}/attribute`), "$(touch x)%d\\n");
  await Deno.remove(root, { recursive: true });
});
