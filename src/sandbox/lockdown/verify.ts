/**
 * What the daemon sees of a guest from outside, where a handler has no say: that the kernel agrees
 * with the layers that it was given.
 *
 * @module
 */
import { parseStatus, type ThreadStatus } from "../../sys/guest_lockdown.ts";
import { checkThread } from "./close.ts";
import { type LayerState, LockdownError } from "./layers.ts";

function threadsOf(pid: number): ThreadStatus[] {
  const threads: ThreadStatus[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      threads.push(parseStatus(Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`)));
    } catch (error) {
      // The thread has ended meanwhile (ENOENT, ESRCH).
      if (!(error instanceof Deno.errors.NotFound) && !/ESRCH|os error 3/.test(String(error))) {
        throw error;
      }
    }
  }
  return threads;
}

/** Checks a guest that has opened its volume: all threads have its layers. Throws LockdownError. */
export function verifyGuest(pid: number, layers: readonly LayerState[]): void {
  const threads = threadsOf(pid);
  if (threads.length === 0) throw new LockdownError("The guest has no threads", "Try again.");
  try {
    for (const thread of threads) checkThread(thread, layers);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LockdownError(
      `The handler's process is not what it says it is: ${message}`,
      "Do not run this handler again, and report it.",
    );
  }
}
