/** LUNs are removed: in use, with I/O in flight, with a daemon and without one. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { EXT4, makeAndMount, unmount } from "../guest/disk.ts";
import { listTarget, Lunette } from "../guest/lunette.ts";
import { attempt, shell, sleep, within } from "../guest/shell.ts";

/** Long before the kernel's own time limit for commands, 120 s. */
const REMOVAL_MS_MAX = { uml: 20_000, qemu: 60_000 };

/** Reads and writes a disk until that fails. */
function keepBusy(disk: string): Promise<unknown> {
  // Without nocreat dd would make a file where the disk was.
  const flags = "oflag=direct conv=notrunc,nocreat";
  return attempt(
    `while dd if=/dev/zero of=${disk} bs=64k count=64 ${flags} 2>/dev/null; do :; done; ` +
      `while dd if=${disk} of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null; do :; done`,
  );
}

export const remove: Scenario = {
  name: "remove",
  shows: "rm with and without a daemon, with I/O in flight: never hangs, leaves nothing",
  slowInQemu: true,
  packages: ["e2fsprogs"],
  async run(guest) {
    // The disk goes away under the programs that use it: the kernel may say so.
    guest.expectKernelLog(/I\/O error|rejecting I\/O|Synchroniz|lost|offlined/i);
    const limit_ms = guest.pick(REMOVAL_MS_MAX);
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const memory = ["--handler", "memory", "--size", "64M"];

    const disk = await lunette.createDisk("mounted", ...memory);
    const folder = await makeAndMount(disk, EXT4);
    await guest.step("rm of a mounted LUN is refused", async () => {
      assert.match(await lunette.refused("rm", "mounted"), /mounted/);
      await shell(`echo still >${folder}/there && sync -f ${folder}`);
    });
    await unmount(folder, disk);
    await lunette.run("rm", "mounted");
    assert.deepEqual(listTarget(), []);

    const busy = keepBusy(await lunette.createDisk("busy", ...memory));
    await sleep(1000);
    await guest.step("rm with I/O in flight", async () => {
      const { elapsed_ms } = await lunette.attempt("rm", "busy");
      assert.ok(elapsed_ms < limit_ms, `rm took ${elapsed_ms} ms`);
      await within("the programs that used it", limit_ms, busy);
    });
    assert.deepEqual(listTarget(), []);

    const orphan = keepBusy(await lunette.createDisk("orphan", ...memory));
    const target = await lunette.create("target", ...memory, "--fabric", "iscsi");
    assert.match(target.url ?? "", /^iscsi:/);
    await sleep(1000);
    await lunette.kill();
    await guest.step("rm without a daemon, with I/O in flight", async () => {
      const { code, elapsed_ms, stderr } = await lunette.attempt("rm", "orphan", "target");
      assert.equal(code, 0, stderr);
      assert.ok(elapsed_ms < limit_ms, `rm took ${elapsed_ms} ms`);
      guest.note(`without a daemon within ${(elapsed_ms / 1000).toFixed(1)} s`);
      await within("the programs that used it", limit_ms, orphan);
    });
    assert.deepEqual(listTarget(), []);
    assert.match(await lunette.refused("rm", "orphan"), /no LUN "orphan"/);

    await guest.step("a daemon that starts then has no LUN", async () => {
      await lunette.start();
      assert.deepEqual(await lunette.control.list(), []);
    });
    await lunette.finish();
  },
};
