/** Two LUNs at once, each with a file system that a source tree is copied to. */
import type { GuestContext, Scenario } from "../scenario.ts";
import {
  check,
  compare,
  EXT4,
  type FileSystem,
  makeAndMount,
  mount,
  unmount,
  XFS,
} from "../guest/disk.ts";
import { Lunette } from "../guest/lunette.ts";
import { shell } from "../guest/shell.ts";
import { collectTree } from "../guest/tree.ts";

const SIZE = "512M";

async function useDisk(
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

export const filesystems: Scenario = {
  name: "filesystems",
  shows: "mkfs, copy, fsck and diff on ext4 and XFS, two sandboxed LUNs at once",
  packages: ["e2fsprogs", "xfsprogs"],
  async run(guest) {
    const tree = await guest.step(
      "collect files",
      () => collectTree(guest, { uml: 200, qemu: 20 }),
    );
    guest.note(`${tree.files} files, ${(tree.bytes / 1e6).toFixed(0)} MB`);
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const path = `path=${guest.scratch}/file.img`;
    const xor = await guest.step(
      "create xor",
      () => lunette.createDisk("xor", "--handler", "example-xor", "--size", SIZE),
    );
    const file = await guest.step(
      "create file",
      () => lunette.createDisk("file", "--handler", "file", "--set", path, "--size", SIZE),
    );
    await Promise.all([
      useDisk(guest, xor, EXT4, tree.folder),
      useDisk(guest, file, XFS, tree.folder),
    ]);
    await lunette.finish("xor", "file");
  },
};
