import assert from "node:assert/strict";
import { commandTimeoutOf, setTimeouts, timeoutProblem } from "./attributes.ts";
import { createBackstore } from "./backstore.ts";
import { withFakeTree } from "./fake_tree.ts";

Deno.test("the kernel waits longer for a command than the daemon tries", () => {
  assert.equal(commandTimeoutOf(30_000), 210);
  assert.equal(commandTimeoutOf(2_000), 70);
  assert.equal(commandTimeoutOf(1), 61);
  assert.equal(commandTimeoutOf(0), 0, "without a deadline the operator wants to wait");
  assert.equal(commandTimeoutOf(86_400_000), 86_400);
});

Deno.test("setTimeouts() sets what the kernel lets it, and says what holds", () =>
  withFakeTree(async (tree) => {
    const { folder } = await createBackstore(tree, { name: "disk", size_bytes: 1 << 20 });
    assert.deepEqual(await setTimeouts(tree, folder, 2_000), {
      command_timeout_s: 70,
      queue_full_timeout_s: 20,
    });
    await tree.write(`${folder}/attrib/qfull_time_out`, "-1");
    // As while it is linked.
    tree.fault = (operation, path) =>
      operation === "write" && path.endsWith("cmd_time_out") ? "EINVAL" : undefined;
    const left = await setTimeouts(tree, folder, 30_000);
    assert.deepEqual(left, { command_timeout_s: 70, queue_full_timeout_s: 20 });
    assert.match(timeoutProblem(left, 30_000) ?? "", /after 70 s, and not after 210 s.*unlink/);
    assert.match(timeoutProblem(left, 0) ?? "", /not after any time/);
    assert.equal(timeoutProblem(left, 2_000), undefined);
    assert.equal(timeoutProblem({ ...left, command_timeout_s: 0 }, 30_000), undefined);
  }));
