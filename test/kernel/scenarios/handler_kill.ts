/** Handlers are killed again and again under load; nobody above notices. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { check, compare, EXT4, makeAndMount, mount, unmount } from "../guest/disk.ts";
import { describeFio } from "../guest/fio.ts";
import { copyUntil, underLoad, verifyUntil } from "../guest/load.ts";
import { Lunette } from "../guest/lunette.ts";
import { killHandlers } from "../guest/phases.ts";
import { shell } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

export const handlerKill: Scenario = {
  name: "handler-kill",
  shows: "handlers killed with SIGKILL under fio and a copy: no error, nothing lost",
  slowInQemu: true,
  packages: ["fio", "e2fsprogs"],
  async run(guest) {
    const tree = await collectTree(guest, { uml: 60, qemu: 8 });
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const path = `path=${guest.scratch}/file.img`;
    const xor = await lunette.createDisk("xor", "--handler", "example-xor", "--size", "256M");
    const options = ["--handler", "file", "--set", path, "--size", "256M"];
    const file = await lunette.createDisk("file", ...options);
    const folder = await makeAndMount(xor, EXT4);
    const times = guest.lasting({ quick: 4, normal: 8, full: 20 });
    const [longest_ms, copies, runs] = await guest.step(
      `kill both handlers ${times} times under load`,
      () =>
        underLoad(
          () => killHandlers(lunette, ["xor", "file"], times),
          (stopped) => copyUntil(stopped, tree.folder, folder),
          (stopped) => verifyUntil(stopped, file, guest),
        ),
    );
    const replays = await lunette.control.statistics();
    guest.note(
      `${times} kills of each, ${copies} copies, ${runs.length} fio runs, ` +
        `${replays.xor.replays + replays.file.replays} replays, ` +
        `away at most ${(longest_ms / 1000).toFixed(1)} s`,
    );
    guest.note(describeFio(runs[runs.length - 1]));
    for (const name of ["xor", "file"]) {
      const { restarts, state } = await lunette.show(name);
      assert.equal(restarts, times, `${name} counts its restarts`);
      assert.equal(state, "serving");
    }
    await guest.step("a last copy, unmount, fsck, diff", async () => {
      await shell(`cp -a ${tree.folder} ${folder}/last`);
      await unmount(folder, xor);
      await check(xor, EXT4);
      await mount(xor, EXT4);
      await compare(tree.folder, `${folder}/last`);
      await unmount(folder, xor);
    });
    await lunette.finish("xor", "file");
  },
};
