/**
 * The command line of lunette.
 *
 * @module
 */
import { run } from "./program.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
