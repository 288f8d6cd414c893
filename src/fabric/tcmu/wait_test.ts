import { strict as assert } from "node:assert";
import type { FabricError } from "./error.ts";
import { nudgeUntil, poll, withDeadline } from "./wait.ts";

Deno.test("poll() asks until there is an answer, and at least once", async () => {
  let asked = 0;
  assert.equal(
    await poll(() => Promise.resolve(++asked === 3 ? "yes" : undefined), 1000, 1),
    "yes",
  );
  assert.equal(await poll(() => Promise.resolve(undefined), 0), undefined);
  assert.equal(await poll(() => Promise.resolve(1), 0), 1);
});

Deno.test("withDeadline() gives up with a timeout, and passes results and errors on", async () => {
  const never = new Promise<void>(() => {});
  await assert.rejects(
    withDeadline(never, 5, "wait"),
    (error: FabricError) => error.kind === "timeout" && error.message.includes("wait"),
  );
  assert.equal(await withDeadline(Promise.resolve(3), 1000, "x"), 3);
  await assert.rejects(withDeadline(Promise.reject(new Error("bad")), 1000, "x"), /bad/);
});

Deno.test("nudgeUntil() repeats the action until the operation ends, one at a time", async () => {
  let nudges = 0;
  let running = 0;
  let release = () => {};
  const operation = new Promise<string>((resolve) => release = () => resolve("done"));
  const result = await nudgeUntil(operation, async () => {
    assert.equal(++running, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    if (++nudges === 3) release();
    throw new Error("ignored");
  }, 1);
  assert.equal(result, "done");
  assert.equal(nudges, 3);
});

Deno.test("nudgeUntil() puts up with an action that throws before it returns a promise", async () => {
  let nudges = 0;
  const operation = new Promise((resolve) => setTimeout(resolve, 30));
  const action = () => {
    nudges++;
    throw new Error("at once");
  };
  await nudgeUntil(operation, action, 1);
  assert.ok(nudges > 0);
});

Deno.test("nudgeUntil() leaves an operation alone that ends before the delay", async () => {
  let nudges = 0;
  const operation = new Promise((resolve) => setTimeout(resolve, 20));
  await nudgeUntil(operation, () => Promise.resolve(nudges++), 1, 10_000);
  assert.equal(nudges, 0);
});
