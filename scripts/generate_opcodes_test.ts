import assert from "node:assert/strict";
import { operationCodes } from "../src/scsi/opcodes.ts";
import { opcodesRust } from "./generate_opcodes.ts";

const [sample] = operationCodes.filter((row) => row.name === "READ(10)");

Deno.test("opcodesRust() writes the fields of a row", () => {
  const text = opcodesRust([sample]);
  assert.match(
    text,
    /row\(0x28, NO_SERVICE_ACTION, CLASS_READ, 10, \[2, 4\], \[7, 2\], \[0, 0\], \[\[1, 0xe0\], \[9, 0x04\]\]\), \/\/ READ\(10\)/,
  );
  assert.match(text, /ROWS: \[Row; 1\]/);
});

Deno.test("opcodesRust() sorts by operation code and service action", () => {
  const rows = [sample, { ...sample, code: 0x7f, serviceAction: 9, name: "b" }, {
    ...sample,
    code: 0x7f,
    serviceAction: 8,
    name: "a",
  }];
  const names = [...opcodesRust(rows).matchAll(/\), \/\/ (.+)$/gm)].map(([, name]) => name);
  assert.deepEqual(names, ["READ(10)", "a", "b"]);
});

Deno.test("opcodesRust() refuses a table that cannot be right", () => {
  assert.throws(() => opcodesRust([sample, sample]), /twice/);
  assert.throws(() => opcodesRust([{ ...sample, lba: { offset: 8, length: 4 } }]), /outside/);
  assert.throws(() => opcodesRust([{ ...sample, lba: { offset: 1, length: 9 } }]), /outside/);
  const bits = { offset: 1, mask: 1 };
  assert.throws(() => opcodesRust([{ ...sample, refused: [bits, bits, bits] }]), /refused/);
});

Deno.test("wasm/engine/src/opcodes.rs is current", async () => {
  const url = new URL("../wasm/engine/src/opcodes.rs", import.meta.url);
  assert.equal(await Deno.readTextFile(url), opcodesRust(operationCodes));
});
