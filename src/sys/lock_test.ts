import assert from "node:assert/strict";
import { closeDescriptor } from "./descriptor.ts";
import { awaitUnlocked, openGeneration } from "./lock.ts";
import { openNull, reap, sendSignal, Signal } from "./process.ts";
import { spawnProgram } from "./spawn_double.ts";

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".lock" });
  try {
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a unit's lock is had once, other units have theirs, and all hold the file", async () => {
  await withFile(async (path) => {
    const one = await openGeneration(path, "one", 0);
    const two = await openGeneration(path, "two", 0);
    assert.ok(one !== undefined && two !== undefined);
    assert.equal(await openGeneration(path, "one", 20), undefined);
    assert.equal(await awaitUnlocked(path, 0), false);
    const waiting = openGeneration(path, "one", 5000);
    closeDescriptor(one);
    const again = await waiting;
    assert.ok(again !== undefined);
    closeDescriptor(again);
    closeDescriptor(two);
    assert.equal(await awaitUnlocked(path, 0), true);
  });
});

Deno.test("a unit's lock stays with a process that has inherited it, until it is gone", async () => {
  await withFile(async (path) => {
    const fd = await openGeneration(path, "one", 0) as number;
    const null_fd = openNull();
    const pid = spawnProgram(
      { path: "/bin/sleep", arguments: ["60"], environment: {} },
      new Map([[0, null_fd], [1, null_fd], [2, null_fd], [5, fd]]),
    );
    closeDescriptor(fd);
    closeDescriptor(null_fd);
    assert.equal(await openGeneration(path, "one", 50), undefined);
    sendSignal(pid, Signal.SIGKILL);
    while (reap(pid) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    const next = await openGeneration(path, "one", 1000);
    assert.ok(next !== undefined);
    closeDescriptor(next);
  });
});
