/** LUNs are changed while file systems and programs use them: size, write protection, medium. */
import { strict as assert } from "node:assert";
import { KernelTree, removeLun } from "../../../src/fabric/tcmu/mod.ts";
import type { Scenario } from "../scenario.ts";
import { check, EXT4, makeAndMount, mount, unmount } from "../guest/disk.ts";
import { listTarget, Lunette } from "../guest/lunette.ts";
import { attempt, shell, sleep, until, within } from "../guest/shell.ts";

const MIB = 1 << 20;
const ATTRIBUTES = ["tmr_notification", "emulate_pr", "pgr_support", "alua_support"];
const SETTLE_MS = 20_000;

async function sizeOf(disk: string): Promise<number> {
  return Number(await shell(`blockdev --getsize64 ${disk}`));
}

/** The folder of a LUN's backstore in configfs. */
function backstoreOf(name: string): string {
  const path = listTarget().find((found) => found.endsWith(`/${name}`));
  assert.ok(path !== undefined, `no backstore of ${name}`);
  return `/sys/kernel/config/target/${path}`;
}

async function attribute(name: string, which: string): Promise<string> {
  return (await shell(`cat ${backstoreOf(name)}/attrib/${which}`)).trim();
}

/** Makes a device in configfs, and removes it there when it is served. */
async function adopt(lunette: Lunette): Promise<void> {
  const hba = "/sys/kernel/config/target/core/user_77";
  await shell(
    `mkdir -p ${hba}/theirs && cd ${hba}/theirs && ` +
      "echo dev_size=8388608,dev_config=lunette/@memory >control && echo 1 >enable",
  );
  await until("it is served", SETTLE_MS, async () => {
    const luns = await lunette.control.list();
    return luns.some(({ name, state }) => name === "theirs" && state === "serving");
  });
  const { kernel_timeouts, deadline_ms } = await lunette.show("theirs");
  assert.deepEqual([kernel_timeouts?.queue_full_timeout_s, deadline_ms], [20, 30_000]);
  assert.equal(kernel_timeouts?.command_timeout_s, 210);
  for (const [name, value] of [["cmd_time_out", "210"], ["qfull_time_out", "20"]]) {
    assert.equal((await shell(`cat ${hba}/theirs/attrib/${name}`)).trim(), value);
  }
  await lunette.run("limit", "theirs", "--deadline", "2s");
  assert.equal((await shell(`cat ${hba}/theirs/attrib/cmd_time_out`)).trim(), "70");
  await shell(`rmdir ${hba}/theirs ${hba}`);
  await until("it is gone", SETTLE_MS, async () => {
    return (await lunette.control.list()).every(({ name }) => name !== "theirs");
  });
}

