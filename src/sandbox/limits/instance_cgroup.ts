/**
 * The control group of one logical unit's handler. It stays while processes come and go, so that a
 * count of kills says something of the last one.
 *
 * @module
 */
import type { Cgroup } from "../../sys/cgroup.ts";
import type { ResourceLimits } from "./limits.ts";

const MIB = 1024 * 1024;
/** What the runtime itself takes: heap of its start, code that it maps, page tables, stacks. */
const RUNTIME_BYTES = 128 * MIB;
const CPU_PERIOD_US = 100_000;

/** What a group counts; what no controller counts is absent. */
export interface CgroupUsage {
  /** Memory with all that is cached and shared for it. */
  readonly memory_bytes?: number;
}

/** Files of a group and what to write there; those of a controller that is missing are left out. */
export function cgroupSettings(
  limits: ResourceLimits,
  stored_bytes: number,
): readonly (readonly [file: string, text: string])[] {
  const max = RUNTIME_BYTES + limits.memory_bytes + stored_bytes;
  const quota_us = limits.cpu_quota_percent * CPU_PERIOD_US / 100;
  return [
    ["memory.max", `${max}`],
    // Below the maximum what is cached is given back first, and who grows is slowed down.
    ["memory.high", `${max - Math.floor(max / 16)}`],
    // What it stores may be swapped out as ever; a flood may not.
    ["memory.swap.max", `${stored_bytes}`],
    ["memory.oom.group", "1"],
    ["pids.max", `${limits.threads}`],
    ["cpu.weight", `${limits.cpu_weight}`],
    ["cpu.max", `${quota_us === 0 ? "max" : quota_us} ${CPU_PERIOD_US}`],
  ];
}

/** See the module. */
export class InstanceCgroup {
  readonly #group: Cgroup;
  #oom_kills = 0;
  #pids_refused = 0;

  constructor(group: Cgroup) {
    this.#group = group;
  }

  get path(): string {
    return this.#group.path;
  }

  /**
   * Sets the limits, and takes a process in: before its handler runs. `stored_bytes`: memory that
   * the daemon holds for it, and that counts where it is written first. A process that is gone
   * already is nobody's to confine. Throws.
   */
  async confine(pid: number, limits: ResourceLimits, stored_bytes: number): Promise<void> {
    await this.limit(limits, stored_bytes);
    await this.#count();
    await this.#group.add(pid).catch((error) => {
      if (!String(error).includes("(os error 3)")) throw error;
    });
  }

  /** Sets the limits, also while a process is in it. Throws. */
  async limit(limits: ResourceLimits, stored_bytes: number): Promise<void> {
    for (const [file, text] of cgroupSettings(limits, stored_bytes)) {
      if (await this.#group.has(file)) await this.#group.write(file, text);
    }
  }

  /** How often the kernel has killed for memory, and has refused a thread, since the last call. */
  async #count(): Promise<{ oom_kills: number; pids_refused: number }> {
    const { oom_kill = 0 } = await this.#group.keyed("memory.events");
    const { max = 0 } = await this.#group.keyed("pids.events");
    const counted = {
      oom_kills: oom_kill - this.#oom_kills,
      pids_refused: max - this.#pids_refused,
    };
    this.#oom_kills = oom_kill;
    this.#pids_refused = max;
    return counted;
  }

  /** What the process that has just ended has run into: "memory", "threads", or neither. */
  async exceeded(): Promise<"memory" | "threads" | undefined> {
    const { oom_kills, pids_refused } = await this.#count();
    if (oom_kills > 0) return "memory";
    return pids_refused > 0 ? "threads" : undefined;
  }

  async usage(): Promise<CgroupUsage> {
    const memory_bytes = await this.#group.number("memory.current");
    return memory_bytes === undefined ? {} : { memory_bytes };
  }

  /** SIGKILL to all that is in it: a second means, where the first does not reach all. */
  async kill(): Promise<void> {
    await this.#group.kill().catch(() => {});
  }

  /** Ends whatever is still in it, and removes it. */
  async remove(): Promise<void> {
    await this.kill();
    await this.#group.remove().catch(() => {});
  }
}
