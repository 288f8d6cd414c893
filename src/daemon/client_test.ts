import assert from "node:assert/strict";
import { join } from "node:path";
import { ControlClient } from "./client.ts";
import type { OperatorError } from "./error.ts";

const OWNER = 12345;

Deno.test("nothing is told to another user's socket", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-client-" });
  const path = join(folder, "control.sock");
  const listener = Deno.listen({ transport: "unix", path });
  const isRoot = Deno.uid() === 0;
  if (isRoot) await Deno.chown(path, OWNER, OWNER);
  const owner = isRoot ? OWNER : Number(Deno.uid());
  const kindOf = (uid: number) =>
    new ControlClient(path, uid).list().then(() => "", (error) => (error as OperatorError).kind);
  try {
    assert.equal(await kindOf(owner + 1), "permission");
    listener.close();
    // Past the check nobody answers.
    for (const uid of [owner, 0]) assert.equal(await kindOf(uid), "unavailable");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
