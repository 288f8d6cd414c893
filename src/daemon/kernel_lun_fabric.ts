/** LUNs that the kernel's SCSI target serves over loopback or iSCSI, with their ring behind UIO. */
import { type BackstoreAddress, backstoreFolder, recover } from "../fabric/tcmu/actions.ts";
import { commandTimeoutOf, setTimeouts } from "../fabric/tcmu/attributes.ts";
import {
  adjustBackstore,
  type BackstoreOptions,
  createBackstore,
  findBackstores,
  removeBackstore,
} from "../fabric/tcmu/backstore.ts";
import { type KernelFabric, type Link, listLinks, type TargetLink } from "../fabric/tcmu/fabric.ts";
import { describeLun } from "../fabric/tcmu/inventory.ts";
import { IscsiFabric } from "../fabric/tcmu/iscsi.ts";
import { findDisk, LoopbackFabric } from "../fabric/tcmu/loopback.ts";
import { ensureModules } from "../fabric/tcmu/modules.ts";
import { forgetReservations, restoreReservations } from "../fabric/tcmu/reservations.ts";
import { withRollback } from "../fabric/tcmu/rollback.ts";
import { removeLun } from "../fabric/tcmu/remove.ts";
import { UnservedDevice } from "../fabric/tcmu/served.ts";
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import { findUioDevice, type UioDevice } from "../fabric/tcmu/uio_devices.ts";
import { OperatorError } from "./error.ts";
import { lookAgain, tellDeadline, tellSize } from "./kernel_changes.ts";
import type { FabricAttachment, FabricChange, LunFabric, UnitShape } from "./lun_fabric.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingSource } from "./ring_messages.ts";

/** A ring that may be attached, and what to do when it is. */
interface ReadyRing {
  readonly backstore: BackstoreAddress;
  readonly device: UioDevice;
  /** Lets commands in that were held back. */
  readonly unblock: () => Promise<void>;
  readonly isNew: boolean;
  /** What could not be set, in words. */
  readonly notes: readonly string[];
}

export class KernelLunFabric implements LunFabric {
  readonly #tree: KernelTree;
  readonly #kind: "loopback" | "iscsi";
  readonly #netlinkReplies: boolean;

  constructor(tree: KernelTree, kind: "loopback" | "iscsi", netlinkReplies: boolean) {
    this.#tree = tree;
    this.#kind = kind;
    this.#netlinkReplies = netlinkReplies;
  }

  get #fabric(): KernelFabric {
    if (this.#kind === "iscsi") return new IscsiFabric(this.#tree);
    return new LoopbackFabric(this.#tree);
  }

  async attach(
    record: LunRecord,
    shape: UnitShape,
    attach: (ring: RingSource) => Promise<void>,
    detach: (keep: boolean) => Promise<void>,
  ): Promise<FabricAttachment> {
    await ensureModules(this.#tree, { fabric: this.#kind });
    return await withRollback(async (rollback) => {
      const ring = await this.#ready(record, shape);
      const { backstore, device } = ring;
      if (ring.isNew) {
        rollback.add(
          `remove the backstore "${record.name}"`,
          () => removeBackstore(this.#tree, backstore),
        );
      }
      const { path, length_bytes } = device;
      await attach({ kind: "tcmu", path, length_bytes });
      // What is in flight on a ring that was there before is repeated to the next who serves it.
      rollback.add("let go of the ring", () => detach(!ring.isNew));
      await ring.unblock();
      const [present] = await listLinks(this.#tree, backstore);
      const link: Link | TargetLink = present ?? await this.#fabric.link(backstore);
      const folder = backstoreFolder(this.#tree, backstore);
      const timeouts = await setTimeouts(this.#tree, folder, record.deadline_ms);
      return { ...await this.#describe(device, link), timeouts, notes: ring.notes };
    });
  }

  async #describe(device: UioDevice, link: Link | TargetLink): Promise<FabricAttachment> {
    const uio = device.path;
    if (this.#kind === "loopback") {
      const disk = await findDisk(this.#tree, link);
      return { uio, ...(disk === undefined ? {} : { device: disk }) };
    }
    const [portal] = await this.#portals(link);
    return portal === undefined
      ? { uio }
      : { uio, url: `iscsi://${portal}/${link.wwn}/${link.lun}` };
  }

  async #portals(link: Link | TargetLink): Promise<readonly string[]> {
    if ("portals" in link) return link.portals ?? [];
    const { links } = await describeLun(this.#tree, link.backstore.name);
    return links.find(({ wwn }) => wwn === link.wwn)?.portals ?? [];
  }

  /** A new backstore; or the one that an earlier daemon left, its ring reset. */
  async #ready(record: LunRecord, shape: UnitShape): Promise<ReadyRing> {
    const options: BackstoreOptions = {
      name: record.name,
      ...shape,
      serial: record.serial,
      command_timeout_s: commandTimeoutOf(record.deadline_ms),
      netlinkReplies: this.#netlinkReplies,
    };
    const [left] = await findBackstores(this.#tree, record.name);
    const device = left === undefined
      ? undefined
      : await findUioDevice(this.#tree, left.hba, left.name);
    if (left !== undefined && device !== undefined) {
      const notes = await adjustBackstore(this.#tree, left, options);
      const unblock = await recoverRing(this.#tree, left, device);
      return { backstore: left, device, unblock, isNew: false, notes };
    }
    // Half made by a daemon that was killed meanwhile: nothing can use it yet.
    if (left !== undefined) await removeBackstore(this.#tree, left);
    const backstore = await createBackstore(this.#tree, options);
    // After a reboot; before a fabric exports it.
    const notes = await restoreReservations(this.#tree, backstore, record.serial);
    const unblock = () => Promise.resolve();
    return { backstore, device: backstore.device, unblock, isNew: true, notes };
  }

  async changed(
    record: LunRecord,
    attachment: FabricAttachment | undefined,
    change: FabricChange,
  ): Promise<readonly string[]> {
    const [backstore] = await findBackstores(this.#tree, record.name);
    if (backstore === undefined || attachment === undefined) return [];
    return [
      ...await tellSize(this.#tree, backstore, change.size_bytes),
      ...await tellDeadline(this.#tree, backstore, attachment, change.deadline_ms),
      ...await lookAgain(this.#tree, attachment, change),
    ];
  }

  async detach(record: LunRecord): Promise<void> {
    // With replies on, discovery answers.
    await removeLun(this.#tree, record.name, { answered: this.#netlinkReplies });
    await forgetReservations(this.#tree, record.serial);
  }
}

/**
 * Takes a ring over that an earlier daemon may have left. Throws an {@linkcode OperatorError} where
 * another process serves it. Returns what lets commands in again once the ring is attached.
 */
export async function recoverRing(
  tree: KernelTree,
  backstore: BackstoreAddress,
  device: UioDevice,
): Promise<() => Promise<void>> {
  const held = UnservedDevice.take(device);
  if (held === undefined) {
    throw new OperatorError(
      "busy",
      `Another process serves ${device.path}`,
      `Find it with "fuser ${device.path}" and stop it.`,
    );
  }
  try {
    return await recover(tree, backstore);
  } finally {
    held.close();
  }
}
