import assert from "node:assert/strict";
import { BARE_CHILD_CODE } from "../src/sys/bare_child_code.ts";
import { assemble, textOf } from "./generate_bare_child.ts";

for (const machine of ["x86_64", "aarch64"] as const) {
  const code = await assemble(machine);
  if (code === undefined) console.log(`skipped: there is no rustc for ${machine}`);
  const name = `the machine code for ${machine} is what its assembly says`;
  Deno.test(name, { ignore: code === undefined }, () => {
    assert.equal(code?.toHex(), BARE_CHILD_CODE[machine].toHex());
  });
}

Deno.test("textOf() refuses what is no object file", () => {
  assert.throws(() => textOf(new Uint8Array(64)), /no 64-bit object file/);
});
