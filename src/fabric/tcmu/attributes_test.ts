import assert from "node:assert/strict";
import { commandTimeoutOf } from "./attributes.ts";

Deno.test("the kernel waits longer for a command than the daemon tries", () => {
  assert.equal(commandTimeoutOf(30_000), 210);
  assert.equal(commandTimeoutOf(2_000), 70);
  assert.equal(commandTimeoutOf(1), 61);
  assert.equal(commandTimeoutOf(0), 0, "without a deadline the operator wants to wait");
  assert.equal(commandTimeoutOf(86_400_000), 86_400);
});
