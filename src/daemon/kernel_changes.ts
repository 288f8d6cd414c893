/** What the kernel is told when a LUN changes: its size in configfs, and a look at the disk here. */
import { type BackstoreAddress, backstoreFolder } from "../fabric/tcmu/actions.ts";
import { setTimeouts, timeoutProblem } from "../fabric/tcmu/attributes.ts";
import { resizeBackstore } from "../fabric/tcmu/backstore.ts";
import { rescanDisk } from "../fabric/tcmu/loopback.ts";
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import { withDeadline } from "../fabric/tcmu/wait.ts";
import type { FabricAttachment, FabricChange } from "./lun_fabric.ts";

/** The disk's driver asks a few commands, which a handler that is being started again may delay. */
const RESCAN_TIMEOUT_MS = 30_000;

/** Has configfs show the new size, and whoever listens told. Returns what did not work, in words. */
export async function tellSize(
  tree: KernelTree,
  backstore: BackstoreAddress,
  size_bytes: number | undefined,
): Promise<readonly string[]> {
  if (size_bytes === undefined) return [];
  try {
    await resizeBackstore(tree, backstore, size_bytes);
    return [];
  } catch (error) {
    return [`configfs shows the old size: ${error instanceof Error ? error.message : error}`];
  }
}

/** Has the kernel wait as long as a new deadline asks for. Returns what did not work, in words. */
export async function tellDeadline(
  tree: KernelTree,
  backstore: BackstoreAddress,
  { timeouts }: FabricAttachment,
  deadline_ms: number | undefined,
): Promise<readonly string[]> {
  if (deadline_ms === undefined || timeouts === undefined) return [];
  Object.assign(timeouts, await setTimeouts(tree, backstoreFolder(tree, backstore), deadline_ms));
  const problem = timeoutProblem(timeouts, deadline_ms);
  return problem === undefined ? [] : [problem];
}

/** Makes this host look at its disk again, or says how. */
export async function lookAgain(
  tree: KernelTree,
  { device, url }: FabricAttachment,
  { rescan }: FabricChange,
): Promise<readonly string[]> {
  if (device === undefined) {
    return url === undefined ? [] : [
      "Initiators see it when they look again; open-iscsi: iscsiadm -m session --rescan",
    ];
  }
  const name = device.slice(device.lastIndexOf("/") + 1);
  const advice = `This host sees it after: echo 1 > /sys/block/${name}/device/rescan`;
  if (!rescan) return [advice];
  try {
    await withDeadline(rescanDisk(tree, device), RESCAN_TIMEOUT_MS, `rescan ${device}`);
    return [];
  } catch (error) {
    return [`${error instanceof Error ? error.message : error}`, advice];
  }
}
