/** Making and removing TCMU backstores in configfs (target_core_user.c, target_core_configfs.c). */
import { type BackstoreAddress, backstoreFolder } from "./actions.ts";
import { adjustAttributes, type BackstoreAttributes, setAttributes } from "./attributes.ts";
import { errorCode, FabricError, messageOf } from "./error.ts";
import { checkLunName, defaultSerial, splitConfig, SUBTYPE } from "./names.ts";
import { type Rollback, withRollback } from "./rollback.ts";
import { isGone, type KernelTree } from "./tree.ts";
import { findUioDevice, type UioDevice } from "./uio_devices.ts";
import { poll, withDeadline } from "./wait.ts";

/**
 * First HBA number that is tried. Each LUN has an HBA directory of its own, since while the kernel
 * waits for an answer about one device everything below its HBA directory blocks. targetcli counts
 * from 0, so that a high base keeps apart what belongs to whom.
 */
export const HBA_BASE = 1000;
const HBA_TRIES_MAX = 4096;

/** Largest volume, 8 PiB: offsets are numbers, exact up to 2^53. */
const SIZE_MAX = 2 ** 53;
const UIO_TIMEOUT_MS = 5000;
/** Longer than discovery takes to answer the kernel in any case. */
const ENABLE_TIMEOUT_MS = 30_000;
const REMOVE_TIMEOUT_MS = 10_000;

/** What a backstore is made of. */
export interface BackstoreOptions extends BackstoreAttributes {
  readonly name: string;
  readonly size_bytes: number;
  /** 512 or a larger power of two up to 4096. Default 512. */
  readonly block_length_bytes?: number;
  /** Longest transfer that the kernel announces. Default 4 MiB, which VPD B0 says too. */
  readonly transfer_length_max_bytes?: number;
  /** Data area in MiB; default that of the kernel (1024). */
  readonly data_area_mb?: number;
  /** Unit serial number; the default is derived from the name. */
  readonly serial?: string;
  /** Whether the kernel asks the daemon about this device over netlink. Default false. */
  readonly netlinkReplies?: boolean;
  /** First HBA number to try. */
  readonly hba_base?: number;
}

/** A backstore that is enabled and has a ring. */
export interface Backstore extends BackstoreAddress {
  readonly folder: string;
  readonly size_bytes: number;
  readonly device: UioDevice;
}

/**
 * Makes and enables a backstore, up to where its ring can be opened; attach the ring, then link it
 * to a fabric. On failure nothing stays behind. Throws {@linkcode FabricError}: "invalid" for bad
 * options, "exists" if there is a LUN of that name, "unsupported" without privileges or modules.
 *
 * With `netlinkReplies` this waits for the daemon's answer about the new device.
 */
export async function createBackstore(
  tree: KernelTree,
  options: BackstoreOptions,
): Promise<Backstore> {
  const name = checkLunName(options.name);
  checkOptions(options);
  if ((await findBackstores(tree, name)).length > 0) {
    throw new FabricError("exists", `Cannot create LUN "${name}": there is one of that name`);
  }
  return await withRollback(async (rollback) => {
    const hba = await claimHba(tree, name, options.hba_base ?? HBA_BASE, rollback);
    const address = { hba, name };
    const folder = backstoreFolder(tree, address);
    await step(name, "make its backstore", () => tree.mkdir(folder));
    const remove = () => withDeadline(tree.rmdir(folder), REMOVE_TIMEOUT_MS, `remove ${folder}`);
    rollback.add(`remove ${folder}`, remove);
    await configure(tree, folder, options);
    await step(name, "enable it", () => {
      const enabling = tree.writeBlocking(`${folder}/enable`, "1");
      return withDeadline(enabling, ENABLE_TIMEOUT_MS, "wait for a daemon's answer over netlink");
    });
    const device = await waitForDevice(tree, address);
    return { hba, name, folder, size_bytes: options.size_bytes, device };
  });
}

/** Removes a backstore that no fabric uses, and its HBA directory if that is empty then. */
export async function removeBackstore(
  tree: KernelTree,
  backstore: BackstoreAddress,
): Promise<void> {
  const folder = backstoreFolder(tree, backstore);
  try {
    await tree.rmdir(folder);
  } catch (error) {
    if (errorCode(error) === "EBUSY") {
      throw new FabricError("busy", `Cannot remove ${folder}: a fabric still uses it`, error);
    }
    if (!isGone(error)) {
      throw new FabricError("refused", `Cannot remove ${folder}: ${messageOf(error)}`, error);
    }
  }
  await removeHba(tree, backstore.hba);
}

/**
 * Changes the size that configfs shows, and has the kernel tell the listening daemon of it. The
 * daemon reports the new capacity; initiators must look again (see `rescanDisk`). Where nobody
 * listens only configfs is changed. Throws {@linkcode FabricError} "refused".
 */
