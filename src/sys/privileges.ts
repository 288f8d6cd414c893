/** What this process is permitted to do. */
import { parseStatus } from "./guest_lockdown.ts";

const CAP_SYS_RESOURCE = 24n;

/**
 * Whether limits of a process with another user can be changed (prlimit(2)): root in a container
 * often has no CAP_SYS_RESOURCE.
 */
export function canLimitOthers(): boolean {
  const { capabilities_effective } = parseStatus(Deno.readTextFileSync("/proc/self/status"));
  return (capabilities_effective >> CAP_SYS_RESOURCE & 1n) === 1n;
}

/** Whether guests of this process get users of their own. */
export function isRoot(): boolean {
  return Deno.uid() === 0;
}
