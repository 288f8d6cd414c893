/**
 * Entry of a guest process: the process in which one handler serves one logical unit. Its last
 * argument is the report of the sandbox's layers.
 *
 * This module goes first: it takes its system calls and mappings into variables of functions and
 * loads the handler's modules. Before the first of them is evaluated it filters the system calls of
 * all threads, proves that every layer holds, and gives up its permissions. From there on the realm
 * is the handler's: nothing that has authority may be reachable through a module's exports or a
 * public field.
 *
 * All of it runs on the main thread: a Worker would cost each start, and each process, another
 * realm, and leave a thread behind that has kept its permissions. What is imported, each start pays
 * for.
 *
 * @module
 */
import type { FileCapability, Handler, Logger, MemoryCapability } from "../plugin/mod.ts";
import { type GuestCalls, openGuestCalls } from "../sys/guest_calls.ts";
import { limitGuest } from "../sys/guest_limits.ts";
import { openGuestLockdown } from "../sys/guest_lockdown.ts";
import { brokered } from "./broker_capability.ts";
import { GrantedFile, GrantedMemory } from "./capability.ts";
import { makeContext } from "./context.ts";
import { GUEST_DESCRIPTOR, type GuestConfiguration } from "./guest_configuration.ts";
import { makeGuestLog } from "./guest_log.ts";
import { GuestServer, makeGuestWake } from "./guest_server.ts";
import {
  CHANNEL_CONFINED_OFFSET,
  CHANNEL_SIZE,
  STATE_CLOSED,
  STATE_FAILED,
  STATE_OPEN,
} from "./layout.ts";
import { closeGuest, filterDescriptors } from "./lockdown/close.ts";
import { importHandler } from "./lockdown/import_handler.ts";
import { parseReport } from "./lockdown/layers.ts";
import { warmUp } from "./lockdown/warm_up.ts";
import { Channel, readConfiguration, readHeader, WORD_CONFINED, writeReply } from "./protocol.ts";
import { describeVolume } from "./volume_description.ts";

const STANDARD_ERROR = 2;

/** The wait for the daemon's word ends after this time at the latest, to look again. */
const CONFINED_TURN_MS = 100;

/** Exit code EX_SOFTWARE of sysexits.h. */
const EX_SOFTWARE = 70;

/** Taken first: the handler may replace what it finds on global objects. */
const exit = Deno.exit.bind(Deno);

function context(configuration: GuestConfiguration, calls: GuestCalls, log: Logger) {
  const memories = new Map<string, MemoryCapability>();
  for (const { name, fd, size_bytes } of configuration.memories) {
    memories.set(name, new GrantedMemory(fd, size_bytes, calls.map, calls.files));
  }
  const files = new Map<string, FileCapability>();
  for (const { name, fd, size_bytes, writable } of configuration.files) {
    files.set(name, new GrantedFile(fd, size_bytes, writable, calls.files));
  }
  const { broker } = configuration;
  const others = broker && brokered(calls.line(broker.fd), broker.capabilities);
  return makeContext(configuration.name, log, memories, files, others);
}

/** Gives up what the process was started with; the symbols already loaded stay usable. */
function revoke(...names: Deno.PermissionName[]): void {
  for (const name of names) {
    const state = Deno.permissions.revokeSync({ name }).state;
    if (state === "granted") throw new Error(`Cannot give up the permission ${name}`);
  }
}

/** Ends the process, with a line in the log, where an error of the handler is caught by nobody. */
function endOnErrors(log: Logger): void {
  const end = (message: string) => {
    log.error(message);
    exit(EX_SOFTWARE);
  };
  addEventListener("error", (event) => end(event.message));
  addEventListener("unhandledrejection", ({ reason }) => end(`Uncaught (in promise) ${reason}`));
}

/** Loads the handler, closes all doors, and evaluates it. */
async function importLocked(configuration: GuestConfiguration, report: string): Promise<Handler> {
  const lockdown = openGuestLockdown();
  const layers = parseReport(JSON.parse(report));
  const close = () => {
    closeGuest(lockdown, filterDescriptors(configuration), layers);
    revoke("ffi", "read");
  };
  return await importHandler(configuration.module, close) as Handler;
}

async function run(): Promise<void> {
  await warmUp();
  // A compiled lunette has them all.
  revoke("env", "net", "run", "sys", "write", "import" as Deno.PermissionName);
  const calls = openGuestCalls();
  const head = new Channel(calls.map(GUEST_DESCRIPTOR.CHANNEL, CHANNEL_SIZE), 0);
  const header = readHeader(head);
  const length = header.arena_offset + header.arena_length;
  const memory = calls.map(GUEST_DESCRIPTOR.CHANNEL, length);
  const channel = new Channel(memory, 0);
  const reply = (state: number, text: string) => {
    writeReply(channel, state, text);
    calls.signal(GUEST_DESCRIPTOR.EVENT);
  };
  const log = makeGuestLog((line) => calls.write(STANDARD_ERROR, line));
  endOnErrors(log);
  try {
    const configuration = JSON.parse(readConfiguration(channel)) as GuestConfiguration;
    // Asked for before this program began, too; it may have ended with the thread that started it.
    if (calls.dieWithParent() !== configuration.parent) throw new Error("The daemon has gone");
    const handed = context(configuration, calls, log);
    const wake = makeGuestWake(calls, memory, GUEST_DESCRIPTOR.EVENT);
    limitGuest(configuration.limits);
    const report = Deno.args.at(-1) ?? "";
    const begin = calls.futex(memory, CHANNEL_CONFINED_OFFSET, CONFINED_TURN_MS);
    // By now it is long so: no start waits for it, unless the daemon is busy.
    while (Atomics.load(channel.words, WORD_CONFINED) === 0) begin.wait(0);
    const handler = await importLocked(configuration, report);
    if (typeof handler.open !== "function") {
      throw new TypeError(`Cannot open: ${configuration.module} does not export open()`);
    }
    const volume = await handler.open(handed, Object.freeze(configuration.configuration));
    const server = new GuestServer(volume, memory, wake, log);
    reply(STATE_OPEN, JSON.stringify(describeVolume(volume)));
    await server.serve();
    reply(STATE_CLOSED, "");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.error(error instanceof Error ? error.stack ?? message : message);
    reply(STATE_FAILED, message.slice(0, 4096));
  }
}

await run();
exit(0);
