/** LIO's iSCSI fabric (drivers/target/iscsi): a LUN becomes a target that initiators log in to. */
import type { BackstoreAddress } from "./actions.ts";
import { errorCode, FabricError } from "./error.ts";
import {
  explain,
  type KernelFabric,
  type Link,
  LINK_NAME,
  linkPath,
  lunFolder,
  makeLink,
  makeTarget,
  portalGroupFolder,
  removeFolder,
  removeTargetIfEmpty,
  type TargetLink,
  unlinkLun,
} from "./fabric.ts";
import { checkIscsiName, deriveIqn } from "./names.ts";
import { type Rollback, withRollback } from "./rollback.ts";
import type { KernelTree } from "./tree.ts";

/** A name and secret of CHAP (RFC 1994). */
export interface ChapSecret {
  readonly user: string;
  readonly secret: string;
}

/** An initiator that may log in. */
export interface InitiatorAccess {
  /** Its iSCSI name. */
  readonly name: string;
  /** What it must prove to know. */
  readonly chap?: ChapSecret;
  /** What the target proves to it in turn; only with `chap`. */
  readonly mutualChap?: ChapSecret;
}

/** Who may log in. */
export type IscsiAccess =
  /** Everybody who reaches the portal. */
  | { readonly kind: "open" }
  /** Everybody who knows the secret. */
  | { readonly kind: "secret"; readonly chap: ChapSecret; readonly mutualChap?: ChapSecret }
  /** These and nobody else. */
  | { readonly kind: "initiators"; readonly initiators: readonly InitiatorAccess[] };

/** How an iSCSI LUN is made. */
export interface IscsiOptions {
  /** Name of the target; the default is derived from the LUN's name. */
  readonly iqn?: string;
  /** `address:port`, IPv6 as `[address]:port`. Default 127.0.0.1:3260. */
  readonly portals?: readonly string[];
  /** Default open, which is refused for portals that other machines reach. */
  readonly access?: IscsiAccess;
}

const PORTAL_GROUP = 1;
const DEFAULT_PORTALS = ["127.0.0.1:3260"];
/** LIO cuts longer ones off (MAX_USER_LEN, MAX_PASS_LEN: 256, for the NUL one less). */
const CHAP_LENGTH_MAX = 255;
/** A shorter secret is open to guessing (RFC 7143 9.2.1: 96 bits). */
const SECRET_LENGTH_MIN = 12;

/** Makes LUNs of LIO iSCSI targets, one target each. */
export class IscsiFabric implements KernelFabric {
  readonly kind = "iscsi";
  readonly #tree: KernelTree;
  readonly #options: IscsiOptions;

  /** Throws {@linkcode FabricError} "invalid" for options that are not acceptable. */
  constructor(tree: KernelTree, options: IscsiOptions = {}) {
    this.#tree = tree;
    this.#options = options;
    checkAccess(options);
  }

