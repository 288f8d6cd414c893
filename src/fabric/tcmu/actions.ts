/**
 * The ring's emergency levers (target_core_user.c: action/block_dev, action/reset_ring), and the
 * protocol by which a new process takes over a ring that another one left behind.
 *
 * @module
 */
import { errorCode, FabricError } from "./error.ts";
import type { KernelTree } from "./tree.ts";
import { sleep } from "./wait.ts";

/** What becomes of the commands in flight when the ring is reset. */
export const ResetRing = {
  /** They go back as BUSY; the initiator repeats them. */
  RETRY: 1,
  /** They fail at once (2/08/00). */
  FAIL: 2,
} as const;

/** How long an action is repeated while the device is still being enabled. */
const ACTION_TIMEOUT_MS = 5000;

/** A backstore's place in configfs. */
export interface BackstoreAddress {
  /** N of `core/user_<N>`. */
  readonly hba: number;
  readonly name: string;
}

/** The configfs folder of a backstore. */
export function backstoreFolder(tree: KernelTree, backstore: BackstoreAddress): string {
  return `${tree.paths.target}/core/user_${backstore.hba}/${backstore.name}`;
}

/**
 * Holds back new commands (they go back as BUSY), or lets them through again. Commands in flight
 * are not touched.
 */
export function blockDevice(
  tree: KernelTree,
  backstore: BackstoreAddress,
  blocked: boolean,
): Promise<void> {
  return act(tree, backstore, "block_dev", blocked ? "1" : "0");
}

/**
 * Takes all commands in flight off the ring; `how` is a value of {@linkcode ResetRing}. Head and
 * tail go back to 0. Nobody may be serving the ring meanwhile: a server that went on where it was
 * would write a tail that is off an entry, and the kernel would loop for ever. Detach it first.
 */
export function resetRing(
  tree: KernelTree,
  backstore: BackstoreAddress,
  how: number,
): Promise<void> {
  return act(tree, backstore, "reset_ring", String(how));
}

async function act(
  tree: KernelTree,
  backstore: BackstoreAddress,
  action: string,
  value: string,
): Promise<void> {
  const path = `${backstoreFolder(tree, backstore)}/action/${action}`;
  const end_ms = performance.now() + ACTION_TIMEOUT_MS;
  for (;;) {
    try {
      return await tree.write(path, value);
    } catch (error) {
      // EINVAL until enable has finished.
      if (errorCode(error) !== "EINVAL" || performance.now() > end_ms) {
        throw explain(error, backstore, action);
      }
    }
    await sleep(20);
  }
}

function explain(error: unknown, backstore: BackstoreAddress, action: string): FabricError {
  const { name } = backstore;
  switch (errorCode(error)) {
    case "ENOENT":
      return new FabricError(
        "missing",
        `Cannot write ${action} of "${name}": the backstore is gone, or the kernel is older than ` +
          "4.19 and has no such action",
        error,
      );
    case "EINVAL":
      return new FabricError(
        "timeout",
        `Cannot write ${action} of "${name}": the kernel has not finished enabling the device`,
        error,
      );
    default:
      return new FabricError("refused", `Cannot write ${action} of "${name}"`, error);
  }
}

/**
 * Takes over the ring of a device whose server died: to be called after the device was opened (so
 * that nobody else serves it) and before the ring is mapped and walked. Commands that were in flight
 * go back to the initiator, which repeats them; new ones are held back until the returned function
 * has been called, when the new server is ready.
 *
 * Resuming in place would be wrong: a completion overwrites the request in the slot it uses, so that
 * after out-of-order completions open requests are lost (Linux 6.1 to 7.2).
 */
export async function recover(
  tree: KernelTree,
  backstore: BackstoreAddress,
): Promise<() => Promise<void>> {
  await blockDevice(tree, backstore, true);
  try {
    await resetRing(tree, backstore, ResetRing.RETRY);
  } catch (error) {
    await blockDevice(tree, backstore, false).catch(() => {});
    throw error;
  }
  return () => blockDevice(tree, backstore, false);
}
