/** What can be done to LUNs without a daemon. */
import { findBackstores } from "../fabric/tcmu/backstore.ts";
import { removeLun } from "../fabric/tcmu/remove.ts";
import { KERNEL_PATHS, KernelTree } from "../fabric/tcmu/tree.ts";
import { OperatorError } from "./error.ts";
import { RecordStore } from "./lun_record.ts";
import { defaultPaths } from "./paths.ts";

/** Removes a LUN from the kernel, if it is there, and its record. Never hangs. */
export async function removeOffline(name: string): Promise<void> {
  const store = new RecordStore(defaultPaths(Deno.env).state);
  const { records } = await store.load();
  const recorded = records.some((record) => record.name === name);
  const tree = new KernelTree(KERNEL_PATHS);
  const inKernel = (await findBackstores(tree, name).catch(() => [])).length > 0;
  if (!recorded && !inKernel) {
    throw new OperatorError(
      "not-found",
      `There is no LUN "${name}", neither recorded nor in the kernel, and no daemon answers`,
      'Start the daemon with "lunette serve" to see what it has.',
    );
  }
  if (inKernel) await removeLun(tree, name);
  await store.remove(name);
}
