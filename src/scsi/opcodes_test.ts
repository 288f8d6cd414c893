import assert from "node:assert/strict";
import { operationCodes } from "./opcodes.ts";

/** Bytes in a CDB by the operation code's group (SPC-4 4.2.1). */
const GROUP_LENGTH = [6, 10, 10, 12, 16, 12, 10, 10];

for (const row of operationCodes) {
  Deno.test(`operationCodes ${row.name} is consistent`, () => {
    const expected = row.code === 0x7f ? 32 : GROUP_LENGTH[row.code >> 5];
    assert.equal(row.cdbLength, expected, "CDB length of the group");
    assert.equal(row.usage.length, row.cdbLength);
    assert.equal(row.usage[0], row.code);
    assert.ok(row.usage.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 0xff));
    if (row.code === 0x7f) {
      assert.equal(row.usage[7], row.cdbLength - 8, "ADDITIONAL CDB LENGTH");
      assert.equal(row.usage[8] << 8 | row.usage[9], row.serviceAction);
    } else if (row.serviceAction !== undefined) {
      assert.equal(row.usage[1] & 0x1f, row.serviceAction);
    }
    for (const field of [row.lba, row.length, row.allocation]) {
      if (field === undefined) continue;
      // Only READ(6) and WRITE(6) have a field that shares its first byte.
      const bytes = row.usage.slice(field.offset, field.offset + field.length);
      assert.equal(bytes.length, field.length);
      const whole = bytes.every((byte) => byte === 0xff);
      assert.ok(whole || row.cdbLength === 6 && bytes[0] === 0x1f, "a field is evaluated whole");
    }
    for (const { offset, mask } of row.refused) {
      assert.equal(row.usage[offset] & mask, mask, "what is refused is evaluated");
    }
    const control = row.code === 0x7f ? 1 : row.cdbLength - 1;
    assert.equal(row.usage[control], 0x04, "CONTROL: NACA");
  });
}

Deno.test("operationCodes are unique and in ascending order", () => {
  const keys = operationCodes.map((row) => row.code * 65536 + (row.serviceAction ?? 0));
  assert.deepEqual(keys, [...new Set(keys)].sort((a, b) => a - b));
  const names = operationCodes.map((row) => row.name);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("operationCodes with service actions have them in all rows", () => {
  for (const row of operationCodes) {
    const alike = operationCodes.filter(({ code }) => code === row.code);
    if (alike.length > 1) assert.ok(alike.every((other) => other.serviceAction !== undefined));
  }
});

Deno.test("operationCodes repeat what cannot be repeated by nobody", () => {
  // COMPARE AND WRITE gives another answer the second time; SANITIZE, FORMAT UNIT and copies go on
  // where they were.
  const others = operationCodes.filter(({ replay, answeredBy }) =>
    replay !== "always" && answeredBy !== "target core"
  );
  assert.deepEqual(others.map(({ name }) => name), [
    "FORMAT UNIT",
    "SANITIZE, OVERWRITE",
    "SANITIZE, BLOCK ERASE",
    "EXTENDED COPY(LID1)",
    "POPULATE TOKEN",
    "WRITE USING TOKEN",
    "COMPARE AND WRITE",
  ]);
});
