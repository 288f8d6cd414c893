/**
 * A bit of everything in one guest: under emulation, where every program's start takes seconds, this
 * is what CI has time for.
 */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { EXT4, XFS } from "../guest/disk.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { underLoad, verifyUntil } from "../guest/load.ts";
import { listTarget, Lunette } from "../guest/lunette.ts";
import { checkLost, holdTree, killHandlers, replaceDaemon } from "../guest/phases.ts";
import { sleep } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

const SIZE = "512M";

export const tour: Scenario = {
  name: "tour",
  shows: "file systems, fio, killed handlers, a killed daemon and removal, in one guest",
  packages: ["fio", "e2fsprogs", "xfsprogs", "sg3-utils"],
  rigs: ["qemu-6.1", "qemu-6.12"],
  async run(guest) {
    const tree = await guest.step(
      "collect files",
      () => collectTree(guest, { uml: 200, qemu: 20 }),
    );
    guest.note(`${tree.files} files, ${(tree.bytes / 1e6).toFixed(0)} MB`);
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const path = `path=${guest.scratch}/file.img`;
    const create = (name: string, ...options: string[]) =>
      guest.step(
        `create ${name}`,
        () => lunette.createDisk(name, "--size", SIZE, "--handler", ...options),
      );
    const xor = await create("xor", "example-xor");
    const file = await create("file", "file", "--set", path);
    await Promise.all([
      holdTree(guest, xor, EXT4, tree.folder),
      holdTree(guest, file, XFS, tree.folder),
    ]);

    const times = guest.lasting({ quick: 2, normal: 3, full: 10 });
    const [away_ms, one, other] = await guest.step(
      `fio on both while both handlers are killed ${times} times`,
      () =>
        underLoad(
          () => killHandlers(lunette, ["xor", "file"], times),
          (stopped) => verifyUntil(stopped, xor, guest),
          (stopped) => verifyUntil(stopped, file, guest),
        ),
    );
    const runs = [...one, ...other];
    guest.note(`${runs.length} fio runs, the last: ${describeFio(runs[runs.length - 1])}`);
    guest.note(`handlers away at most ${(away_ms / 1000).toFixed(1)} s`);

    const kept = { devices: [file], size_mb: 32 };
    const [, start_ms] = await guest.step(
      "the daemon is killed under fio, started again",
      () =>
        Promise.all([
          fio({ ...kept, phase: "write" }),
          sleep(500).then(() => replaceDaemon(lunette, ["file"])),
        ]),
    );
    await guest.step("what fio wrote is there", () => fio({ ...kept, phase: "verify" }));
    guest.note(`daemon started again in ${(start_ms / 1000).toFixed(1)} s`);
    guest.expectKernelLog(new RegExp(`\\b${xor.slice("/dev/".length)}\\b`));
    await guest.step("lost content is NOT READY", () => checkLost(lunette, "xor", xor));

    await lunette.kill();
    await guest.step("rm without a daemon", async () => {
      await lunette.run("rm", "xor", "file");
      assert.deepEqual(listTarget(), [], "something stays in configfs");
    });
  },
};
