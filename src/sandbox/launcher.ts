/**
 * Starts guest processes (guest_program.ts) with the descriptors that they inherit. What is started
 * is a launcher (lockdown/launch_stage.ts), which restricts itself and becomes the guest by execve.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeDescriptor } from "../sys/descriptor.ts";
import { openNull, setOomScore, spawn } from "../sys/process.ts";
import { GUEST_DESCRIPTOR } from "./guest_configuration.ts";
import { GUEST_ENVIRONMENT, guestArguments, guestFolders, RUN } from "./guest_program.ts";
import type { LaunchPlan } from "./lockdown/launch_stage.ts";
import { OPTIONAL_LAYERS, type OptionalLayer } from "./lockdown/layers.ts";
import { isOpen } from "./lockdown/readable.ts";
import { UserIds } from "./lockdown/user_ids.ts";
import { GUEST_VERB, LAUNCH_STAGE } from "./verb.ts";

/** Guests go before the daemon when memory is short. */
const GUEST_OOM_SCORE = 300;

/** One guest to start. Descriptors are the daemon's and stay open. */
export interface LaunchOptions {
  readonly channel_fd: number;
  readonly eventfd: number;
  /** Granted descriptors; the first gets the number GUEST_DESCRIPTOR.GRANTED. */
  readonly granted: readonly number[];
  readonly stdout_fd: number;
  readonly stderr_fd: number;
  /** Folders the guest may read: the handler's, and `guestFolders`. */
  readonly read: readonly string[];
  /** `<runtime>/guests.lock` with its locks (`openGeneration`): held as long as the guest lives. */
  readonly lock_fd: number;
  /**
   * Layers that this machine may be unable to give. Default: all that are optional, which is right
   * for handlers that came with the program; for others, those that the operator named.
   */
  readonly accept_missing_layers?: readonly OptionalLayer[];
}

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function launchArguments(plan: LaunchPlan): string[] {
  const text = JSON.stringify(plan);
  if (Deno.build.standalone) return [GUEST_VERB, LAUNCH_STAGE, text];
  return [...RUN, "--allow-all", path("lockdown/launch_stage.ts"), text];
}

/** Where Deno keeps its cache, for the launcher; the guest has none. */
function denoDirectory(): string {
  const configured = Deno.env.get("DENO_DIR");
  if (configured !== undefined) return configured;
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/", ".cache");
  return join(cache, "deno");
}

const LAUNCHER_ENVIRONMENT = { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" } as const;

function planOf(options: LaunchOptions): LaunchPlan {
  const program = Deno.execPath();
  const last_fd = GUEST_DESCRIPTOR.GRANTED + options.granted.length - 1;
  return {
    lockdown: {
      parent: Deno.pid,
      program,
      read: options.read,
      closed: options.read.filter((one) => !isOpenToOthers(one)),
      uid: users.take(),
    },
    accept_missing_layers: options.accept_missing_layers ?? OPTIONAL_LAYERS,
    guest: {
      path: program,
      arguments: guestArguments(options.read),
      environment: GUEST_ENVIRONMENT,
    },
    last_fd,
  };
}

const users = new UserIds();

/** The program's own folders, looked at once: there is no writing them while it runs. */
const ownFolders = new Map<string, boolean>();

function isOpenToOthers(path: string): boolean {
  const known = ownFolders.get(path);
  if (known !== undefined) return known;
  const open = isOpen(path);
  if (guestFolders().includes(path)) ownFolders.set(path, open);
  return open;
}

/** Starts a guest and returns its process id. Call it on the main thread. */
export function launch(options: LaunchOptions): number {
  const plan = planOf(options);
  const null_fd = openNull();
  const descriptors = new Map<number, number>([
    [0, null_fd],
    [1, options.stdout_fd],
    [2, options.stderr_fd],
    [GUEST_DESCRIPTOR.CHANNEL, options.channel_fd],
    [GUEST_DESCRIPTOR.EVENT, options.eventfd],
    [GUEST_DESCRIPTOR.LOCK, options.lock_fd],
  ]);
  options.granted.forEach((fd, index) => descriptors.set(GUEST_DESCRIPTOR.GRANTED + index, fd));
  try {
    const pid = spawn({
      path: Deno.execPath(),
      arguments: launchArguments(plan),
      environment: { ...LAUNCHER_ENVIRONMENT, DENO_DIR: denoDirectory() },
      descriptors,
    });
    users.hold(plan.lockdown.uid, pid);
    setOomScore(pid, GUEST_OOM_SCORE);
    return pid;
  } finally {
    closeDescriptor(null_fd);
  }
}
