/** TCMU's UIO devices as sysfs shows them. */
import { errorCode } from "./error.ts";
import { type DeviceName, parseDeviceName } from "./names.ts";
import type { UioAddress } from "./transport.ts";
import { isGone, type KernelTree } from "./tree.ts";

/** One TCMU device that a daemon may serve. */
export interface UioDevice extends UioAddress, DeviceName {
  /** N of `/dev/uioN`. Used again by the kernel as soon as the device is removed. */
  readonly minor: number;
  /** Tells this device from an earlier one of the same minor and name (inode number in sysfs). */
  readonly instance: number;
}

/**
 * Reads one UIO device. Returns undefined where it is not TCMU's, is gone, or is not complete yet:
 * sysfs shows a device before its mapping.
 */
export async function readUioDevice(
  tree: KernelTree,
  minor: number,
): Promise<UioDevice | undefined> {
  const folder = `${tree.paths.sysfs}/class/uio/uio${minor}`;
  try {
    const name = parseDeviceName(await tree.read(`${folder}/name`));
    if (name === undefined) return undefined;
    const size = await tree.readIfPresent(`${folder}/maps/map0/size`);
    if (size === undefined) return undefined;
    const { ino } = await Deno.stat(`${folder}/name`);
    return {
      ...name,
      minor,
      instance: ino ?? 0,
      path: `${tree.paths.dev}/uio${minor}`,
      length_bytes: Number(size),
    };
  } catch (error) {
    // uio.c (name_show) answers EINVAL while the device goes.
    if (isGone(error) || errorCode(error) === "EINVAL") return undefined;
    throw error;
  }
}

/** Every TCMU device of whatever handler, in the order of their minors. */
export async function listUioDevices(tree: KernelTree): Promise<UioDevice[]> {
  const devices: UioDevice[] = [];
  for (const minor of await listUioMinors(tree)) {
    const device = await readUioDevice(tree, minor);
    if (device !== undefined) devices.push(device);
  }
  return devices;
}

/** The device of one backstore, if it has one. */
export async function findUioDevice(
  tree: KernelTree,
  hba: number,
  name: string,
): Promise<UioDevice | undefined> {
  const devices = await listUioDevices(tree);
  return devices.find((device) => device.hba === hba && device.name === name);
}

async function listUioMinors(tree: KernelTree): Promise<number[]> {
  const names = await tree.list(`${tree.paths.sysfs}/class/uio`);
  return names
    .flatMap((name) => /^uio(\d+)$/.exec(name)?.slice(1) ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
