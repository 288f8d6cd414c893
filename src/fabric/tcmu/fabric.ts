/**
 * What the kernel's fabrics have in common in configfs: targets, portal groups, and the symbolic
 * links that make a backstore a LUN (target_core_fabric_configfs.c).
 *
 * @module
 */
import { type BackstoreAddress, backstoreFolder } from "./actions.ts";
import { errorCode, FabricError, messageOf } from "./error.ts";
import { deriveIqn, deriveNaa } from "./names.ts";
import type { Rollback } from "./rollback.ts";
import { isGone, type KernelTree } from "./tree.ts";
import { withDeadline } from "./wait.ts";

/** Fabrics that this program can make targets of. */
export type FabricKind = "loopback" | "iscsi";

/** Name of the links that this program makes; others' links have other names. */
export const LINK_NAME = "lunette";

/** A backstore's link into a target: one LUN. */
export interface TargetLink {
  /** Name of the fabric's folder: "loopback", "iscsi", "vhost", ... */
  readonly fabric: string;
  readonly wwn: string;
  readonly portal_group: number;
  readonly lun: number;
  /** Name of the symbolic link. */
  readonly link_name: string;
  readonly backstore: BackstoreAddress;
}

/** A LUN that was just made. */
export interface Link extends TargetLink {
  /** Block device on this machine, such as `/dev/sda` (loopback). */
  readonly disk?: string;
  /** Addresses that initiators connect to (iSCSI). */
  readonly portals?: readonly string[];
}

/** A fabric of the kernel. */
export interface KernelFabric {
  readonly kind: FabricKind;
  /**
   * Makes the backstore a LUN. Its ring must be served: this waits for answers to INQUIRY and the
   * like (loopback). On failure nothing of the target stays behind.
   */
  link(backstore: BackstoreAddress): Promise<Link>;
  /** Undoes {@linkcode link}; waits for commands in flight. What has gone already is no error. */
  unlink(link: TargetLink): Promise<void>;
}

/** Folder of a portal group. */
export function portalGroupFolder(tree: KernelTree, link: TargetLink): string {
  return `${targetFolder(tree, link)}/tpgt_${link.portal_group}`;
}

/** Folder of a target. */
export function targetFolder(tree: KernelTree, link: TargetLink): string {
  return `${tree.paths.target}/${link.fabric}/${link.wwn}`;
}

/** Folder of a LUN. */
export function lunFolder(tree: KernelTree, link: TargetLink): string {
  return `${portalGroupFolder(tree, link)}/lun/lun_${link.lun}`;
}

/** How long one target may take to be read. */
const PATIENCE_MS = 2000;

/**
 * Every LUN of every fabric, or those of one backstore. While a LUN is being linked or unlinked its
 * target cannot be read; one that takes long is left out, so that a LUN that hangs does not make the
 * others hang.
 */
export async function listLinks(
  tree: KernelTree,
  backstore?: BackstoreAddress,
): Promise<TargetLink[]> {
  const links: TargetLink[] = [];
  const root = tree.paths.target;
  for (const fabric of await tree.list(root)) {
    if (fabric === "core" || fabric === "version" || fabric === "dbroot") continue;
    for (const wwn of await tree.list(`${root}/${fabric}`)) {
      const listing = listTargetLinks(tree, fabric, wwn);
      links.push(...await withDeadline(listing, PATIENCE_MS, `read ${wwn}`).catch(noneIfStuck));
    }
  }
  return backstore === undefined ? links : links.filter((link) => isOf(link, backstore));
}

/** The same for targets whose name is derived from the LUN's; waits until they can be read. */
export async function listDerivedLinks(
  tree: KernelTree,
  backstore: BackstoreAddress,
): Promise<TargetLink[]> {
  const { name } = backstore;
  const links = [
    ...await listTargetLinks(tree, "loopback", deriveNaa(name, "target")),
    ...await listTargetLinks(tree, "iscsi", deriveIqn(name)),
  ];
  return links.filter((link) => isOf(link, backstore));
}

