/**
 * What the runtime makes when it first needs it, and cannot make once system calls are filtered: it
 * would end the process instead of throwing.
 *
 * @module
 */

/** The main thread's: the thread that waits for signals, which has a pair of sockets. */
export function warmUpProcess(): void {
  const nothing = () => {};
  Deno.addSignalListener("SIGUSR2", nothing);
  Deno.removeSignalListener("SIGUSR2", nothing);
}

/** Each thread's: a stack with the lines of sources, for which the runtime reads its own maps. */
export function warmUpThread(): void {
  if (new Error("warm-up").stack === undefined) throw new Error("assertion: an error has no stack");
}
