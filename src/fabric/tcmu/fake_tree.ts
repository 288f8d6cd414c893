/**
 * A kernel's trees made of plain files, for unit tests: configfs makes attributes with a folder and
 * takes them away with it, and enabling a backstore makes a UIO device. What blocks in the kernel,
 * and what it checks, is tried on real kernels.
 *
 * @module
 */
import { KernelTree } from "./tree.ts";

/** Attributes that the kernel makes with a folder, by the folder's path below the target tree. */
const TEMPLATES: [RegExp, Record<string, string>][] = [
  [/^core\/user_\d+\/[^/]+$/, {
    "control": "",
    "enable": "0",
    "info": "",
    "action/block_dev": "unblocked",
    "action/reset_ring": "",
    "attrib/alua_support": "1",
    "attrib/cmd_time_out": "30",
    "attrib/dev_config": "",
    "attrib/dev_size": "0",
    "attrib/emulate_pr": "1",
    "attrib/emulate_write_cache": "0",
    "attrib/enforce_pr_isids": "1",
    "attrib/hw_block_size": "512",
    "attrib/nl_reply_supported": "0",
    "attrib/pgr_support": "1",
    "attrib/qfull_time_out": "-1",
    "attrib/tmr_notification": "0",
    "wwn/vpd_unit_serial": "T10 VPD Unit Serial Number: ",
  }],
  [/^loopback\/[^/]+\/tpgt_\d+$/, { "nexus": "", "address": "3:0:1", "lun/": "" }],
  [/^iscsi\/[^/]+\/tpgt_\d+$/, {
    "acls/": "",
    "attrib/authentication": "1",
    "attrib/cache_dynamic_acls": "0",
    "attrib/demo_mode_write_protect": "1",
    "attrib/generate_node_acls": "0",
    "auth/password": "",
    "auth/password_mutual": "",
    "auth/userid": "",
    "auth/userid_mutual": "",
    "enable": "0",
    "lun/": "",
    "np/": "",
  }],
  [/^iscsi\/[^/]+\/tpgt_\d+\/acls\/[^/]+$/, {
    "auth/password": "",
    "auth/password_mutual": "",
    "auth/userid": "",
    "auth/userid_mutual": "",
  }],
];

/** Decides whether an operation on a path fails; the error's `code` is what it returns. */
export type Fault = (operation: string, path: string) => string | undefined;

/** A tree in a temporary folder. */
export class FakeTree extends KernelTree {
  readonly root: string;
  /** What has been changed, in order: "mkdir core/user_1000". */
  readonly log: string[] = [];
  /** Makes operations fail. */
  fault: Fault = () => undefined;
  #minors = 0;
  readonly #made = new Set<string>();

  private constructor(root: string) {
    super({
      target: `${root}/target`,
      sysfs: `${root}/sys`,
      dev: `${root}/dev`,
      proc: `${root}/proc`,
    });
    this.root = root;
  }

  /** Makes an empty kernel. */
  static async make(): Promise<FakeTree> {
    const root = await Deno.makeTempDir({ prefix: "lunette-tree-" });
    for (const folder of ["target/core", "sys/class/uio", "sys/class/block", "dev", "proc"]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    return new FakeTree(root);
  }

  /** Removes it all. */
  async dispose(): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }

