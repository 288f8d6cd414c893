/**
 * Attributes of a TCMU backstore (target_core_user.c, target_core_configfs.c): what LIO does above
 * the ring, and for how long it waits.
 *
 * @module
 */
import { errorCode, messageOf } from "./error.ts";
import type { KernelTree } from "./tree.ts";

/**
 * Processes of a handler that a command may outlast before it is found to be what ends them
 * (src/sandbox/backend.ts): two with all others, three alone.
 */
const DEADLINES_OF_A_COMMAND = 5;
/** What starting processes, and a daemon, between them may take. */
const RESTARTS_S = 60;
/** Greatest value that is taken for a time limit. */
const TIMEOUT_MAX_S = 86_400;
/**
 * A command waits for room in the ring for less than the 30 s that Linux' sd gives it: TASK SET FULL
 * has the initiator send fewer at a time and repeat it, an error recovery begins with an abort.
 */
const QUEUE_FULL_S = 20;

/** What attributes follow from. */
export interface BackstoreAttributes {
  /** Seconds until the kernel gives up on a command, 0 for never. Default: as for 30 s deadlines. */
  readonly command_timeout_s?: number;
  /** Seconds that a command waits for room in the ring, -1 for as long as any. Default 20. */
  readonly queue_full_timeout_s?: number;
  /** Whether writes are cached (WCE): the kernel tells loopback initiators. */
  readonly writeCache?: boolean;
}

/**
 * How long the kernel waits for a command whose handler has `deadline_ms` for each try (0: for ever):
 * longer than the daemon tries. A command that the kernel gives up ends with 2/08/00, which Linux
 * makes an I/O error of at once; one that takes long is a delay, and the initiator's to judge. Not
 * for ever, for without a daemon nobody else would end it, and an abort waits for its end.
 */
export function commandTimeoutOf(deadline_ms: number): number {
  if (deadline_ms === 0) return 0;
  const tries_s = Math.ceil(deadline_ms * DEADLINES_OF_A_COMMAND / 1000);
  return Math.min(tries_s + RESTARTS_S, TIMEOUT_MAX_S);
}

/** Name and value. */
type Attribute = readonly [name: string, value: string];

/** Attributes and their values, in the order of writing; first how long the kernel waits. */
function attributesOf(options: BackstoreAttributes): readonly Attribute[] {
  return [
    ["cmd_time_out", String(options.command_timeout_s ?? commandTimeoutOf(30_000))],
    ["qfull_time_out", String(options.queue_full_timeout_s ?? QUEUE_FULL_S)],
    ["emulate_write_cache", options.writeCache === true ? "1" : "0"],
    // Aborts and resets reach the ring, so that what was aborted ends before they are answered.
    ["tmr_notification", "1"],
    // The ring names no initiator: reservations and access states are LIO's.
    ["emulate_pr", "1"],
    ["pgr_support", "1"],
    ["enforce_pr_isids", "1"],
    ["alua_support", "1"],
  ];
}

/**
 * Writes each attribute that has another value; `write` gets its path and value. Old kernels lack
 * some, and behave as if they were off.
 */
export async function setAttributes(
  tree: KernelTree,
  folder: string,
  options: BackstoreAttributes,
  write: (path: string, value: string) => Promise<void>,
): Promise<void> {
  for (const [name, value] of attributesOf(options)) {
    const path = `attrib/${name}`;
    const present = (await tree.readIfPresent(`${folder}/${path}`))?.trim();
    if (present !== undefined && present !== value) await write(path, value);
  }
}

/** How long the kernel waits above a ring, as it says itself. */
export interface KernelTimeouts {
  /** Seconds until it gives up on a command; 0: never. */
  command_timeout_s: number;
  /** Seconds that a command waits for room in the ring; -1: as long as `command_timeout_s`. */
  queue_full_timeout_s: number;
}

/**
 * Has the kernel wait as long as the handler's deadline asks for, where it lets that be changed: for
 * a command not while the backstore is linked. Returns what holds then; undefined where it does not
 * say.
 */
export async function setTimeouts(
  tree: KernelTree,
  folder: string,
  deadline_ms: number,
): Promise<KernelTimeouts | undefined> {
  const wanted = attributesOf({ command_timeout_s: commandTimeoutOf(deadline_ms) }).slice(0, 2);
  const present: number[] = [];
  for (const [name, value] of wanted) {
    const path = `${folder}/attrib/${name}`;
    const before = await tree.readIfPresent(path);
    if (before === undefined) return undefined;
    // What is refused is seen below.
    if (before.trim() !== value) await tree.writeBlocking(path, value).catch(() => {});
    present.push(Number(await tree.readIfPresent(path) ?? before));
  }
  const [command_timeout_s, queue_full_timeout_s] = present;
  return { command_timeout_s, queue_full_timeout_s };
}

/** What it means that the kernel gives up sooner than the daemon tries; undefined: it does not. */
export function timeoutProblem(
  { command_timeout_s }: KernelTimeouts,
  deadline_ms: number,
): string | undefined {
  const wanted_s = commandTimeoutOf(deadline_ms);
  const isLong = command_timeout_s === 0 || (wanted_s !== 0 && command_timeout_s >= wanted_s);
  if (isLong) return undefined;
  return `the kernel gives up on a command after ${command_timeout_s} s, and not after ` +
    `${
      wanted_s === 0 ? "any time" : `${wanted_s} s`
    }, for it is linked: a handler that is started ` +
    "again may take longer, which initiators see as an error; unlink it, and write " +
    `${wanted_s} to its attrib/cmd_time_out`;
}

/**
 * The same for a backstore that is in use, and has a size: what the kernel does not let be changed
 * now is left. Returns it, in words.
 */
export async function adjustAttributes(
  tree: KernelTree,
  folder: string,
  options: BackstoreAttributes & { readonly size_bytes: number },
): Promise<string[]> {
  const left: string[] = [];
  const attempt = async (path: string, value: string) => {
    try {
      await tree.writeBlocking(`${folder}/${path}`, value);
    } catch (error) {
      // A LUN that is linked keeps its time limits; without a listener the cache is as it was.
      const expected = ["EINVAL", "ESRCH", "EBUSY"].includes(errorCode(error));
      if (!expected) left.push(`${path} cannot be set to ${value}: ${messageOf(error)}`);
    }
  };
  await setAttributes(tree, folder, options, attempt);
  const size = (await tree.readIfPresent(`${folder}/attrib/dev_size`))?.trim();
  if (size !== undefined && size !== String(options.size_bytes)) {
    // By way of `control` nobody is asked: as yet nobody may listen.
    await attempt("control", `dev_size=${options.size_bytes}`);
  }
  return left;
}
