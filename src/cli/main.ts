/**
 * The command line of lunette.
 *
 * @module
 */
import { GUEST_VERB } from "../sandbox/verb.ts";

if (import.meta.main) {
  // A compiled lunette executes itself as the process of a handler, which needs nothing of the rest.
  if (Deno.build.standalone && Deno.args[0] === GUEST_VERB) await import("../sandbox/guest.ts");
  else {
    const { run } = await import("./program.ts");
    Deno.exit(await run(Deno.args));
  }
}
