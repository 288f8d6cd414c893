/**
 * A process that serves block devices must not wait for memory that only the write-back of those
 * devices can free. PR_SET_IO_FLUSHER (prctl(2)) says so to the kernel; it belongs to a thread and
 * is inherited by the threads and processes it makes, so it is set first, and the process then
 * executes itself again: all threads of the new image have it.
 *
 * @module
 */
import { executeAgain, setIoFlusher, setOomScore } from "../sys/process.ts";

const MARK = "LUNETTE_IO_FLUSHER";

/**
 * Becomes an I/O flusher, where this user may, by executing this program again with the same
 * arguments. Returns where that is done already, or not permitted.
 */
export function becomeIoFlusher(): void {
  if (Deno.env.get(MARK) !== undefined) {
    Deno.env.delete(MARK);
    return;
  }
  if (!setIoFlusher()) return;
  // Handlers are killed first when memory runs out, the daemon last.
  setOomScore(Deno.pid, -900);
  executeAgain({ ...Deno.env.toObject(), [MARK]: "1" });
}
