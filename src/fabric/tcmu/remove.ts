/**
 * Removing a LUN: with a daemon that serves it or without one, and without ever waiting for ever.
 *
 * Without a server the kernel's unlink waits for commands in flight, and then for an answer to the
 * SYNCHRONIZE CACHE of the disk that goes. Both are made to fail, again and again until it ends.
 *
 * @module
 */
import { type BackstoreAddress, backstoreFolder, blockDevice } from "./actions.ts";
import { findBackstores, findForeignBackstores, removeBackstore } from "./backstore.ts";
import { findDiskUsers } from "./disk_use.ts";
import { FabricError } from "./error.ts";
import {
  isDerived,
  LINK_NAME,
  listDerivedLinks,
  listLinks,
  removeEmptyTarget,
  removeTargetIfEmpty,
  targetFolder,
  type TargetLink,
  unlinkLun,
} from "./fabric.ts";
import { type EventSource, TcmuNetlink } from "./genl.ts";
import { findDisk } from "./loopback.ts";
import { checkLunName, deriveIqn, deriveNaa, parseDeviceName } from "./names.ts";
import { findServers, UnservedDevice } from "./served.ts";
import type { KernelTree } from "./tree.ts";
import { findUioDevice, type UioDevice } from "./uio_devices.ts";
import { nudgeUntil, withDeadline } from "./wait.ts";

/** How a LUN is removed. */
export interface RemoveOptions {
  /** For each of the two steps that may wait for the kernel: unlink, and removal of the backstore. */
  readonly timeout_ms?: number;
  /** Removes it although its disk is mounted or otherwise in use here. */
  readonly force?: boolean;
  /** Somebody else in this process answers the kernel's messages. Default false. */
  readonly answered?: boolean;
  /**
   * Opens a source of the kernel's messages, to answer the one that the device is gone: needed where
   * an earlier daemon has turned replies on and died. Default: netlink.
   */
  readonly openEvents?: () => EventSource;
}

const TIMEOUT_MS = 60_000;
const NUDGE_INTERVAL_MS = 100;
/** A look at the links takes longer only if the kernel is stuck. */
const INSPECTION_MS = 1000;

/**
 * Removes the LUN of that name: its links, targets, backstore and HBA directory, as far as they are
 * there. Throws {@linkcode FabricError}: "missing" if there is nothing of that name, "foreign" if it
 * is not ours, "busy" if its disk is in use or somebody else exports it, "timeout" with what is
 * stuck.
 */
export async function removeLun(
  tree: KernelTree,
  name: string,
  options: RemoveOptions = {},
): Promise<void> {
  checkLunName(name);
  const backstores = await findBackstores(tree, name);
  if (backstores.length === 0) {
    if (!await removeLeftoverTargets(tree, name)) throw await explainMissing(tree, name);
    return;
  }
  for (const backstore of backstores) await new Removal(tree, backstore, options).run();
  await removeLeftoverTargets(tree, name);
}

async function explainMissing(tree: KernelTree, name: string): Promise<FabricError> {
  const [foreign] = await findForeignBackstores(tree, name);
  if (foreign === undefined) {
    return new FabricError("missing", `Cannot remove LUN "${name}": there is none of that name`);
  }
  return new FabricError(
    "foreign",
    `Cannot remove LUN "${name}": ${backstoreFolder(tree, foreign)} belongs to another program`,
  );
}

async function checkRemovable(
  tree: KernelTree,
  links: TargetLink[],
  options: RemoveOptions,
): Promise<void> {
  for (const link of links) {
    const { name } = link.backstore;
    if (link.link_name !== LINK_NAME) {
      throw new FabricError(
        "busy",
        `Cannot remove LUN "${name}": ${targetFolder(tree, link)}, which was not made by this ` +
          "program, exports it too. Remove it from there first",
      );
    }
    const disk = await findDisk(tree, link);
    const users = disk === undefined ? [] : await findDiskUsers(tree, disk);
    if (users.length > 0 && options.force !== true) {
      throw new FabricError(
        "busy",
        `Cannot remove LUN "${name}": ${disk} is ${users.join(", ")}. Unmount it first`,
      );
    }
  }
}

/** One removal under way. */
class Removal {
  readonly #tree: KernelTree;
  readonly #backstore: BackstoreAddress;
  readonly #options: RemoveOptions;
  #device: UioDevice | undefined;
  #hold: UnservedDevice | undefined;

