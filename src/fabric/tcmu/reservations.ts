/**
 * Persistent reservations that survive loss of power (APTPL) on the kernel's fabrics. LIO writes
 * them to `<dbroot>/pr/aptpl_<serial>` and reads nothing back by itself (target_core_pr.c): whoever
 * makes the backstore again tells it, before any fabric exports it.
 *
 * @module
 */
import { type BackstoreAddress, backstoreFolder } from "./actions.ts";
import { messageOf } from "./error.ts";
import { isGone, type KernelTree } from "./tree.ts";

/** Longest file that is read: some thousand registrations. */
const FILE_LENGTH_MAX = 1 << 20;
/** Bytes of one write to configfs: a page. */
const REGISTRATION_LENGTH_MAX = 4095;
const SERIAL = /^[A-Za-z0-9_.:-]{1,200}$/;

/** Folder in which the kernel keeps reservations; undefined where it has none. */
async function folderOf(tree: KernelTree): Promise<string | undefined> {
  const root = (await tree.readIfPresent(`${tree.paths.target}/dbroot`))?.trim() ?? "";
  return root.startsWith("/") ? `${root}/pr` : undefined;
}

/**
 * The registrations in such a file, each as configfs takes it: `key=value,key=value,...`. What is not
 * of that form is left out.
 */
export function parseRegistrations(text: string): string[] {
  const registrations: string[] = [];
  for (const [, block] of text.matchAll(/PR_REG_START: \d+\n([^]*?)PR_REG_END: \d+/g)) {
    const lines = block.split("\n").filter((line) => line !== "");
    const registration = lines.join(",");
    const wellFormed = lines.length > 0 && registration.length <= REGISTRATION_LENGTH_MAX &&
      lines.every((line) => /^[a-z_]{1,32}=[ -+\--~]*$/.test(line));
    if (wellFormed) registrations.push(registration);
  }
  return registrations;
}

/**
 * Tells the kernel what it had written of the reservations of a LUN whose backstore was made again.
 * Returns what went wrong, in words: initiators must then register and reserve anew.
 */
export async function restoreReservations(
  tree: KernelTree,
  backstore: BackstoreAddress,
  serial: string,
): Promise<string[]> {
  const folder = await folderOf(tree);
  if (folder === undefined || !SERIAL.test(serial)) return [];
  const path = `${folder}/aptpl_${serial}`;
  try {
    const text = await readText(path);
    for (const registration of parseRegistrations(text)) {
      const attribute = `${backstoreFolder(tree, backstore)}/pr/res_aptpl_metadata`;
      await tree.write(attribute, registration);
    }
    return [];
  } catch (error) {
    return [`reservations cannot be restored from ${path}: ${messageOf(error)}`];
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > FILE_LENGTH_MAX) throw new Error(`it has ${size} bytes`);
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

/** Removes what the kernel has written of a LUN that is gone for good. */
export async function forgetReservations(tree: KernelTree, serial: string): Promise<void> {
  const folder = await folderOf(tree);
  if (folder === undefined || !SERIAL.test(serial)) return;
  await Deno.remove(`${folder}/aptpl_${serial}`).catch(() => {});
}
