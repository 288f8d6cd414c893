/** LUNs over iSCSI, by the kernel's target and by the embedded one, used by real initiators. */
import { strict as assert } from "node:assert";
import type { GuestContext, Scenario } from "../scenario.ts";
import { check, compare, EXT4, makeAndMount, mount, unmount } from "../guest/disk.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { Lunette } from "../guest/lunette.ts";
import { logIn, logOut, OPEN_ISCSI, startInitiator } from "../guest/open_iscsi.ts";
import { shell } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

const PACKAGES = [...OPEN_ISCSI.packages, "libiscsi-bin", "e2fsprogs", "fio"];

/** libiscsi's tools see target and LUN. */
async function look(guest: GuestContext, url: string): Promise<void> {
  const [portal, target] = url.slice("iscsi://".length).split("/");
  await guest.step("iscsi-ls, iscsi-inq", async () => {
    assert.ok((await shell(`iscsi-ls -s iscsi://${portal}`)).includes(target));
    assert.match(await shell(`iscsi-inq ${url}`), /LUNETTE/);
    assert.match(await shell(`iscsi-readcapacity16 ${url}`), /Total size:\s*67108864/);
  });
}

/** The kernel's initiator makes a disk of it, which holds a file system and fio's data. */
async function use(guest: GuestContext, url: string): Promise<void> {
  await startInitiator();
  const disk = await guest.step("open-iscsi logs in", () => logIn(url));
  const tree = await collectTree(guest, { uml: 20, qemu: 5 });
  await guest.step("mkfs, copy, fsck, diff", async () => {
    const folder = await makeAndMount(disk, EXT4);
    await shell(`cp -a ${tree.folder} ${folder}/tree`);
    await unmount(folder, disk);
    await check(disk, EXT4);
    await mount(disk, EXT4);
    await compare(tree.folder, `${folder}/tree`);
    await unmount(folder, disk);
  });
  const size_mb = guest.pick({ uml: 64, qemu: 8 });
  guest.note(describeFio(await guest.step("fio", () => fio({ devices: [disk], size_mb }))));
  await guest.step("log out", () => logOut(url));
}

export const kernelIscsi: Scenario = {
  name: "kernel-iscsi",
  shows: "--fabric iscsi: the kernel's iSCSI target, with libiscsi and open-iscsi",
  slowInQemu: true,
  packages: PACKAGES,
  modules: OPEN_ISCSI.modules,
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const { url = "" } = await lunette.create(
      "lio",
      ...["--handler", "example-xor", "--size", "64M", "--fabric", "iscsi"],
    );
    await look(guest, url);
    await use(guest, url);
    await lunette.finish("lio");
  },
};

export const embeddedIscsi: Scenario = {
  name: "embedded-iscsi",
  shows: "--fabric embedded-iscsi, with libiscsi and open-iscsi",
  slowInQemu: true,
  packages: PACKAGES,
  modules: OPEN_ISCSI.modules,
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const { url = "" } = await lunette.create(
      "embedded",
      ...["--handler", "example-xor", "--size", "64M", "--fabric", "embedded-iscsi"],
    );
    await look(guest, url);
    await use(guest, url);
    await lunette.finish("embedded");
  },
};
