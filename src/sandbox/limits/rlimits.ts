/**
 * Limits that the kernel keeps for each process (rlimits): they need no privilege and no cgroup.
 *
 * Two moments: most are set before the runtime starts, from outside. What depends on the runtime is
 * set by the guest itself, between its start and its handler (`guestLimitsOf`).
 *
 * @module
 */
import type { GuestLimits } from "../../sys/guest_limits.ts";
import { Resource, type ResourceLimit } from "../../sys/rlimit.ts";
import type { ResourceLimits } from "./limits.ts";

/** What an instance is like, as far as its limits depend on it. */
export interface LimitedInstance {
  readonly limits: ResourceLimits;
  /** Descriptors that it was granted. */
  readonly granted: number;
  /** Whether no other process has its user: RLIMIT_NPROC counts all of a user's. */
  readonly own_user: boolean;
}

/**
 * Limits to set before the runtime of an instance starts: by the daemon, on a process that has not
 * changed its user yet.
 */
export function rlimitsOf({ limits, granted, own_user }: LimitedInstance): ResourceLimit[] {
  return [
    { resource: Resource.NOFILE, value: limits.descriptors + granted },
    // A core would hold what the handler has read.
    { resource: Resource.CORE, value: 0 },
    { resource: Resource.MEMLOCK, value: 0 },
    { resource: Resource.MSGQUEUE, value: 0 },
    { resource: Resource.NICE, value: 0 },
    { resource: Resource.RTPRIO, value: 0 },
    ...(own_user ? [{ resource: Resource.NPROC, value: limits.threads }] : []),
  ];
}

/** What a guest was granted, as far as its limits depend on it. */
interface GrantedSizes {
  readonly memories: readonly { readonly size_bytes: number }[];
  readonly files: readonly { readonly size_bytes: number }[];
}

/** The greatest of the descriptors that a guest was granted: what it writes ends there. */
export function fileBytesOf({ memories, files }: GrantedSizes): number {
  return Math.max(0, ...[...memories, ...files].map(({ size_bytes }) => size_bytes));
}

/** Limits for the guest to set on itself, before its handler (`limitGuest`). */
export function guestLimitsOf(limits: ResourceLimits, grants: GrantedSizes): GuestLimits {
  return { memory_bytes: limits.memory_bytes, file_bytes: fileBytesOf(grants) };
}
