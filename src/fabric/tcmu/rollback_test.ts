import { strict as assert } from "node:assert";
import { withRollback } from "./rollback.ts";

Deno.test("withRollback() undoes in reverse, goes on after a failure and says what is left", async () => {
  const log: string[] = [];
  const failing = withRollback(async (rollback) => {
    rollback.add("remove a", () => Promise.resolve(void log.push("a")));
    rollback.add("remove b", () => Promise.reject(new Error("stuck")));
    rollback.add("remove c", () => Promise.resolve(void log.push("c")));
    await Promise.reject(new Error("no room"));
  });
  await assert.rejects(failing, { message: "no room (left behind: cannot remove b: stuck)" });
  assert.deepEqual(log, ["c", "a"]);
});

Deno.test("withRollback() undoes nothing after success", async () => {
  const result = await withRollback((rollback) => {
    rollback.add("fail", () => Promise.reject(new Error("undone")));
    return Promise.resolve(7);
  });
  assert.equal(result, 7);
});
