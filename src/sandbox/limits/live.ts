/**
 * Other limits for a handler's process that runs: what can be changed from outside, without taking
 * from the process what it already has.
 *
 * @module
 */
import { canLimitOthers, isRoot } from "../../sys/privileges.ts";
import { resetLimit, Resource, setNiceOfThreads } from "../../sys/rlimit.ts";
import { SystemError } from "../../sys/error.ts";
import type { ResourceLimits } from "./limits.ts";
import { rlimitsOf } from "./rlimits.ts";

/** A change of limits. */
export interface LimitChange {
  readonly from: ResourceLimits;
  readonly to: ResourceLimits;
  /** Descriptors that the process was granted. */
  readonly granted: number;
}

/** Whether the process can go on with less than it may have now, or be given more from here. */
function canGoOn({ from, to }: LimitChange): boolean {
  // It may hold more memory than it is to have: the next process begins with less.
  if (to.memory_bytes < from.memory_bytes) return false;
  const isPermitted = canLimitOthers();
  const raises = to.memory_bytes > from.memory_bytes || to.descriptors > from.descriptors ||
    to.threads > from.threads || to.nice < from.nice;
  // Other users' processes, and more than the hard limit, need the privilege.
  return isPermitted || (!raises && !isRoot());
}

/**
 * Changes the limits that the kernel keeps for the process itself. Returns false where a new process
 * is needed for them; some may have been changed then, and none that the new one would not have.
 */
export function limitProcess(pid: number, change: LimitChange): boolean {
  if (!canGoOn(change)) return false;
  const { from, to, granted } = change;
  try {
    const own_user = isRoot();
    const before = rlimitsOf({ limits: from, granted, own_user });
    for (
      const [index, { resource, value }] of rlimitsOf({ limits: to, granted, own_user }).entries()
    ) {
      if (value !== before[index].value) resetLimit(pid, resource, () => value);
    }
    const more_bytes = to.memory_bytes - from.memory_bytes;
    // The guest has set it by what its runtime had taken, which only it knows.
    if (more_bytes !== 0) resetLimit(pid, Resource.DATA, (bytes) => bytes + more_bytes);
    if (to.nice !== from.nice) setNiceOfThreads(pid, to.nice);
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
