import assert from "node:assert/strict";
import plugin, { importProblem } from "./lint_plugin.ts";

Deno.test("importProblem() lets imports point downwards and not upwards", () => {
  assert.equal(importProblem("/x/src/engine/device.ts", "../scsi/answer.ts"), undefined);
  assert.equal(importProblem("/x/src/daemon/daemon.ts", "../sandbox/instance.ts"), undefined);
  assert.match(importProblem("/x/src/scsi/sense.ts", "../engine/device.ts") ?? "", /downwards/);
  assert.match(importProblem("/x/src/fabric/tcmu/a.ts", "../../sandbox/b.ts") ?? "", /downwards/);
});

Deno.test("importProblem() keeps handlers to the contract", () => {
  assert.equal(importProblem("/x/handlers/memory/mod.ts", "lunette/plugin"), undefined);
  assert.match(importProblem("/x/handlers/memory/mod.ts", "../../src/sys/libc.ts") ?? "", /alone/);
});

Deno.test("dlopen-in-sys reports dlopen outside of src/sys", () => {
  const source = 'Deno.dlopen("libc.so.6", {});';
  const outside = Deno.lint.runPlugin(plugin, "/x/src/daemon/a.ts", source);
  assert.deepEqual(outside.map((diagnostic) => diagnostic.id), ["lunette/dlopen-in-sys"]);
  assert.deepEqual(Deno.lint.runPlugin(plugin, "/x/src/sys/a.ts", source), []);
});

Deno.test("import-direction reports an upward import", () => {
  const source = 'import { x } from "../daemon/x.ts"; x();';
  const found = Deno.lint.runPlugin(plugin, "/x/src/engine/a.ts", source);
  assert.deepEqual(found.map((diagnostic) => diagnostic.id), ["lunette/import-direction"]);
});
