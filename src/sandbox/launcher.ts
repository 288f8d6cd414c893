/**
 * Starts guest processes: command line, environment, inherited descriptors. What is started is a
 * launcher (lockdown/launch_stage.ts), which restricts itself and becomes the guest by execve.
 *
 * Deno's own permissions are an outer layer. `--no-prompt`, for a revoked permission would ask;
 * `--no-npm --no-remote`, for an import would load and run a package in spite of them.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeDescriptor } from "../sys/descriptor.ts";
import { openNull, setOomScore, spawn } from "../sys/process.ts";
import { GUEST_DESCRIPTOR } from "./guest_configuration.ts";
import type { LaunchPlan } from "./lockdown/launch_stage.ts";
import { OPTIONAL_LAYERS, type OptionalLayer } from "./lockdown/layers.ts";
import { isOpen } from "./lockdown/readable.ts";
import { UserIds } from "./lockdown/user_ids.ts";
import { GUEST_VERB, LAUNCH_STAGE, SERVE_STAGE } from "./verb.ts";

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

/**
 * What a guest reads besides its handler: the contract, which handlers import as "lunette/plugin",
 * and the guest's own modules. The right ends when the handler has been imported.
 */
export function guestFolders(): string[] {
  // A compiled program has them in itself.
  if (Deno.build.standalone) return [];
  const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const exchange = ["../abi/media.ts", "../engine/volume_exchange.ts"].map(folder);
  return [folder("../plugin"), folder("../sys"), folder("."), ...exchange];
}

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Of all processes that are started: neither packages nor anything remote, and nothing is asked. */
const RUN = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-npm",
  "--no-remote",
  "--no-config",
  "--no-lock",
];

function guestArguments(read: readonly string[]): string[] {
  const folders = JSON.stringify(read);
  if (Deno.build.standalone) return [GUEST_VERB, SERVE_STAGE, folders];
  return [
    ...RUN,
    "--no-code-cache",
    "--unstable-worker-options",
    `--import-map=${path("guest_import_map.json")}`,
    "--allow-ffi",
    // A comma separates paths, a doubled one is part of a path.
    `--allow-read=${read.map((name) => name.replaceAll(",", ",,")).join(",")}`,
    path("guest.ts"),
    folders,
  ];
}

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

/**
 * No cache, no home, nothing of the daemon's environment. Where the cache cannot be written, Deno
 * would try again for 150 ms, so it is told not to.
 */
const GUEST_ENVIRONMENT = {
  DENO_DIR: "/nonexistent",
  DENO_EMIT_CACHE_MODE: "disable",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
} as const;

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
