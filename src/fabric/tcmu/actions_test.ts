import { strict as assert } from "node:assert";
import { recover, ResetRing, resetRing } from "./actions.ts";
import { createBackstore } from "./backstore.ts";
import type { FabricError } from "./error.ts";
import { type FakeTree, withFakeTree } from "./fake_tree.ts";

const DISK = { name: "disk", size_bytes: 1 << 20 };

/** What was written to the actions of the disk. */
function actionsOf(tree: FakeTree): string[] {
  return tree.log.flatMap((line) => /action\/(.*)$/.exec(line)?.slice(1) ?? []);
}

Deno.test("recover() holds commands back, resets, and lets them in when told", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    const unblock = await recover(tree, backstore);
    assert.deepEqual(actionsOf(tree), ["block_dev 1", "reset_ring 1"]);
    await unblock();
    assert.deepEqual(actionsOf(tree), ["block_dev 1", "reset_ring 1", "block_dev 0"]);
  }));

Deno.test("recover() lets commands in again when the reset fails", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    tree.fault = (operation, path) =>
      operation === "write" && path.endsWith("reset_ring") ? "EIO" : undefined;
    await assert.rejects(recover(tree, backstore));
    assert.deepEqual(actionsOf(tree), ["block_dev 1", "block_dev 0"]);
  }));

Deno.test("resetRing() tries again while the device is being enabled", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    let failures = 3;
    tree.fault = (operation, path) =>
      operation === "write" && path.endsWith("reset_ring") && failures-- > 0 ? "EINVAL" : undefined;
    await resetRing(tree, backstore, ResetRing.FAIL);
    assert.deepEqual(actionsOf(tree), ["reset_ring 2"]);
  }));

Deno.test("resetRing() says that the backstore is missing", () =>
  withFakeTree(async (tree) => {
    await assert.rejects(
      resetRing(tree, { hba: 7, name: "none" }, ResetRing.RETRY),
      (error: FabricError) => error.kind === "missing",
    );
  }));
