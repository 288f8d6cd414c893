/** Whether a disk of this machine is in use, from sysfs and procfs alone: the disk is not touched. */
import type { KernelTree } from "./tree.ts";

/**
 * Who uses a disk or one of its partitions, in words: mount points, swap, device mapper and the
 * like. Empty if nobody does; a program that has merely opened it is not seen.
 */
export async function findDiskUsers(tree: KernelTree, disk: string): Promise<string[]> {
  const users: string[] = [];
  const mounts = await tree.readIfPresent(`${tree.paths.proc}/self/mountinfo`) ?? "";
  const swaps = await tree.readIfPresent(`${tree.paths.proc}/swaps`) ?? "";
  for (const name of await listPartitions(tree, disk.slice(disk.lastIndexOf("/") + 1))) {
    const folder = `${tree.paths.sysfs}/class/block/${name}`;
    const number = (await tree.readIfPresent(`${folder}/dev`))?.trim();
    for (const line of mounts.split("\n")) {
      // proc(5): "36 35 98:0 /root /mount/point options ..."
      const fields = line.split(" ");
      if (number !== undefined && fields[2] === number) users.push(`mounted on ${fields[4]}`);
    }
    if (swaps.split("\n").some((line) => line.split(/\s/)[0] === `${tree.paths.dev}/${name}`)) {
      users.push(`swap on ${name}`);
    }
    for (const holder of await tree.list(`${folder}/holders`)) users.push(`used by ${holder}`);
  }
  return users;
}

async function listPartitions(tree: KernelTree, name: string): Promise<string[]> {
  const entries = await tree.list(`${tree.paths.sysfs}/class/block/${name}`);
  return [name, ...entries.filter((entry) => entry.startsWith(name))];
}
