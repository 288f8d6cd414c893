/**
 * Entry of a guest process: the process in which one handler serves one logical unit. It was
 * locked down before it began (lockdown/launch.ts); its last two arguments are the folders that the
 * handler's modules may be read from, and the report of the sandbox's layers.
 *
 * The main thread only starts the Worker and waits for it to end: what it imports, each start of a
 * handler pays for.
 *
 * @module
 */
import { warmUpProcess } from "./lockdown/warm_up.ts";

/** Exit code EX_SOFTWARE of sysexits.h. */
const EX_SOFTWARE = 70;

function main(): void {
  const read = JSON.parse(Deno.args.at(-2) ?? "[]") as string[];
  warmUpProcess();
  const none = { env: false, net: false, run: false, sys: false, write: false, import: false };
  const worker = new Worker(new URL("./guest_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { ...none, ffi: true, read } },
  });
  worker.onmessage = () => Deno.exit(0);
  worker.onerror = (event) => {
    console.error(`<3>${event.message}`);
    Deno.exit(EX_SOFTWARE);
  };
}

main();
