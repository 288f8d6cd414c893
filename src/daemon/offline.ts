/** What can be done to LUNs without a daemon. */
import { DetachedTree } from "../fabric/tcmu/detached_tree.ts";
import { FabricError } from "../fabric/tcmu/error.ts";
import { forgetReservations } from "../fabric/tcmu/reservations.ts";
import { removeLun } from "../fabric/tcmu/remove.ts";
import { KERNEL_PATHS } from "../fabric/tcmu/tree.ts";
import { OperatorError } from "./error.ts";
import { RecordStore } from "./lun_record.ts";
import { defaultPaths } from "./paths.ts";
import { UnitStateFiles } from "./unit_state.ts";

/**
 * Removes a LUN from the kernel, if it is there, and its record. Gives up in time, with what is
 * stuck, where the kernel hangs; the process can end even then.
 */
export async function removeOffline(name: string): Promise<void> {
  const { state } = defaultPaths(Deno.env);
  const store = new RecordStore(state);
  const { records } = await store.load();
  const record = records.find((one) => one.name === name);
  const recorded = record !== undefined;
  const inKernel = await removeFromKernel(name);
  if (recorded) await forgetReservations(new DetachedTree(KERNEL_PATHS), record.serial);
  await new UnitStateFiles(state).remove(name);
  if (recorded) await store.remove(name);
  if (recorded || inKernel) return;
  throw new OperatorError(
    "not-found",
    `There is no LUN "${name}", neither recorded nor in the kernel, and no daemon answers`,
    'Start the daemon with "lunette serve" to see what it has.',
  );
}

async function removeFromKernel(name: string): Promise<boolean> {
  try {
    await removeLun(new DetachedTree(KERNEL_PATHS), name);
    return true;
  } catch (error) {
    if (error instanceof FabricError && error.kind === "missing") return false;
    throw error;
  }
}
