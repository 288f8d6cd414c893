import { strict as assert } from "node:assert";
import { parseLockedVersion } from "./tools.ts";

Deno.test("parseLockedVersion() takes the crate of exactly that name", () => {
  const lock = '[[package]]\nname = "wasm-bindgen-macro"\nversion = "0.1.0"\n\n' +
    '[[package]]\nname = "wasm-bindgen"\nversion = "0.2.3"\nsource = "x"\n';
  assert.equal(parseLockedVersion(lock, "wasm-bindgen"), "0.2.3");
  assert.throws(() => parseLockedVersion(lock, "other"), /does not name other/);
});
