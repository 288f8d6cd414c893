/**
 * Makes TCMU backstores and loopback LUNs by hand, through configfs alone. To
 * be run in a guest. It shares nothing with lunette's own code, so that tests
 * may hold one against the other.
 *
 * @module
 */

/** The kernel target's folder in configfs. */
export const TARGET = "/sys/kernel/config/target";

/** What a backstore is made of. */
export interface BackstoreOptions {
  /** Name of the backstore. */
  name: string;
  /** Its size. */
  size_bytes: number;
  /** What `dev_config` is set to: subtype, slash, the handler's own words. */
  config: string;
  /** Number of the host bus adapter it hangs on; default 0. */
  adapter?: number;
  /** Size of a block; default 512. */
  block_bytes?: number;
  /** Longest transfer it takes; default 4 MiB, where the kernel's own is 64 KiB. */
  transfer_length_max_bytes?: number;
}

/** Makes and enables a TCMU backstore; returns its folder in configfs. */
export async function createTcmuBackstore(options: BackstoreOptions): Promise<string> {
  const folder = `${TARGET}/core/user_${options.adapter ?? 0}/${options.name}`;
  await Deno.mkdir(folder, { recursive: true });
  const block_bytes = options.block_bytes ?? 512;
  const settings = {
    dev_size: options.size_bytes,
    dev_config: options.config,
    hw_block_size: block_bytes,
    hw_max_sectors: (options.transfer_length_max_bytes ?? 4 << 20) / block_bytes,
    async: 1,
  };
  for (const [name, value] of Object.entries(settings)) {
    await Deno.writeTextFile(`${folder}/control`, `${name}=${value}`);
  }
  await Deno.writeTextFile(`${folder}/enable`, "1");
  return folder;
}

/** The UIO device of a backstore, such as `uio0`. */
export async function findUio(backstore: string): Promise<string> {
  const [adapter, name] = backstore.split("/").slice(-2);
  const prefix = `tcm-user/${adapter.slice(adapter.indexOf("_") + 1)}/${name}/`;
  for await (const entry of Deno.readDir("/sys/class/uio")) {
    const text = await Deno.readTextFile(`/sys/class/uio/${entry.name}/name`);
    if (`${text.trim()}/`.startsWith(prefix)) return entry.name;
  }
  throw new Error(`No UIO device is named ${prefix}`);
}

/** A LUN that the kernel's loopback fabric shows to this same kernel. */
export interface LoopbackLun {
  /** The disk, such as `/dev/sda`. */
  device: string;
  /** The target's folder in configfs. */
  folder: string;
  /** Takes LUN and target away. */
  remove(): Promise<void>;
}

/** Shows a backstore as a disk of this kernel. */
export async function createLoopbackLun(backstore: string): Promise<LoopbackLun> {
  const wwn = () =>
    `naa.5001405${
      crypto.getRandomValues(new Uint32Array(1))[0]
        .toString(16).padStart(9, "0")
    }`;
  const target = `${TARGET}/loopback/${wwn()}`;
  const folder = `${target}/tpgt_1`;
  const lun = `${folder}/lun/lun_0`;
  const link = `${lun}/${backstore.slice(backstore.lastIndexOf("/") + 1)}`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/nexus`, wwn());
  await Deno.mkdir(lun);
  await Deno.symlink(backstore, link);
  const address = (await Deno.readTextFile(`${folder}/address`)).trim();
  return {
    device: await waitForDisk(`/sys/class/scsi_device/${address}:0/device/block`),
    folder,
    remove: async () => {
      await Deno.remove(link);
      await Deno.remove(lun);
      await Deno.remove(folder);
      await Deno.remove(target);
    },
  };
}

/** Takes a backstore away; no LUN may show it any more. */
export async function removeBackstore(backstore: string): Promise<void> {
  await Deno.remove(backstore);
}

async function waitForDisk(folder: string): Promise<string> {
  const deadline_ms = Date.now() + 30_000;
  while (Date.now() < deadline_ms) {
    try {
      for await (const entry of Deno.readDir(folder)) {
        await Deno.stat(`/dev/${entry.name}`);
        return `/dev/${entry.name}`;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`No disk appeared in ${folder} within 30 s: does anyone answer its commands?`);
}
