/** Two LUNs at once, each with a file system that a source tree is copied to. */
import type { Scenario } from "../scenario.ts";
import { EXT4, XFS } from "../guest/disk.ts";
import { Lunette } from "../guest/lunette.ts";
import { holdTree } from "../guest/phases.ts";
import { collectTree } from "../guest/tree.ts";

const SIZE = "512M";

export const filesystems: Scenario = {
  name: "filesystems",
  shows: "mkfs, copy, fsck and diff on ext4 and XFS, two sandboxed LUNs at once",
  slowInQemu: true,
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
      holdTree(guest, xor, EXT4, tree.folder),
      holdTree(guest, file, XFS, tree.folder),
    ]);
    await lunette.finish("xor", "file");
  },
};
