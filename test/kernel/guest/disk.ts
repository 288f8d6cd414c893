/** File systems on the disks of the guest. */
import { strict as assert } from "node:assert";
import { shell } from "./shell.ts";

/** A kind of file system, and how it is made and checked. */
export interface FileSystem {
  readonly name: "ext4" | "xfs";
  readonly make: string;
  /** Changes nothing and fails where anything is wrong. */
  readonly check: string;
}

export const EXT4: FileSystem = { name: "ext4", make: "mkfs.ext4 -q -F", check: "e2fsck -fn" };
export const XFS: FileSystem = { name: "xfs", make: "mkfs.xfs -q -f", check: "xfs_repair -n" };

/** Makes a file system and mounts it; returns the folder. */
export async function makeAndMount(disk: string, system: FileSystem): Promise<string> {
  await shell(`${system.make} ${disk}`);
  return await mount(disk, system);
}

export async function mount(disk: string, system: FileSystem): Promise<string> {
  const folder = `/run/mnt/${disk.slice("/dev/".length)}`;
  await shell(`mkdir -p ${folder} && mount -t ${system.name} ${disk} ${folder}`);
  return folder;
}

/** Unmounts, and forgets what the kernel has cached of the disk. */
export async function unmount(folder: string, disk: string): Promise<void> {
  await shell(`umount ${folder} && blockdev --flushbufs ${disk}`);
  await shell("echo 3 >/proc/sys/vm/drop_caches");
}

/** Checks the file system that is not mounted. */
export async function check(disk: string, system: FileSystem): Promise<void> {
  await shell(`${system.check} ${disk}`);
}

/** Compares two folders, names and content. */
export async function compare(one: string, other: string): Promise<void> {
  assert.equal(await shell(`diff -r --no-dereference ${one} ${other}`), "");
}
