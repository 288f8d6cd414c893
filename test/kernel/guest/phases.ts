/** What several scenarios do to LUNs and their daemon. */
import { strict as assert } from "node:assert";
import type { GuestContext } from "../scenario.ts";
import { check, compare, type FileSystem, makeAndMount, mount, unmount } from "./disk.ts";
import { listHandlers, type Lunette } from "./lunette.ts";
import { attempt, shell, sleep } from "./shell.ts";

/** Makes a file system that holds a tree, checks it, and compares the tree with what comes back. */
export async function holdTree(
  guest: GuestContext,
  disk: string,
  system: FileSystem,
  tree: string,
): Promise<void> {
  const step = <T>(what: string, work: () => Promise<T>) =>
    guest.step(`${system.name} on ${disk}: ${what}`, work);
  const folder = await step("mkfs, mount", () => makeAndMount(disk, system));
  await step("copy", () => shell(`cp -a ${tree} ${folder}/tree`));
  await step("unmount", () => unmount(folder, disk));
  await step("fsck", () => check(disk, system));
  await step("mount again", () => mount(disk, system));
  await step("diff -r", () => compare(tree, `${folder}/tree`));
  await step("remove, unmount, fsck", async () => {
    await shell(`rm -r ${folder}/tree`);
    await unmount(folder, disk);
    await check(disk, system);
  });
}

/** Kills the handlers of the LUNs so many times; returns the longest time one was away. */
export async function killHandlers(
  lunette: Lunette,
  names: readonly string[],
  times: number,
): Promise<number> {
  let longest_ms = 0;
  for (let time = 0; time < times; time++) {
    await sleep(1000);
    const elapsed = await Promise.all(names.map((name) => lunette.killHandler(name)));
    longest_ms = Math.max(longest_ms, ...elapsed);
  }
  return longest_ms;
}

/** Kills the daemon and starts it again; the LUNs named must be served then. Returns the time. */
export async function replaceDaemon(lunette: Lunette, names: readonly string[]): Promise<number> {
  await lunette.kill();
  assert.deepEqual(await listHandlers(), [], "a handler outlives its daemon");
  const start_ms = await lunette.start();
  for (const name of names) {
    assert.equal((await lunette.control.show(name)).state, "serving");
  }
  return start_ms;
}

/** What was in a daemon's memory is gone: the unit says so, and gives no data. */
export async function checkLost(lunette: Lunette, name: string, disk: string): Promise<void> {
  const { state } = await lunette.control.show(name);
  assert.equal(state, "no-medium");
  const ready = await attempt(`sg_turs -vv ${disk} 2>&1`);
  assert.notEqual(ready.code, 0, "TEST UNIT READY must fail");
  assert.match(ready.stdout, /[Nn]ot [Rr]eady|Medium not present/);
  const copy = "/run/scratch/lost.copy";
  const read = await attempt(`dd if=${disk} of=${copy} bs=4096 count=1 iflag=direct`);
  assert.notEqual(read.code, 0, "a read of lost content must fail");
  const length = await Deno.stat(copy).then(({ size }) => size, () => 0);
  assert.equal(length, 0, "a read of lost content gave data");
}
