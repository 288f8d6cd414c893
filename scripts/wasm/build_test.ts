import { strict as assert } from "node:assert";
import { inspectWasm } from "../wasm_inspect.ts";
import { checkEngine } from "./build.ts";
import { PACKAGE, REPOSITORY, WASM_FILE } from "./paths.ts";

Deno.test("the committed engine keeps its rules and takes its memory from env", async () => {
  const wasm = await Deno.readFile(`${PACKAGE}/${WASM_FILE}`);
  checkEngine(wasm);
  const { imports } = inspectWasm(wasm);
  assert.deepEqual(imports.map(({ module, name }) => [module, name]), [["env", "memory"]]);
});

Deno.test("checkEngine() refuses a module that tells where it was built", async () => {
  const wasm = await Deno.readFile(`${PACKAGE}/${WASM_FILE}`);
  const content = [4, ...new TextEncoder().encode("note" + REPOSITORY)];
  const section = [0, content.length, ...content];
  assert.throws(() => checkEngine(Uint8Array.from([...wasm, ...section])), /holds the path/);
});
