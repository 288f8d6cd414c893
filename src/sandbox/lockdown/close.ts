/**
 * The guest's own last steps, and the proof of all of them: after `closeGuest` has returned the
 * process can do what its filter names, and nothing else.
 *
 * @module
 */
import type { GuestLockdown, ThreadStatus } from "../../sys/guest_lockdown.ts";
import { GUEST_DESCRIPTOR, type GuestConfiguration } from "../guest_configuration.ts";
import { type FilterDescriptors, grantedOf, guestFilter } from "./filters.ts";
import type { LayerState } from "./layers.ts";

/** What the runtime itself has open: nothing with which another thing could be reached. */
const HARMLESS = /^(anon_inode|socket|pipe):|^\/dev\/(null|u?random)$|^\/proc\/\d+\/fd$/;

/** Descriptors that a configuration names. */
export function filterDescriptors(configuration: GuestConfiguration): FilterDescriptors {
  return {
    memories: configuration.memories.map(({ fd }) => fd),
    files: configuration.files.map(({ fd, writable }) => ({ fd, writable })),
    lines: configuration.broker === undefined ? [] : [configuration.broker.fd],
  };
}

function checkDescriptors(lockdown: GuestLockdown, granted: number, executable: string): void {
  for (const [fd, what] of lockdown.descriptors()) {
    if (fd < GUEST_DESCRIPTOR.GRANTED + granted || HARMLESS.test(what)) continue;
    // The runtime looks into its own file for the lines of a stack.
    if (what !== executable) throw new Error(`Descriptor ${fd} is open in the guest`);
  }
}

function isApplied(report: readonly LayerState[], layer: string): LayerState | undefined {
  return report.find((entry) => entry.layer === layer && entry.applied);
}

/** Checks what the kernel says about one thread against what was reported. Throws. */
export function checkThread(thread: ThreadStatus, report: readonly LayerState[]): void {
  if (!thread.no_new_privileges) throw new Error("A thread can gain privileges");
  const filtered = thread.filtered && (thread.filters === undefined || thread.filters >= 2);
  if (!filtered) throw new Error("The system calls of a thread are not filtered");
  if (isApplied(report, "capabilities") && thread.capabilities_effective !== 0n) {
    throw new Error("A thread has capabilities");
  }
  const uid = isApplied(report, "uid")?.detail;
  if (uid === undefined) return;
  if (thread.groups.length > 0) throw new Error("A thread has groups");
  if (thread.uids.length !== 4 || thread.uids.some((one) => String(one) !== uid)) {
    throw new Error(`A thread has the users ${thread.uids.join(", ")}, and not ${uid}`);
  }
}

/** Installs the last filter on all threads and checks that every layer holds. Throws. */
export function closeGuest(
  lockdown: GuestLockdown,
  descriptors: FilterDescriptors,
  report: readonly LayerState[],
): void {
  checkDescriptors(lockdown, grantedOf(descriptors).length, Deno.execPath());
  lockdown.install(guestFilter(descriptors));
  const threads = lockdown.threads();
  if (threads.length === 0) throw new Error("No thread says what holds for it");
  for (const thread of threads) checkThread(thread, report);
  if (lockdown.canOpen()) throw new Error("The guest can still open files");
  if (lockdown.canConnect()) throw new Error("The guest can still make sockets");
  // The runtime would ask the kernel and end the process, as soon as node:process is evaluated, which
  // most modules of Node need. Where the program lies is none of the handler's business.
  Deno.execPath = () => "/nonexistent";
}
