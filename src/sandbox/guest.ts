/**
 * Entry of a guest process: the process in which one handler serves one logical unit. It inherits
 * its descriptors (guest_configuration.ts) and has neither arguments nor an environment that matter.
 *
 * The main thread only starts the Worker and waits for it to end. A handler is imported by its
 * file URL, with read permission for its folder and the contract's; a compiled bundle will take the
 * same way with a folder of its own.
 *
 * @module
 */
import { openGuestCalls } from "../sys/guest_calls.ts";
import { GUEST_DESCRIPTOR, type GuestConfiguration } from "./guest_configuration.ts";
import { CHANNEL_SIZE } from "./layout.ts";
import { warmUpProcess } from "./lockdown/warm_up.ts";
import { Channel, readConfiguration, readHeader } from "./protocol.ts";

/** Exit codes, as in sysexits.h. */
const EX_SOFTWARE = 70;
const EX_TEMPFAIL = 75;

function main(): void {
  const calls = openGuestCalls();
  const parent = calls.dieWithParent();
  const channel = new Channel(calls.map(GUEST_DESCRIPTOR.CHANNEL, CHANNEL_SIZE), 0);
  readHeader(channel);
  const configuration = JSON.parse(readConfiguration(channel)) as GuestConfiguration;
  // The daemon may have died before the signal was asked for.
  if (parent !== configuration.parent) Deno.exit(EX_TEMPFAIL);
  calls.noNewPrivileges();
  warmUpProcess();
  const none = { env: false, net: false, run: false, sys: false, write: false, import: false };
  const worker = new Worker(new URL("./guest_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { ...none, ffi: true, read: [...configuration.read] } },
  });
  worker.onmessage = () => Deno.exit(0);
  worker.onerror = (event) => {
    console.error(`<3>${event.message}`);
    Deno.exit(EX_SOFTWARE);
  };
}

main();
