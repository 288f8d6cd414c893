/** The LUNs of this machine that are ours, read from configfs and sysfs. */
import { type BackstoreAddress, backstoreFolder } from "./actions.ts";
import { findBackstores } from "./backstore.ts";
import { FabricError } from "./error.ts";
import { listLinks, portalGroupFolder, type TargetLink } from "./fabric.ts";
import { findDisk } from "./loopback.ts";
import { checkLunName } from "./names.ts";
import { findServers } from "./served.ts";
import type { KernelTree } from "./tree.ts";
import { findUioDevice, type UioDevice } from "./uio_devices.ts";

/** One target that a LUN belongs to. */
export interface LinkDescription extends TargetLink {
  /** `/dev/sdX`, of a loopback LUN. */
  readonly disk: string | undefined;
  /** Portals, of an iSCSI LUN. */
  readonly portals: string[];
}

/** A LUN as the kernel knows it. */
export interface LunDescription extends BackstoreAddress {
  readonly folder: string;
  /** Whether the backstore is complete; an interrupted creation leaves one that is not. */
  readonly enabled: boolean;
  /** As configfs has it; the capacity that initiators see is what the daemon reports. */
  readonly size_bytes: number | undefined;
  readonly block_length_bytes: number | undefined;
  readonly serial: string | undefined;
  /** Whether new commands are being held back. */
  readonly blocked: boolean;
  readonly device: UioDevice | undefined;
  /** Processes that serve it; empty if none does, or if procfs does not show it. */
  readonly servers: number[];
  readonly links: LinkDescription[];
}

/** All of our LUNs, in the order of their HBAs. */
export async function listLuns(tree: KernelTree): Promise<LunDescription[]> {
  const links = await listLinks(tree);
  const descriptions: LunDescription[] = [];
  for (const backstore of await findBackstores(tree)) {
    descriptions.push(await describe(tree, backstore, links));
  }
  return descriptions;
}

/** One of our LUNs. Throws {@linkcode FabricError} "missing". */
export async function describeLun(tree: KernelTree, name: string): Promise<LunDescription> {
  const [backstore] = await findBackstores(tree, checkLunName(name));
  if (backstore === undefined) {
    throw new FabricError("missing", `Cannot show LUN "${name}": there is none of that name`);
  }
  return await describe(tree, backstore, await listLinks(tree, backstore));
}

async function describe(
  tree: KernelTree,
  backstore: BackstoreAddress,
  links: TargetLink[],
): Promise<LunDescription> {
  const { hba, name } = backstore;
  const folder = backstoreFolder(tree, backstore);
  const read = (path: string) => tree.readIfPresent(`${folder}/${path}`);
  const device = await findUioDevice(tree, hba, name);
  const mine = links.filter((link) => link.backstore.hba === hba && link.backstore.name === name);
  return {
    hba,
    name,
    folder,
    enabled: (await read("enable"))?.trim() === "1",
    size_bytes: numberOf(await read("attrib/dev_size")),
    block_length_bytes: numberOf(await read("attrib/hw_block_size")),
    serial: /Number: (\S+)/.exec(await read("wwn/vpd_unit_serial") ?? "")?.[1],
    blocked: (await read("action/block_dev"))?.trim() === "blocked",
    device,
    servers: device === undefined ? [] : await findServers(tree, device),
    links: await Promise.all(mine.map((link) => describeLink(tree, link))),
  };
}

async function describeLink(tree: KernelTree, link: TargetLink): Promise<LinkDescription> {
  return {
    ...link,
    disk: await findDisk(tree, link),
    portals: await tree.list(`${portalGroupFolder(tree, link)}/np`),
  };
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text?.trim());
  return text === undefined || text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}
