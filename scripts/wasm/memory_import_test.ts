import { strict as assert } from "node:assert";
import { inspectWasm } from "../wasm_inspect.ts";
import { renameImport, renameImportInGlue } from "./memory_import.ts";

const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];

function moduleWithImport(module: string): Uint8Array<ArrayBuffer> {
  const content = [1, ...name(module), ...name("memory"), 2, 0, 3];
  const custom = [0, 5, ...name("tail")];
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    2,
    content.length,
    ...content,
    ...custom,
  ]);
}

Deno.test("renameImport() takes the memory from env and leaves all else", () => {
  const renamed = renameImport(moduleWithImport("./engine_bg.js"));
  assert.deepEqual(renamed, moduleWithImport("env"));
  assert.ok(WebAssembly.validate(renamed));
  assert.equal(inspectWasm(renamed).imports[0].limits?.minimum, 3);
});

Deno.test("renameImportInGlue() changes the one place, or says that it cannot", () => {
  const glue = 'return { __proto__: null, "./engine_bg.js": import0 };';
  assert.equal(
    renameImportInGlue(glue, "./engine_bg.js"),
    'return { __proto__: null, "env": import0 };',
  );
  assert.throws(() => renameImportInGlue(glue, "wbg"), /adapt it/);
});
