/**
 * The limits of one logical unit's processes, at each moment where some are set: before a process
 * executes anything, before it loads its handler, and as it serves.
 *
 * @module
 */
import type { GuestLimits } from "../sys/guest_limits.ts";
import { canLimitOthers, isRoot } from "../sys/privileges.ts";
import { Resource, setLimits, setNice, setSoftLimit } from "../sys/rlimit.ts";
import type { Grants } from "./grants.ts";
import type { InstanceCgroup } from "./limits/instance_cgroup.ts";
import type { ResourceLimits } from "./limits/limits.ts";
import { limitProcess } from "./limits/live.ts";
import { fileBytesOf, guestLimitsOf, rlimitsOf } from "./limits/rlimits.ts";
import { measure, type ProcessUsage } from "./limits/usage.ts";

/** What the limits depend on. */
export interface InstanceLimitsOptions {
  readonly limits: ResourceLimits;
  /** Stay the caller's; their sizes are taken when they are needed. */
  readonly grants: Grants;
  /** Bytes of memory that the daemon holds for the processes besides the grants. */
  readonly channel_length: number;
  /** Where the processes go; stays the caller's. */
  readonly cgroup: InstanceCgroup | undefined;
}

/** A process that serves. */
export interface ServingProcess {
  readonly pid: number;
  /** Lines of its log. */
  lines_per_second: number;
}

/** See the module. */
export class InstanceLimits {
  /** What a process may use. Set: for the next ones. */
  present: ResourceLimits;
  readonly #grants: Grants;
  readonly #channel_length: number;
  readonly #cgroup: InstanceCgroup | undefined;
  /** Guests of root have users of their own, whose limits are changed by a privilege only. */
  readonly #limits_files: boolean = !isRoot() || canLimitOthers();

  constructor({ limits, grants, channel_length, cgroup }: InstanceLimitsOptions) {
    this.present = limits;
    this.#grants = grants;
    this.#channel_length = channel_length;
    this.#cgroup = cgroup;
  }

  /** Descriptors that a process was granted. */
  get #granted(): number {
    const { memories, files } = this.#grants;
    return memories.length + files.length;
  }

  /** Memory that the daemon holds for its processes. */
  get #stored_bytes(): number {
    const { memories } = this.#grants;
    return memories.reduce((sum, { size_bytes }) => sum + size_bytes, this.#channel_length);
  }

  /** Before the process executes anything, and while it has our user still. */
  setBeforeStart(pid: number): void {
    const limits = this.present;
    setLimits(pid, rlimitsOf({ limits, granted: this.#granted, own_user: isRoot() }));
    if (limits.nice > 0) setNice(pid, limits.nice);
  }

  /** Before the process loads its handler: puts it into its control group. */
  async confine(pid: number): Promise<void> {
    await this.#cgroup?.confine(pid, this.present, this.#stored_bytes);
  }

  /**
   * What the process sets on itself before its handler is loaded. A limit that could not be raised
   * again when the volume grows is not set.
   */
  get of_guest(): GuestLimits {
    const limits = guestLimitsOf(this.present, this.#grants);
    return this.#limits_files ? limits : { ...limits, file_bytes: null };
  }

  /**
   * Gives the next processes other limits, and one that serves, where it can be given them as it
   * runs. Returns whether it has them.
   */
  async change(limits: ResourceLimits, process: ServingProcess): Promise<boolean> {
    const from = this.present;
    this.present = limits;
    if (!limitProcess(process.pid, { from, to: limits, granted: this.#granted })) return false;
    process.lines_per_second = limits.log_lines_per_second;
    await this.#cgroup?.limit(limits, this.#stored_bytes);
    return true;
  }

  /** Lets a process make files of this size, in bytes; undefined: none runs. */
  limitFiles(pid: number | undefined, size_bytes: number): void {
    if (!this.#limits_files) return;
    const value = Math.max(size_bytes, fileBytesOf(this.#grants));
    if (pid !== undefined) setSoftLimit(pid, { resource: Resource.FSIZE, value });
  }

  /** What a process that has ended ran into, by the counts of its control group. */
  async exceeded(): Promise<"memory" | "threads" | undefined> {
    return await this.#cgroup?.exceeded();
  }

  /** What a process uses now. */
  async usage(pid: number): Promise<ProcessUsage | undefined> {
    return await measure(pid, this.#cgroup);
  }
}
