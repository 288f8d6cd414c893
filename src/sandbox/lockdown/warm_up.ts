/**
 * What the runtime makes when it first needs it, and cannot make once system calls are filtered: it
 * would end the process instead of throwing.
 *
 * @module
 */

/** Has an error, a type that is to be taken away, and a statement inside of which one is parsed. */
const TYPED = "let error: unknown; if (1) error = Error(); export { error };";

/** Call it on the thread of the handler, some time before the filter: threads that it starts settle. */
export async function warmUp(): Promise<void> {
  // The thread that waits for signals.
  const nothing = () => {};
  Deno.addSignalListener("SIGUSR2", nothing);
  Deno.removeSignalListener("SIGUSR2", nothing);
  // For the lines of an error's stack a module in TypeScript is compiled once more; the compiler
  // looks how large this thread's stack is, and the C library reads the process's maps for that.
  const { error } = await import(`data:application/typescript,${encodeURIComponent(TYPED)}`);
  if (error.stack === undefined) throw new Error("assertion: an error has no stack");
}