export async function resizeBackstore(
  tree: KernelTree,
  backstore: BackstoreAddress,
  size_bytes: number,
): Promise<void> {
  const folder = backstoreFolder(tree, backstore);
  const refused = (error: unknown) =>
    new FabricError("refused", `Cannot resize "${backstore.name}": ${messageOf(error)}`, error);
  try {
    return await tree.writeBlocking(`${folder}/attrib/dev_size`, String(size_bytes));
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw refused(error);
  }
  try {
    await tree.writeBlocking(`${folder}/control`, `dev_size=${size_bytes}`);
  } catch (error) {
    throw refused(error);
  }
}

/**
 * Makes a backstore that an earlier daemon left fit the volume that is to be served. Returns what
 * could not be changed, in words. Throws {@linkcode FabricError} "refused" where it cannot serve it.
 */
export async function adjustBackstore(
  tree: KernelTree,
  backstore: BackstoreAddress,
  options: BackstoreOptions,
): Promise<string[]> {
  const folder = backstoreFolder(tree, backstore);
  const block = options.block_length_bytes ?? 512;
  const present = (await tree.readIfPresent(`${folder}/attrib/hw_block_size`))?.trim();
  if (present !== undefined && Number(present) !== block) {
    throw new FabricError(
      "refused",
      `Cannot serve "${backstore.name}": the kernel has it with blocks of ${present} bytes, and its ` +
        `volume has blocks of ${block}. Remove the LUN and make it again`,
    );
  }
  return await adjustAttributes(tree, folder, options);
}

/** Our backstores of that name (or all of ours), whether complete or not. */
export async function findBackstores(
  tree: KernelTree,
  name?: string,
): Promise<BackstoreAddress[]> {
  const found: BackstoreAddress[] = [];
  for (const hba of await listHbas(tree)) {
    const names = name === undefined ? await tree.list(hbaFolder(tree, hba)) : [name];
    for (const candidate of names) {
      const address = { hba, name: candidate };
      if (await isOurs(tree, address)) found.push(address);
    }
  }
  return found;
}

/** Backstores of that name that belong to somebody else. */
export async function findForeignBackstores(
  tree: KernelTree,
  name: string,
): Promise<BackstoreAddress[]> {
  const found: BackstoreAddress[] = [];
  for (const hba of await listHbas(tree)) {
    const address = { hba, name };
    const there = await tree.exists(backstoreFolder(tree, address));
    if (there && !await isOurs(tree, address)) found.push(address);
  }
  return found;
}

/** The configuration string of a backstore; "" where none was set, undefined where it is gone. */
export async function readDeviceConfig(
  tree: KernelTree,
  backstore: BackstoreAddress,
): Promise<string | undefined> {
  const folder = backstoreFolder(tree, backstore);
  const attribute = await tree.readIfPresent(`${folder}/attrib/dev_config`);
  if (attribute !== undefined) return attribute.trimEnd();
  // Kernels without the attribute name it in their description.
  const info = await tree.readIfPresent(`${folder}/info`);
  if (info === undefined) return undefined;
  const config = /Config: (\S*)/.exec(info)?.[1] ?? "";
  return config === "NULL" ? "" : config;
}

/**
 * Ours is what carries our subtype; and a backstore in our range of HBAs that was never configured
 * nor enabled: what an interrupted creation leaves behind.
 */
async function isOurs(tree: KernelTree, backstore: BackstoreAddress): Promise<boolean> {
  const folder = backstoreFolder(tree, backstore);
  if (!await tree.exists(`${folder}/control`)) return false;
  const config = await readDeviceConfig(tree, backstore);
  if (config === undefined) return false;
  if (splitConfig(config).subtype === SUBTYPE) return true;
  const enabled = (await tree.readIfPresent(`${folder}/enable`))?.trim() === "1";
  return config === "" && !enabled && backstore.hba >= HBA_BASE;
}

function hbaFolder(tree: KernelTree, hba: number): string {
  return `${tree.paths.target}/core/user_${hba}`;
}

async function listHbas(tree: KernelTree): Promise<number[]> {
  const names = await tree.list(`${tree.paths.target}/core`);
  return names.flatMap((name) => /^user_(\d+)$/.exec(name)?.slice(1) ?? [])
    .map(Number).sort((a, b) => a - b);
}

async function claimHba(
  tree: KernelTree,
  name: string,
  base: number,
  rollback: Rollback,
): Promise<number> {
  const taken = new Set(await listHbas(tree));
  for (let hba = base; hba < base + HBA_TRIES_MAX; hba++) {
    if (taken.has(hba)) continue;
    const folder = hbaFolder(tree, hba);
    if (await step(name, "make an HBA directory", () => tree.ensureFolder(folder))) {
      rollback.add(`remove ${folder}`, () => removeHba(tree, hba));
      return hba;
    }
  }
  throw new FabricError("refused", `Cannot create LUN "${name}": no free HBA number from ${base}`);
}

