import assert from "node:assert/strict";
import { checkHeader, headerCheckSource } from "./header_check.ts";
import type { Field, Layout } from "./layout/describe.ts";
import { tcmu } from "./layout/tcmu.ts";

const state = await checkHeader(tcmu);
const ignore = state.kind === "skipped";
if (ignore) console.log(`header check: skipped, ${state.reason}`);

/** The layout with one field of one struct changed. */
function changed(struct: string, field: string, change: Partial<Field>): Layout {
  return {
    ...tcmu,
    structs: tcmu.structs.map((entry) =>
      entry.name !== struct ? entry : {
        ...entry,
        fields: entry.fields.map((value) => value.name === field ? { ...value, ...change } : value),
      }
    ),
  };
}

Deno.test({ name: "checkHeader() agrees with the kernel's header", ignore }, () => {
  assert.deepEqual(state, { kind: "agrees" });
});

Deno.test({ name: "checkHeader() finds what differs", ignore }, async () => {
  const constant = tcmu.constants.map((entry) =>
    entry.name === "OPERATION_TMR" ? { ...entry, value: 3 } : entry
  );
  const struct = tcmu.structs.map((entry) =>
    entry.name === "MAILBOX" ? { ...entry, size: 64 } : entry
  );
  const wrong: [string, Layout][] = [
    ["OPERATION_TMR is 3", { ...tcmu, constants: constant }],
    ["MAILBOX is whole", { ...tcmu, structs: struct }],
    ["MAILBOX.TAIL is at 16", changed("MAILBOX", "TAIL", { offset: 16 })],
    ["COMMAND.CDB_OFFSET has 4 bytes", changed("COMMAND", "CDB_OFFSET", { type: "u32" })],
    ["COMMAND.SENSE has 95 bytes", changed("COMMAND", "SENSE", { count: 95 })],
    ["COMMAND_IDS", changed("TMR", "COMMAND_IDS", { type: "u32" })],
  ];
  for (const [message, layout] of wrong) {
    const result = await checkHeader(layout);
    assert.equal(result.kind, "differs", message);
    if (result.kind === "differs") assert.match(result.messages, new RegExp(message));
  }
});

Deno.test("checkHeader() skips with a reason without a compiler or header", async () => {
  const none = await checkHeader(tcmu, "no-such-compiler");
  assert.equal(none.kind, "skipped");
  const result = await checkHeader({ ...tcmu, header: "linux/no_such_header.h" });
  assert.equal(result.kind, "skipped");
});

Deno.test("headerCheckSource() asserts every row that names a C counterpart", () => {
  const source = headerCheckSource(tcmu);
  const named = [...tcmu.constants, ...tcmu.structs, ...tcmu.structs.flatMap((s) => s.fields)]
    .filter((row) => row.c !== undefined);
  assert.ok(named.length > 40);
  for (const { c } of named) assert.ok(source.includes(c as string), c);
});