  constructor(tree: KernelTree, backstore: BackstoreAddress, options: RemoveOptions) {
    this.#tree = tree;
    this.#backstore = backstore;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { hba, name } = this.#backstore;
    this.#device = await findUioDevice(this.#tree, hba, name);
    try {
      this.#takeHold();
      const links = await this.#inspect();
      if (this.#hold !== undefined) await this.#unblock();
      for (const link of links) await this.#unlink(link);
      await this.#removeBackstore();
    } finally {
      this.#hold?.close();
    }
  }

  /**
   * Finds the links and whether they may go. An earlier attempt may still be unlinking one: then its
   * folder cannot be read before that has ended, which takes the same help.
   */
  async #inspect(): Promise<TargetLink[]> {
    const inspect = async () => {
      const derived = await listDerivedLinks(this.#tree, this.#backstore);
      const all = await listLinks(this.#tree, this.#backstore);
      const others = all.filter((link) => !isDerived(link));
      await checkRemovable(this.#tree, [...derived, ...others], this.#options);
      return [...derived, ...others];
    };
    return await this.#within(
      nudgeUntil(inspect(), () => this.#failCommands(), NUDGE_INTERVAL_MS, INSPECTION_MS),
      "the kernel is still linking or unlinking it",
    );
  }

  /** While nobody serves the device, nobody may begin to: the ring is about to be reset. */
  #takeHold(): void {
    if (this.#hold !== undefined || this.#device === undefined) return;
    this.#hold = UnservedDevice.take(this.#device);
  }

  /** A server that died while it took the ring over has left it blocked: commands would go round. */
  async #unblock(): Promise<void> {
    await blockDevice(this.#tree, this.#backstore, false).catch(() => {});
  }

  async #failCommands(): Promise<void> {
    // The server may have died meanwhile.
    this.#takeHold();
    if (this.#hold !== undefined) await UnservedDevice.failInFlight(this.#tree, this.#backstore);
  }

  async #unlink(link: TargetLink): Promise<void> {
    const work = async () => {
      await unlinkLun(this.#tree, link);
      await removeTargetIfEmpty(this.#tree, link);
    };
    await this.#within(
      nudgeUntil(work(), () => this.#failCommands(), NUDGE_INTERVAL_MS),
      `the kernel has not unlinked it from ${link.fabric} target ${link.wwn}`,
    );
  }

  async #removeBackstore(): Promise<void> {
    const events = await this.#isAnswerAwaited() ? this.#openEvents() : undefined;
    try {
      await this.#within(
        nudgeUntil(
          removeBackstore(this.#tree, this.#backstore),
          () => Promise.resolve(this.#answer(events)),
          NUDGE_INTERVAL_MS,
        ),
        "the kernel has not removed its backstore; maybe it waits for a daemon's answer over " +
          "netlink. To end that, write 1 to block_netlink, 1 to reset_netlink and 0 to " +
          "block_netlink in /sys/module/target_core_user/parameters",
      );
    } finally {
      events?.close();
    }
  }

  /**
   * Whether the kernel will wait for an answer about this device. One that nobody waits for is an
   * error line in the kernel's log.
   */
  async #isAnswerAwaited(): Promise<boolean> {
    if (this.#options.answered === true) return false;
    const folder = backstoreFolder(this.#tree, this.#backstore);
    return Number(await this.#tree.readIfPresent(`${folder}/attrib/nl_reply_supported`)) > 0;
  }

  #openEvents(): EventSource | undefined {
    try {
      return (this.#options.openEvents ?? (() => new TcmuNetlink()))();
    } catch {
      // Then nobody can have turned replies on either, or we may not answer anyway.
      return undefined;
    }
  }

  /** Answers that our device is gone. */
  #answer(events: EventSource | undefined): void {
    for (const event of events?.drain() ?? []) {
      if (event.kind !== "removed") continue;
      const device = parseDeviceName(event.name);
      const ours = device?.name === this.#backstore.name && device.hba === this.#backstore.hba;
      if (ours) events?.reply(event, 0);
    }
  }

  async #within<T>(work: Promise<T>, stuck: string): Promise<T> {
    const timeout_ms = this.#options.timeout_ms ?? TIMEOUT_MS;
    try {
      return await withDeadline(work, timeout_ms, "remove");
    } catch (error) {
      if (!(error instanceof FabricError) || error.kind !== "timeout") throw error;
      throw new FabricError(
        "timeout",
        `Cannot remove LUN "${this.#backstore.name}" in ${timeout_ms} ms: ${stuck}` +
          await this.#describeServers(),
        error,
      );
    }
  }

  async #describeServers(): Promise<string> {
    if (this.#hold !== undefined || this.#device === undefined) return "";
    const pids = await findServers(this.#tree, this.#device);
    if (pids.length === 0) return "";
    return `; its commands wait for process ${pids.join(", ")}, which serves it. Stop that process`;
  }
}

/** Removes targets whose name is derived from the LUN's and that hold no LUN. */
async function removeLeftoverTargets(tree: KernelTree, name: string): Promise<boolean> {
  const candidates: [string, string][] = [
    ["loopback", deriveNaa(name, "target")],
    ["iscsi", deriveIqn(name)],
  ];
  let found = false;
  for (const [fabric, wwn] of candidates) {
    const link: TargetLink = {
      fabric,
      wwn,
      portal_group: 1,
      lun: 0,
      link_name: LINK_NAME,
      backstore: { hba: 0, name },
    };
    if (!await tree.exists(targetFolder(tree, link))) continue;
    const inUse = (await listLinks(tree)).some((other) => other.wwn === wwn);
    if (inUse) continue;
    found = true;
    await removeEmptyTarget(tree, link);
  }
  return found;
}