function isOf(link: TargetLink, { hba, name }: BackstoreAddress): boolean {
  return link.backstore.hba === hba && link.backstore.name === name;
}

function noneIfStuck(error: unknown): TargetLink[] {
  if (error instanceof FabricError && error.kind === "timeout") return [];
  throw error;
}

async function listTargetLinks(
  tree: KernelTree,
  fabric: string,
  wwn: string,
): Promise<TargetLink[]> {
  const links: TargetLink[] = [];
  for (const entry of await tree.list(`${tree.paths.target}/${fabric}/${wwn}`)) {
    const group = /^tpgt_(\d+)$/.exec(entry);
    if (group !== null) links.push(...await listGroupLinks(tree, fabric, wwn, Number(group[1])));
  }
  return links;
}

async function listGroupLinks(
  tree: KernelTree,
  fabric: string,
  wwn: string,
  portal_group: number,
): Promise<TargetLink[]> {
  const links: TargetLink[] = [];
  const folder = `${tree.paths.target}/${fabric}/${wwn}/tpgt_${portal_group}/lun`;
  for (const entry of await tree.list(folder)) {
    const lun = /^lun_(\d+)$/.exec(entry);
    if (lun === null) continue;
    for (const link_name of await tree.list(`${folder}/${entry}`)) {
      const backstore = parseBackstoreLink(await tree.readLink(`${folder}/${entry}/${link_name}`));
      if (backstore === undefined) continue;
      links.push({ fabric, wwn, portal_group, lun: Number(lun[1]), link_name, backstore });
    }
  }
  return links;
}

function parseBackstoreLink(text: string | undefined): BackstoreAddress | undefined {
  const match = /(?:^|\/)core\/user_(\d+)\/([^/]+)$/.exec(text ?? "");
  return match === null ? undefined : { hba: Number(match[1]), name: match[2] };
}

/**
 * Makes the folders of a target, its portal group and LUN. What an interrupted creation has left of
 * the target is removed before. Throws "exists" if there is a target of that name.
 */
export async function makeTarget(
  tree: KernelTree,
  link: TargetLink,
  rollback: Rollback,
): Promise<void> {
  const fabric = `${tree.paths.target}/${link.fabric}`;
  await ensureFabric(tree, fabric, link.fabric);
  await removeLeftover(tree, link);
  const folders = [
    targetFolder(tree, link),
    portalGroupFolder(tree, link),
    lunFolder(tree, link),
  ];
  for (const folder of folders) {
    await explain(link, folder, () => tree.mkdir(folder));
    rollback.add(`remove ${folder}`, () => removeFolder(tree, folder));
  }
}

/** A target of that name is in the way, unless the name is ours alone and no LUN is in it. */
async function removeLeftover(tree: KernelTree, link: TargetLink): Promise<void> {
  if (!await tree.exists(targetFolder(tree, link))) return;
  const links = await listTargetLinks(tree, link.fabric, link.wwn);
  if (links.length > 0 || !isDerived(link)) {
    throw new FabricError(
      "exists",
      `Cannot link "${link.backstore.name}": there is a ${link.fabric} target ${link.wwn} already`,
    );
  }
  await removeEmptyTarget(tree, link);
}

/** Whether the target's name is derived from the LUN's, so that nobody else would take it. */
export function isDerived(link: TargetLink): boolean {
  const { name } = link.backstore;
  return link.wwn === deriveNaa(name, "target") || link.wwn === deriveIqn(name);
}

async function ensureFabric(tree: KernelTree, folder: string, fabric: string): Promise<void> {
  try {
    // The kernel registers a fabric, and loads its module, when its folder is made.
    await tree.ensureFolder(folder);
  } catch (error) {
    const module = fabric === "iscsi" ? "iscsi_target_mod" : "tcm_loop";
    throw new FabricError(
      "unsupported",
      `Cannot use the ${fabric} fabric: ${messageOf(error)}. Is the module ${module} there ` +
        `(modprobe ${module}), and are you root?`,
      error,
    );
  }
}