async function removeHba(tree: KernelTree, hba: number): Promise<void> {
  try {
    await tree.rmdir(hbaFolder(tree, hba));
  } catch (error) {
    // Somebody else has put another backstore there: it stays.
    if (!isGone(error) && errorCode(error) !== "ENOTEMPTY") throw error;
  }
}

async function configure(
  tree: KernelTree,
  folder: string,
  options: BackstoreOptions,
): Promise<void> {
  const { name } = options;
  const write = (path: string, text: string) =>
    step(name, `set ${path} to ${text}`, () => tree.write(`${folder}/${path}`, text));
  await write("control", controlText(options));
  const config = await readDeviceConfig(tree, { hba: hbaOf(folder), name });
  if (config !== `${SUBTYPE}/${name}`) {
    throw new FabricError("refused", `Cannot create LUN "${name}": the kernel took "${config}"`);
  }
  await setAttributes(tree, folder, options, write);
  await write("wwn/vpd_unit_serial", options.serial ?? defaultSerial(name));
}

function hbaOf(folder: string): number {
  return Number(/\/user_(\d+)\/[^/]+$/.exec(folder)?.[1]);
}

/** The text for `control`; sizes cannot be changed after enable. */
function controlText(options: BackstoreOptions): string {
  const block = options.block_length_bytes ?? 512;
  const sectors = Math.floor((options.transfer_length_max_bytes ?? 4 << 20) / block);
  const settings = [
    `dev_config=${SUBTYPE}/${options.name}`,
    `dev_size=${options.size_bytes}`,
    `hw_block_size=${block}`,
    `hw_max_sectors=${sectors}`,
  ];
  if (options.data_area_mb !== undefined) {
    settings.push(`max_data_area_mb=${options.data_area_mb}`);
  }
  // -1 keeps the device out of netlink replies, which are global: another daemon may want them.
  if (options.netlinkReplies !== true) settings.push("nl_reply_supported=-1");
  return settings.join(",");
}

function checkOptions(options: BackstoreOptions): void {
  const invalid = (what: string) => {
    throw new FabricError("invalid", `Cannot create LUN "${options.name}": ${what}`);
  };
  const within = (value: number | undefined, low: number, high: number) =>
    value === undefined || (Number.isInteger(value) && value >= low && value <= high);
  const block = options.block_length_bytes ?? 512;
  if (!within(block, 512, 4096) || (block & (block - 1)) !== 0) {
    invalid(`a block of ${block} bytes; take 512, 1024, 2048 or 4096`);
  }
  const size = options.size_bytes;
  if (!within(size, block, SIZE_MAX) || size % block !== 0) {
    invalid(`a size of ${size} bytes; it must be a multiple of ${block}, at most 8 PiB`);
  }
  if (!within(options.transfer_length_max_bytes, 65536, 32 << 20)) {
    invalid("the longest transfer must be 64 KiB to 32 MiB");
  }
  if (!within(options.data_area_mb, 8, 2048)) invalid("the data area must be 8 to 2048 MiB");
  if (!within(options.command_timeout_s, 0, 86400)) {
    invalid("the command timeout must be 0 to 86400 seconds");
  }
  if (!within(options.queue_full_timeout_s, -1, 86400)) {
    invalid("the queue full timeout must be -1 to 86400 seconds");
  }
  if (options.serial !== undefined && !/^[A-Za-z0-9_.:-]{1,200}$/.test(options.serial)) {
    invalid('a serial number is 1 to 200 letters, digits, "-", "_", "." and ":"');
  }
}

async function waitForDevice(tree: KernelTree, address: BackstoreAddress): Promise<UioDevice> {
  const search = poll(() => findUioDevice(tree, address.hba, address.name), UIO_TIMEOUT_MS);
  const device = await withDeadline(search, UIO_TIMEOUT_MS + 1000, "look for the UIO device");
  if (device !== undefined) return device;
  throw new FabricError(
    "timeout",
    `Cannot create LUN "${address.name}": its UIO device has not appeared in ` +
      `${tree.paths.sysfs}/class/uio. Was the daemon's answer to the kernel an error?`,
  );
}

/** Runs one step and explains the errors that an operator can do something about. */
async function step<T>(name: string, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FabricError) throw error;
    const cannot = `Cannot create LUN "${name}": cannot ${what}`;
    switch (errorCode(error)) {
      case "ENOENT":
        throw new FabricError(
          "unsupported",
          `${cannot}: the kernel's target is not there. Load target_core_user and mount configfs`,
          error,
        );
      case "EACCES":
      case "EPERM":
        throw new FabricError("unsupported", `${cannot}: that takes root`, error);
      case "EEXIST":
        throw new FabricError("exists", `${cannot}: it exists already`, error);
      case "EAGAIN":
        throw new FabricError(
          "refused",
          `${cannot}: netlink is blocked in target_core_user. Write 0 to ` +
            "/sys/module/target_core_user/parameters/block_netlink",
          error,
        );
      default:
        throw new FabricError("refused", `${cannot}: ${messageOf(error)}`, error);
    }
  }
}
