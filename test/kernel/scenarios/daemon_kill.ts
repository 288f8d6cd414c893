/** The daemon is killed under load and started again: what it had acknowledged is there. */
import { strict as assert } from "node:assert";
import type { GuestContext, Scenario } from "../scenario.ts";
import { check, EXT4, makeAndMount, unmount } from "../guest/disk.ts";
import { describeFio } from "../guest/fio.ts";
import { copyUntil, underLoad, writeThenVerifyUntil } from "../guest/load.ts";
import { listHandlers, listTarget, Lunette } from "../guest/lunette.ts";
import { attempt, shell, sleep } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

/** Kills and starts the daemon so many times; returns the longest time of a start. */
async function killDaemon(guest: GuestContext, lunette: Lunette, times: number): Promise<number> {
  let longest_ms = 0;
  for (let time = 0; time < times; time++) {
    await sleep(guest.pick({ uml: 2000, qemu: 5000 }));
    await lunette.kill();
    assert.deepEqual(await listHandlers(), [], "a handler outlives its daemon");
    longest_ms = Math.max(longest_ms, await lunette.start());
    for (const name of ["data", "files"]) {
      assert.equal((await lunette.control.show(name)).state, "serving");
    }
  }
  return longest_ms;
}

/** What was in the daemon's memory is gone: the unit says so, and gives no data. */
async function checkLost(lunette: Lunette, disk: string): Promise<void> {
  const { state } = await lunette.show("lost");
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

/** SIGTERM under load: commands in flight end, and the kernel keeps the LUNs for the next start. */
async function stopAndStart(guest: GuestContext, lunette: Lunette): Promise<number> {
  await sleep(guest.pick({ uml: 1000, qemu: 4000 }));
  const before = listTarget();
  const stop_ms = await lunette.stop();
  assert.deepEqual(listTarget(), before, "SIGTERM leaves the LUNs in the kernel");
  assert.deepEqual(await listHandlers(), [], "a handler outlives its daemon");
  await lunette.start();
  return stop_ms;
}

export const daemonKill: Scenario = {
  name: "daemon-kill",
  shows: "the daemon killed, and stopped, under load and started again: nothing is lost",
  packages: ["fio", "e2fsprogs", "sg3-utils"],
  async run(guest) {
    const tree = await collectTree(guest, { uml: 40, qemu: 5 });
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const create = (name: string) => {
      const path = `path=${guest.scratch}/${name}.img`;
      return lunette.createDisk(name, "--handler", "file", "--set", path, "--size", "192M");
    };
    const data = await create("data");
    const files = await create("files");
    const lost = await lunette.createDisk("lost", "--handler", "memory", "--size", "16M");
    await shell(`dd if=/dev/urandom of=${lost} bs=1M count=16 oflag=direct`);
    guest.expectKernelLog(new RegExp(`\\b${lost.slice("/dev/".length)}\\b`));
    const folder = await makeAndMount(files, EXT4);
    const load = <T>(disturbance: () => Promise<T>) =>
      underLoad(
        disturbance,
        (stopped) => writeThenVerifyUntil(stopped, data, guest),
        (stopped) => copyUntil(stopped, tree.folder, folder),
      );
    const times = guest.lasting({ quick: 2, normal: 4, full: 10 });
    const [start_ms, runs, copies] = await guest.step(
      `kill the daemon ${times} times under load`,
      () => load(() => killDaemon(guest, lunette, times)),
    );
    guest.note(
      `${times} kills, ${runs.length} fio runs, ${copies} copies, ` +
        `started within ${(start_ms / 1000).toFixed(1)} s`,
    );
    guest.note(describeFio(runs[runs.length - 1]));
    await guest.step("lost content is NOT READY", () => checkLost(lunette, lost));
    const [stop_ms] = await guest.step(
      "SIGTERM under load, start again",
      () => load(() => stopAndStart(guest, lunette)),
    );
    guest.note(`stopped within ${(stop_ms / 1000).toFixed(1)} s`);
    await guest.step("lost content stays NOT READY", () => checkLost(lunette, lost));
    await unmount(folder, files);
    await check(files, EXT4);
    await lunette.finish("data", "files", "lost");
  },
};