export const liveChange: Scenario = {
  name: "live-change",
  shows: "resize, protect, eject and insert under I/O; the kernel follows, nothing is lost",
  slowInQemu: true,
  packages: ["e2fsprogs", "sg3-utils"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const path = `${guest.scratch}/disk.img`;
    const file = ["--handler", "file", "--set", `path=${path}`, "--size", "64M"];
    const disk = await lunette.createDisk("disk", ...file);
    await guest.step("attributes of the backstore", async () => {
      for (const name of ATTRIBUTES) assert.equal(await attribute("disk", name), "1", name);
      const folders = await shell("ls $(cat /sys/kernel/config/target/dbroot)");
      assert.match(folders, /\bpr\b/);
    });

    await guest.step("a device that somebody else made waits as long", () => adopt(lunette));

    const folder = await makeAndMount(disk, EXT4);
    await shell(`seq 1 200000 >${folder}/before && sync -f ${folder}`);
    const writer = attempt(
      `for i in $(seq 1 40); do dd if=/dev/urandom of=${folder}/busy bs=64k count=32 oflag=direct ` +
        `conv=notrunc 2>/dev/null; done`,
    );
    await guest.step("grow under a mounted file system", async () => {
      await lunette.run("resize", "disk", "128M");
      assert.equal(await sizeOf(disk), 128 * MIB);
      assert.equal(await attribute("disk", "dev_size"), String(128 * MIB));
      await shell(`resize2fs ${disk}`);
      assert.equal((await within("the writer", SETTLE_MS * 3, writer)).code, 0);
      await shell(`dd if=/dev/zero of=${folder}/large bs=1M count=80 conv=fsync`);
      assert.equal(await shell(`seq 1 200000 | cmp - ${folder}/before`), "");
    });
    await guest.step("the size is kept when the daemon is killed", async () => {
      await lunette.kill();
      await lunette.start();
      assert.equal((await lunette.show("disk")).size_bytes, 128 * MIB);
      assert.equal(await shell(`seq 1 200000 | cmp - ${folder}/before`), "");
    });
    await shell(`rm ${folder}/large`);
    await unmount(folder, disk);
    await check(disk, EXT4);

    await guest.step("shrinking is refused without --shrink", async () => {
      assert.match(await lunette.refused("resize", "disk", "96M"), /destroys.*\n.*--shrink/);
      assert.equal(await sizeOf(disk), 128 * MIB);
    });
    await guest.step("shrink", async () => {
      await shell(`e2fsck -fp ${disk} && resize2fs ${disk} 80M`);
      await lunette.run("resize", "disk", "96M", "--shrink");
      assert.equal(await sizeOf(disk), 96 * MIB);
      assert.equal(await shell(`stat -c %s ${path}`), `${96 * MIB}\n`);
      await check(disk, EXT4);
    });

    await guest.step("a size that configfs is given is followed", async () => {
      await shell(`echo ${112 * MIB} >${backstoreOf("disk")}/attrib/dev_size`);
      await until("the disk has it", SETTLE_MS, async () => await sizeOf(disk) === 112 * MIB);
      assert.equal((await lunette.show("disk")).size_bytes, 112 * MIB);
    });

    await guest.step("protect, and --off", async () => {
      await lunette.run("protect", "disk");
      assert.equal((await shell(`blockdev --getro ${disk}`)).trim(), "1");
      const mounted = await attempt(`mkdir -p /run/mnt/ro && mount ${disk} /run/mnt/ro`);
      if (mounted.code === 0) {
        assert.notEqual((await attempt("touch /run/mnt/ro/x")).code, 0);
        await shell("umount /run/mnt/ro");
      }
      await lunette.run("protect", "disk", "--off");
      assert.equal((await shell(`blockdev --getro ${disk}`)).trim(), "0");
      const again = await mount(disk, EXT4);
      await shell(`touch ${again}/x`);
      await unmount(again, disk);
    });

    await guest.step("reservations with APTPL hold when the kernel has lost the LUN", async () => {
      const persist = `sg_persist -d ${disk}`;
      await shell(`${persist} --out --register --param-sark=42 --param-aptpl`);
      await shell(`${persist} --out --reserve --param-rk=42 --prout-type=1`);
      await lunette.stop();
      // As after a reboot: only what was written to files is there.
      await removeLun(new KernelTree(), "disk");
      await lunette.start();
      const { device } = await lunette.show("disk");
      assert.match(await shell(`sg_persist -d ${device} --in --read-keys`), /0x42/);
      assert.match(
        await shell(`sg_persist -d ${device} --in --read-reservation`),
        /Key=0x42[^]*type: Write Exclusive/,
      );
      await shell(`sg_persist -d ${device} --out --clear --param-rk=42`);
    });

    const removable = ["--handler", "memory", "--size", "32M", "--removable"];
    const drive = await lunette.createDisk("drive", ...removable);
    await guest.step("eject and insert", async () => {
      assert.equal(await shell(`cat /sys/block/${drive.slice(5)}/removable`), "1\n");
      await shell(`seq 1 1000 | dd of=${drive} bs=4k conv=fsync 2>/dev/null`);
      await lunette.run("eject", "drive");
      const read = `dd if=${drive} of=/dev/null bs=4k count=1 iflag=direct`;
      assert.notEqual((await attempt(read)).code, 0);
      await lunette.run("insert", "drive");
      await until("the medium is read again", SETTLE_MS, async () => {
        return (await attempt(read)).code === 0;
      });
      const numbers = await shell("seq 1 1000");
      const kept = await shell(`head -c ${numbers.length} ${drive}`);
      assert.equal(kept, numbers);
    });
    await guest.step(
      "a disk of 4096-byte blocks, and one that says so of its physical ones",
      async () => {
        const memory = ["--handler", "memory", "--size", "16M"];
        const large = await lunette.createDisk("large", ...memory, "--block-size", "4096");
        assert.equal(await shell(`blockdev --getss --getpbsz ${large}`), "4096\n4096\n");
        const emulated = await lunette.createDisk(
          "e512",
          ...memory,
          "--physical-block-size",
          "4096",
          "--read-only",
        );
        assert.equal(
          await shell(`blockdev --getss --getpbsz --getro ${emulated}`),
          "512\n4096\n1\n",
        );
      },
    );
    await guest.step("the kernel's log has no complaint about netlink", async () => {
      await lunette.run("rm", "large", "e512");
      await sleep(200);
      assert.doesNotMatch(await shell("dmesg"), /tcmu nl cmd|completion could not find/);
    });
    await lunette.finish("disk", "drive");
  },
};
