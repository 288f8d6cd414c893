/** Starts guest processes (guest_program.ts) with the descriptors that they inherit, locked down. */
import { closeDescriptor } from "../sys/descriptor.ts";
import { openNull, setOomScoreOfChild } from "../sys/process.ts";
import { isEmbedded } from "./embedded.ts";
import { GUEST_DESCRIPTOR } from "./guest_configuration.ts";
import type { GuestModules } from "./guest_modules.ts";
import { GUEST_ENVIRONMENT, guestArguments } from "./guest_program.ts";
import { type Launched, launchLocked } from "./lockdown/launch.ts";
import { OPTIONAL_LAYERS, type OptionalLayer } from "./lockdown/layers.ts";
import { isOpen } from "./lockdown/readable.ts";
import { UserIds } from "./lockdown/user_ids.ts";

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
  /** The guest's own modules; undefined for a compiled program. */
  readonly modules: GuestModules | undefined;
  /** Folders of the handler, which the guest may read until it has been imported. */
  readonly read: readonly string[];
  /** `<runtime>/guests.lock` with its locks (`openGeneration`): held as long as the guest lives. */
  readonly lock_fd: number;
  /**
   * Layers that this machine may be unable to give. Default: all that are optional, which is right
   * for handlers that came with the program; for others, those that the operator named.
   */
  readonly accept_missing_layers?: readonly OptionalLayer[];
  /** Sets limits of the process, which has not begun, and still has the daemon's user. */
  readonly limit?: (pid: number) => void;
}

const users = new UserIds();

function descriptorsOf(options: LaunchOptions, null_fd: number): Map<number, number> {
  const descriptors = new Map<number, number>([
    [0, null_fd],
    [1, options.stdout_fd],
    [2, options.stderr_fd],
    [GUEST_DESCRIPTOR.CHANNEL, options.channel_fd],
    [GUEST_DESCRIPTOR.EVENT, options.eventfd],
    [GUEST_DESCRIPTOR.LOCK, options.lock_fd],
  ]);
  options.granted.forEach((fd, index) => descriptors.set(GUEST_DESCRIPTOR.GRANTED + index, fd));
  return descriptors;
}

/**
 * Starts a guest; its program has begun. Call it on the main thread. Throws LockdownError where a
 * layer is missing that must not be, or a process cannot be made.
 */
export function launch(options: LaunchOptions): Launched {
  const { modules, limit, accept_missing_layers = OPTIONAL_LAYERS } = options;
  const path = Deno.execPath();
  const folders = options.read.filter((one) => !isEmbedded(one));
  const closed = folders.filter((one) => !isOpen(one));
  const read = modules === undefined ? folders : [...folders, modules.folder];
  const uid = users.take();
  const null_fd = openNull();
  const descriptors = descriptorsOf(options, null_fd);
  try {
    const launched = launchLocked({
      lockdown: { parent: Deno.pid, program: path, read, closed, uid, descriptors, limit },
      accept_missing_layers,
      guest: { path, arguments: guestArguments(modules, read), environment: GUEST_ENVIRONMENT },
    });
    users.hold(uid, launched.pid);
    // Not before: while it shared the daemon's memory, it would have been the daemon's too.
    setOomScoreOfChild(launched.pid, GUEST_OOM_SCORE);
    return launched;
  } finally {
    closeDescriptor(null_fd);
  }
}