  link(backstore: BackstoreAddress): Promise<Link> {
    const link: TargetLink = {
      fabric: this.kind,
      wwn: this.#options.iqn ?? deriveIqn(backstore.name),
      portal_group: PORTAL_GROUP,
      lun: 0,
      link_name: LINK_NAME,
      backstore,
    };
    const portals = this.#options.portals ?? DEFAULT_PORTALS;
    return withRollback(async (rollback) => {
      await makeTarget(this.#tree, link, rollback);
      for (const portal of portals) await this.#makePortal(link, portal, rollback);
      await makeLink(this.#tree, link);
      rollback.add("unlink the LUN", () => this.#tree.unlink(linkPath(this.#tree, link)));
      await this.#setAccess(link, rollback);
      const enable = `${portalGroupFolder(this.#tree, link)}/enable`;
      await explain(link, "enable", () => this.#tree.writeBlocking(enable, "1"));
      return { ...link, portals };
    });
  }

  async unlink(link: TargetLink): Promise<void> {
    await unlinkLun(this.#tree, link);
    await removeTargetIfEmpty(this.#tree, link);
  }

  /** The kernel binds the address when the folder is made. */
  async #makePortal(link: TargetLink, portal: string, rollback: Rollback): Promise<void> {
    const folder = `${portalGroupFolder(this.#tree, link)}/np/${portal}`;
    try {
      if (!await this.#tree.ensureFolder(folder)) return;
    } catch (error) {
      throw await explainPortal(this.#tree, error, portal);
    }
    rollback.add(`remove ${folder}`, () => removeFolder(this.#tree, folder));
  }

  async #setAccess(link: TargetLink, rollback: Rollback): Promise<void> {
    const access = this.#options.access ?? { kind: "open" };
    const group = portalGroupFolder(this.#tree, link);
    const dynamic = access.kind !== "initiators";
    const chap = access.kind === "secret" ||
      (access.kind === "initiators" && access.initiators.some((one) => one.chap !== undefined));
    await this.#writeAll(link, `${group}/attrib`, {
      authentication: chap ? "1" : "0",
      generate_node_acls: dynamic ? "1" : "0",
      cache_dynamic_acls: dynamic ? "1" : "0",
      demo_mode_write_protect: dynamic ? "0" : "1",
    });
    if (access.kind === "secret") await this.#setChap(link, `${group}/auth`, access);
    if (access.kind !== "initiators") return;
    for (const initiator of access.initiators) {
      await this.#allow(link, initiator, rollback);
    }
  }

  async #allow(link: TargetLink, initiator: InitiatorAccess, rollback: Rollback): Promise<void> {
    const acl = `${portalGroupFolder(this.#tree, link)}/acls/${initiator.name}`;
    const make = async (folder: string) => {
      const made = await explain(link, folder, () => this.#tree.ensureFolder(folder));
      if (made) rollback.add(`remove ${folder}`, () => removeFolder(this.#tree, folder));
    };
    await make(acl);
    await make(`${acl}/lun_${link.lun}`);
    const path = `${acl}/lun_${link.lun}/${LINK_NAME}`;
    await explain(link, path, () => this.#tree.symlink(lunFolder(this.#tree, link), path));
    rollback.add(`unlink ${path}`, () => this.#tree.unlink(path));
    await this.#setChap(link, `${acl}/auth`, initiator);
  }

  async #setChap(
    link: TargetLink,
    folder: string,
    access: { chap?: ChapSecret; mutualChap?: ChapSecret },
  ): Promise<void> {
    const { chap, mutualChap } = access;
    if (chap !== undefined) {
      await this.#writeAll(link, folder, { userid: chap.user, password: chap.secret });
    }
    if (mutualChap !== undefined) {
      const { user, secret } = mutualChap;
      await this.#writeAll(link, folder, { userid_mutual: user, password_mutual: secret });
    }
  }

  async #writeAll(
    link: TargetLink,
    folder: string,
    values: Record<string, string>,
  ): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      // The value may be a secret: it stays out of the message.
      await explain(link, name, () => this.#tree.write(`${folder}/${name}`, value));
    }
  }
}

async function explainPortal(
  tree: KernelTree,
  error: unknown,
  portal: string,
): Promise<FabricError> {
  const what = `Cannot listen on iSCSI portal ${portal}`;
  // LIO answers EINVAL to a port that is taken as to an address that is not there.
  if (await hasListener(tree, portal)) {
    return new FabricError(
      "busy",
      `${what}: another program listens there (ss -ltnp shows which). Choose another port`,
      error,
    );
  }
  return new FabricError(
    "refused",
    `${what}: ${errorCode(error) || "refused"}. Does this machine have that address?`,
    error,
  );
}

/** Whether a TCP socket listens on a portal's port (proc_net_tcp.txt), whatever its address. */
async function hasListener(tree: KernelTree, portal: string): Promise<boolean> {
  const port = Number(portal.slice(portal.lastIndexOf(":") + 1));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["tcp", "tcp6"]) {
    const text = await tree.readIfPresent(`${tree.paths.proc}/net/${table}`) ?? "";
    for (const line of text.split("\n")) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (state === "0A" && local.endsWith(suffix)) return true;
    }
  }
  return false;
}

function checkAccess(options: IscsiOptions): void {
  const { iqn, portals = DEFAULT_PORTALS, access } = options;
  if (iqn !== undefined) checkIscsiName(iqn);
  if (portals.length === 0) throw new FabricError("invalid", "Cannot do without a portal");
  for (const portal of portals) {
    const local = isLoopbackPortal(portal);
    if (access === undefined && !local) {
      throw new FabricError(
        "invalid",
        `Cannot open portal ${portal} to everybody: other machines reach it. Name the initiators ` +
          "or a CHAP secret, or ask for open access explicitly",
      );
    }
  }
  if (access?.kind === "secret") checkChap(access.chap, access.mutualChap);
  if (access?.kind !== "initiators") return;
  for (const { name, chap, mutualChap } of access.initiators) {
    checkIscsiName(name);
    if (chap === undefined && mutualChap !== undefined) {
      throw new FabricError("invalid", `Cannot use mutual CHAP alone (initiator ${name})`);
    }
    checkChap(chap, mutualChap);
  }
}

/** Checks the form of a portal; returns whether only this machine reaches it. */
function isLoopbackPortal(portal: string): boolean {
  const match = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([0-9A-Fa-f:.]+)\]):(\d{1,5})$/.exec(portal);
  const port = Number(match?.[3]);
  const octets = match?.[1]?.split(".").map(Number) ?? [];
  if (match === null || port < 1 || port > 65535 || octets.some((octet) => octet > 255)) {
    throw new FabricError(
      "invalid",
      `Cannot use ${JSON.stringify(portal)} as a portal: write address:port, or [address]:port`,
    );
  }
  return octets[0] === 127 || match[2] === "::1";
}

function checkChap(chap: ChapSecret | undefined, mutual: ChapSecret | undefined): void {
  for (const one of [chap, mutual]) {
    if (one === undefined) continue;
    const printable = /^[\x21-\x7e]+$/;
    const { user, secret } = one;
    // LIO takes the word NULL as "none".
    const words = printable.test(user) && printable.test(secret) && user !== "NULL";
    const lengths = user.length <= CHAP_LENGTH_MAX && secret.length <= CHAP_LENGTH_MAX &&
      secret.length >= SECRET_LENGTH_MIN;
    if (!words || !lengths || secret.startsWith("NULL")) {
      throw new FabricError(
        "invalid",
        `Cannot use the CHAP name or secret of ${JSON.stringify(user.slice(0, 40))}: printable ` +
          `characters without spaces, the secret ${SECRET_LENGTH_MIN} to ${CHAP_LENGTH_MAX} long`,
      );
    }
  }
  // RFC 7143 12.1.3: a secret must not serve both directions.
  if (chap !== undefined && mutual !== undefined && chap.secret === mutual.secret) {
    throw new FabricError("invalid", "Cannot use the same CHAP secret in both directions");
  }
}