  /** What is below the target tree, without what the kernel makes by itself. */
  listMade(): string[] {
    return [...this.#made].sort();
  }
  /** Puts a UIO device there. */
  async plug(minor: number, name: string, size = "0x40800000"): Promise<void> {
    const folder = `${this.paths.sysfs}/class/uio/uio${minor}`;
    await Deno.mkdir(`${folder}/maps/map0`, { recursive: true });
    await Deno.writeTextFile(`${folder}/name`, `${name}\n`);
    await Deno.writeTextFile(`${folder}/maps/map0/size`, `${size}\n`);
    await Deno.writeTextFile(`${this.paths.dev}/uio${minor}`, "");
  }

  /** Takes it away. It is kept elsewhere, since sysfs does not use inode numbers again so soon. */
  async unplug(minor: number): Promise<void> {
    const folder = `${this.paths.sysfs}/class/uio/uio${minor}`;
    await Deno.rename(folder, await Deno.makeTempDir({ dir: this.root }));
    await Deno.remove(`${this.paths.dev}/uio${minor}`);
  }

  /** Puts a disk there that belongs to a SCSI address. */
  async plugDisk(address: string, name: string, number: string): Promise<void> {
    const { sysfs, dev } = this.paths;
    await Deno.mkdir(`${sysfs}/class/scsi_device/${address}/device/block/${name}`, {
      recursive: true,
    });
    await Deno.mkdir(`${sysfs}/class/block/${name}/holders`, { recursive: true });
    await Deno.writeTextFile(`${sysfs}/class/block/${name}/dev`, `${number}\n`);
    await Deno.writeTextFile(`${dev}/${name}`, "");
  }

  override async read(path: string): Promise<string> {
    this.#check("read", path);
    return await super.read(path);
  }

  override async write(path: string, text: string): Promise<void> {
    this.#note("write", path, ` ${text}`);
    await super.write(path, text);
    const backstore = /^core\/user_(\d+)\/([^/]+)\/(control|enable)$/.exec(this.#relative(path));
    if (backstore?.[3] === "control") await this.#control(path, text);
    if (backstore?.[3] === "enable" && text === "1") {
      const config = await this.read(path.replace(/enable$/, "attrib/dev_config"));
      await this.plug(this.#minors++, `tcm-user/${backstore[1]}/${backstore[2]}/${config}`);
    }
  }

  override async mkdir(path: string): Promise<void> {
    this.#note("mkdir", path);
    await super.mkdir(path);
    const relative = this.#relative(path);
    this.#made.add(relative);
    const template = TEMPLATES.find(([pattern]) => pattern.test(relative))?.[1] ?? {};
    for (const [name, text] of Object.entries(template)) {
      const file = `${path}/${name}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      if (!name.endsWith("/")) await Deno.writeTextFile(file, text);
    }
  }

  override async rmdir(path: string): Promise<void> {
    this.#note("rmdir", path);
    const relative = this.#relative(path);
    const inside = [...this.#made].some((other) => other.startsWith(`${relative}/`));
    if (inside) throw systemError("ENOTEMPTY", path);
    for (const link of await this.#links()) {
      if (link.to.endsWith(`/${relative}`)) throw systemError("EBUSY", path);
    }
    await Deno.remove(path, { recursive: true });
    this.#made.delete(relative);
    await this.#unplugOf(relative);
  }

  override async symlink(to: string, path: string): Promise<void> {
    this.#note("symlink", path);
    await super.symlink(to, path);
    this.#made.add(this.#relative(path));
  }

  override async unlink(path: string): Promise<void> {
    this.#note("unlink", path);
    await super.unlink(path);
    this.#made.delete(this.#relative(path));
  }

  #note(operation: string, path: string, detail = ""): void {
    this.#check(operation, path);
    this.log.push(`${operation} ${this.#relative(path)}${detail}`);
  }

  #check(operation: string, path: string): void {
    const code = this.fault(operation, this.#relative(path));
    if (code !== undefined) throw systemError(code, path);
  }

  #relative(path: string): string {
    const prefix = `${this.paths.target}/`;
    return path.startsWith(prefix) ? path.slice(prefix.length) : path.slice(this.root.length + 1);
  }

  async #links(): Promise<{ to: string }[]> {
    const links = [];
    for (const path of this.#made) {
      const to = await this.readLink(`${this.paths.target}/${path}`);
      if (to !== undefined) links.push({ to });
    }
    return links;
  }

  /** `control` sets attributes, as the kernel does. */
  async #control(path: string, text: string): Promise<void> {
    for (const setting of text.split(",")) {
      const [key, value] = setting.split("=");
      const file = `${path.replace(/control$/, "attrib")}/${key}`;
      if (await this.exists(file)) await Deno.writeTextFile(file, value);
    }
  }

  async #unplugOf(relative: string): Promise<void> {
    const backstore = /^core\/user_(\d+)\/([^/]+)$/.exec(relative);
    if (backstore === null) return;
    for (const uio of await this.list(`${this.paths.sysfs}/class/uio`)) {
      const name = await this.read(`${this.paths.sysfs}/class/uio/${uio}/name`);
      if (!name.startsWith(`tcm-user/${backstore[1]}/${backstore[2]}/`)) continue;
      await this.unplug(Number(uio.slice(3)));
    }
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}

/** Runs a test with a fake tree. */
export async function withFakeTree(work: (tree: FakeTree) => Promise<void>): Promise<void> {
  const tree = await FakeTree.make();
  try {
    await work(tree);
  } finally {
    await tree.dispose();
  }
}