/** Links the backstore into the LUN's folder; with loopback this waits for whoever serves it. */
export async function makeLink(tree: KernelTree, link: TargetLink): Promise<void> {
  const folder = backstoreFolder(tree, link.backstore);
  await explain(link, "the link", () => tree.symlink(folder, linkPath(tree, link)));
}

/** Path of the symbolic link. */
export function linkPath(tree: KernelTree, link: TargetLink): string {
  return `${lunFolder(tree, link)}/${link.link_name}`;
}

/** Removes the link and the folder of the LUN; waits for commands in flight. */
export async function unlinkLun(tree: KernelTree, link: TargetLink): Promise<void> {
  await removeMappedLuns(tree, link);
  await ignoreGone(tree.unlink(linkPath(tree, link)));
  await removeFolder(tree, lunFolder(tree, link));
}

/** Removes the portal group and the target if no LUN is left in them. */
export async function removeTargetIfEmpty(tree: KernelTree, link: TargetLink): Promise<void> {
  const group = portalGroupFolder(tree, link);
  if ((await tree.list(`${group}/lun`)).some((entry) => /^lun_\d+$/.test(entry))) return;
  await removeEmptyTarget(tree, link);
}

/** Removes a portal group in which no LUN is linked, and its target with the last group. */
export async function removeEmptyTarget(tree: KernelTree, link: TargetLink): Promise<void> {
  const group = portalGroupFolder(tree, link);
  for (const entry of await tree.list(`${group}/lun`)) {
    if (/^lun_\d+$/.test(entry)) await removeFolder(tree, `${group}/lun/${entry}`);
  }
  await disable(tree, group);
  for (const acl of await tree.list(`${group}/acls`)) {
    for (const entry of await tree.list(`${group}/acls/${acl}`)) {
      if (/^lun_\d+$/.test(entry)) await removeFolder(tree, `${group}/acls/${acl}/${entry}`);
    }
    await removeFolder(tree, `${group}/acls/${acl}`);
  }
  for (const portal of await tree.list(`${group}/np`)) {
    await removeFolder(tree, `${group}/np/${portal}`);
  }
  await removeFolder(tree, group);
  const target = targetFolder(tree, link);
  if ((await tree.list(target)).some((entry) => /^tpgt_\d+$/.test(entry))) return;
  await removeFolder(tree, target);
}

/** Takes the LUN away from the initiators that it was mapped to by name. */
async function removeMappedLuns(tree: KernelTree, link: TargetLink): Promise<void> {
  const acls = `${portalGroupFolder(tree, link)}/acls`;
  for (const initiator of await tree.list(acls)) {
    for (const mapped of await tree.list(`${acls}/${initiator}`)) {
      if (!/^lun_\d+$/.test(mapped)) continue;
      const folder = `${acls}/${initiator}/${mapped}`;
      for (const name of await tree.list(folder)) {
        const to = await tree.readLink(`${folder}/${name}`);
        if (to === undefined || !to.endsWith(`/lun/lun_${link.lun}`)) continue;
        await ignoreGone(tree.unlink(`${folder}/${name}`));
        await removeFolder(tree, folder);
      }
    }
  }
}

/** Ends the sessions of a portal group that has such a switch. */
async function disable(tree: KernelTree, group: string): Promise<void> {
  const enabled = await tree.readIfPresent(`${group}/enable`);
  if (enabled?.trim() === "1") await tree.writeBlocking(`${group}/enable`, "0");
}

/** Removes a folder; one that is gone is no error. */
export async function removeFolder(tree: KernelTree, folder: string): Promise<void> {
  await ignoreGone(tree.rmdir(folder));
}

async function ignoreGone(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Runs one step of linking and says what failed. */
export async function explain<T>(
  link: TargetLink,
  what: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FabricError) throw error;
    const kind = ["EACCES", "EPERM"].includes(errorCode(error)) ? "unsupported" : "refused";
    throw new FabricError(
      kind,
      `Cannot link "${link.backstore.name}" to ${link.fabric} target ${link.wwn}: ` +
        `${what}: ${messageOf(error)}`,
      error,
    );
  }
}
