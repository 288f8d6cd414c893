/** The daemon is killed under load and started again: what it had acknowledged is there. */
import { strict as assert } from "node:assert";
import type { GuestContext, Scenario } from "../scenario.ts";
import { check, EXT4, makeAndMount, unmount } from "../guest/disk.ts";
import { describeFio } from "../guest/fio.ts";
import { copyUntil, underLoad, writeThenVerifyUntil } from "../guest/load.ts";
import { listHandlers, listTarget, Lunette } from "../guest/lunette.ts";
import { checkLost, replaceDaemon } from "../guest/phases.ts";
import { shell, sleep } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

/** Kills and starts the daemon so many times; returns the longest time of a start. */
async function killDaemon(guest: GuestContext, lunette: Lunette, times: number): Promise<number> {
  let longest_ms = 0;
  for (let time = 0; time < times; time++) {
    await sleep(guest.pick({ uml: 2000, qemu: 5000 }));
    longest_ms = Math.max(longest_ms, await replaceDaemon(lunette, ["data", "files"]));
  }
  return longest_ms;
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
  slowInQemu: true,
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
    await guest.step("lost content is NOT READY", () => checkLost(lunette, "lost", lost));
    const [stop_ms] = await guest.step(
      "SIGTERM under load, start again",
      () => load(() => stopAndStart(guest, lunette)),
    );
    guest.note(`stopped within ${(stop_ms / 1000).toFixed(1)} s`);
    await guest.step("lost content stays NOT READY", () => checkLost(lunette, "lost", lost));
    await unmount(folder, files);
    await check(files, EXT4);
    await lunette.finish("data", "files", "lost");
  },
};
