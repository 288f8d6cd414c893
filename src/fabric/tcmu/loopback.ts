/** The loopback fabric (tcm_loop.c): a LUN becomes a disk of this machine. */
import type { BackstoreAddress } from "./actions.ts";
import { FabricError } from "./error.ts";
import {
  explain,
  type KernelFabric,
  type Link,
  LINK_NAME,
  linkPath,
  makeLink,
  makeTarget,
  portalGroupFolder,
  removeTargetIfEmpty,
  type TargetLink,
  unlinkLun,
} from "./fabric.ts";
import { deriveNaa } from "./names.ts";
import { type Rollback, withRollback } from "./rollback.ts";
import { failIfUnserved } from "./served.ts";
import type { KernelTree } from "./tree.ts";
import { nudgeUntil, poll, withDeadline } from "./wait.ts";

/** Portal groups from 2 on cannot be scanned again (tcm_loop makes one channel and two ids). */
const PORTAL_GROUP = 1;

/** How a loopback LUN is made. */
export interface LoopbackOptions {
  /** How long the kernel may take for the link, and then for the disk to appear. */
  readonly timeout_ms?: number;
  /**
   * Called again and again when the link takes too long: must make the commands in flight fail, so
   * that the kernel gives up. Whoever serves the ring must be detached from it before it is reset.
   * The default does so only where nobody serves it.
   */
  readonly release?: (backstore: BackstoreAddress) => Promise<void>;
}

/** Makes LUNs that appear as `/dev/sdX`. */
export class LoopbackFabric implements KernelFabric {
  readonly kind = "loopback";
  readonly #tree: KernelTree;
  readonly #timeout_ms: number;
  readonly #release: (backstore: BackstoreAddress) => Promise<unknown>;

  constructor(tree: KernelTree, options: LoopbackOptions = {}) {
    this.#tree = tree;
    this.#timeout_ms = options.timeout_ms ?? 30_000;
    this.#release = options.release ?? ((backstore) => failIfUnserved(tree, backstore));
  }

  link(backstore: BackstoreAddress): Promise<Link> {
    const link: TargetLink = {
      fabric: this.kind,
      wwn: deriveNaa(backstore.name, "target"),
      portal_group: PORTAL_GROUP,
      lun: 0,
      link_name: LINK_NAME,
      backstore,
    };
    return withRollback(async (rollback) => {
      await makeTarget(this.#tree, link, rollback);
      await this.#makeNexus(link);
      await this.#makeLink(link, rollback);
      return { ...link, disk: await this.#waitForDisk(link) };
    });
  }

  async unlink(link: TargetLink): Promise<void> {
    await unlinkLun(this.#tree, link);
    await removeTargetIfEmpty(this.#tree, link);
  }

  async #makeNexus(link: TargetLink): Promise<void> {
    const path = `${portalGroupFolder(this.#tree, link)}/nexus`;
    const present = await this.#tree.readIfPresent(path);
    if (present !== undefined && present !== "") return;
    const initiator = deriveNaa(link.backstore.name, "initiator");
    await explain(link, "nexus", () => this.#tree.write(path, initiator));
  }

  /** The kernel scans the new LUN before symlink(2) returns: it takes a server that answers. */
  async #makeLink(link: TargetLink, rollback: Rollback): Promise<void> {
    const linking = makeLink(this.#tree, link);
    try {
      await withDeadline(linking, this.#timeout_ms, `link "${link.backstore.name}"`);
    } catch (error) {
      const timedOut = error instanceof FabricError && error.kind === "timeout";
      if (!timedOut || !await this.#giveUp(link, linking)) throw error;
      rollback.add(`unlink ${linkPath(this.#tree, link)}`, () => this.#unlinkReleased(link));
      throw error;
    }
    rollback.add(`unlink ${linkPath(this.#tree, link)}`, () => this.#unlinkReleased(link));
  }

  /** Makes a link that hangs end; returns whether it was made in the end. */
  async #giveUp(link: TargetLink, linking: Promise<void>): Promise<boolean> {
    try {
      const ended = nudgeUntil(linking, () => this.#release(link.backstore), 200);
      await withDeadline(ended, this.#timeout_ms, "make the kernel give up");
      return true;
    } catch {
      return false;
    }
  }

  async #unlinkReleased(link: TargetLink): Promise<void> {
    const unlinking = this.#tree.unlink(linkPath(this.#tree, link));
    // Whoever serves may still answer; commands are failed only when this takes long.
    const timely = withDeadline(unlinking, 1000, "unlink").catch((error) => {
      if (!(error instanceof FabricError)) throw error;
      return nudgeUntil(unlinking, () => this.#release(link.backstore), 200);
    });
    await withDeadline(timely, this.#timeout_ms, "unlink");
  }

  async #waitForDisk(link: TargetLink): Promise<string> {
    const find = () => findDisk(this.#tree, link);
    // symlink(2) "succeeds" even if the scan failed; then a second scan finds out whether for good.
    const disk = await poll(find, Math.min(3000, this.#timeout_ms)) ??
      await this.#scanAgain(link) ?? await poll(find, this.#timeout_ms);
    if (disk !== undefined) return disk;
    throw new FabricError(
      "timeout",
      `Cannot link "${link.backstore.name}": no disk has appeared on ` +
        `${await readAddress(this.#tree, link) ?? "its SCSI host"}. Does the daemon answer?`,
    );
  }

  async #scanAgain(link: TargetLink): Promise<undefined> {
    const address = await readAddress(this.#tree, link);
    if (address === undefined) return;
    const host = address.split(":")[0];
    const path = `${this.#tree.paths.sysfs}/class/scsi_host/host${host}/scan`;
    const scanning = this.#tree.writeBlocking(path, `0 ${PORTAL_GROUP} -`);
    await withDeadline(scanning, this.#timeout_ms, "scan").catch(() => {});
  }
}

/** SCSI address of a loopback LUN (`H:C:T:L`); undefined where there is none. */
export async function readAddress(
  tree: KernelTree,
  link: TargetLink,
): Promise<string | undefined> {
  const text = await tree.readIfPresent(`${portalGroupFolder(tree, link)}/address`);
  const match = /^\d+:\d+:\d+$/.exec(text?.trim() ?? "");
  return match === null ? undefined : `${match[0]}:${link.lun}`;
}

/** Block device of a loopback LUN, once there is a node for it; undefined before. */
export async function findDisk(tree: KernelTree, link: TargetLink): Promise<string | undefined> {
  const address = await readAddress(tree, link);
  if (address === undefined) return undefined;
  const [name] = await tree.list(`${tree.paths.sysfs}/class/scsi_device/${address}/device/block`);
  if (name === undefined) return undefined;
  const path = `${tree.paths.dev}/${name}`;
  return await tree.exists(path) ? path : undefined;
}

/** Makes the kernel ask the disk for its capacity again, after a resize. Blocks until answered. */
export async function rescanDisk(tree: KernelTree, disk: string): Promise<void> {
  const name = disk.slice(disk.lastIndexOf("/") + 1);
  await tree.writeBlocking(`${tree.paths.sysfs}/class/block/${name}/device/rescan`, "1");
}
