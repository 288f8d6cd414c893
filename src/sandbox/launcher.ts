/**
 * Starts guest processes: command line, environment, inherited descriptors. The stages of the
 * lockdown (limits, namespaces, user, Landlock, seccomp, execve) have their place here.
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

/** First argument of a compiled lunette that shall be a guest: its entry then imports guest.ts. */
export const GUEST_VERB = "guest-process";
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
}

/**
 * What a guest reads besides its handler: the contract, which handlers import as "lunette/plugin",
 * and the guest's own modules. The right ends when the handler has been imported.
 */
export function guestFolders(): string[] {
  const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const exchange = ["../abi/media.ts", "../engine/volume_exchange.ts"].map(folder);
  return [folder("../plugin"), folder("../sys"), folder("."), ...exchange];
}

function guestArguments(read: readonly string[]): string[] {
  if (Deno.build.standalone) return [GUEST_VERB];
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-npm",
    "--no-remote",
    "--no-config",
    "--no-lock",
    "--no-code-cache",
    "--unstable-worker-options",
    `--import-map=${path("guest_import_map.json")}`,
    "--allow-ffi",
    // A comma separates paths, a doubled one is part of a path.
    `--allow-read=${read.map((name) => name.replaceAll(",", ",,")).join(",")}`,
    path("guest.ts"),
  ];
}

/** Where Deno keeps its cache: the guest has no HOME to find it by. */
function denoDirectory(): string {
  const configured = Deno.env.get("DENO_DIR");
  if (configured !== undefined) return configured;
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/", ".cache");
  return join(cache, "deno");
}

/** Starts a guest and returns its process id. Call it on the main thread. */
export function launch(options: LaunchOptions): number {
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
      arguments: guestArguments(options.read),
      environment: { DENO_DIR: denoDirectory(), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      descriptors,
    });
    setOomScore(pid, GUEST_OOM_SCORE);
    return pid;
  } finally {
    closeDescriptor(null_fd);
  }
}
