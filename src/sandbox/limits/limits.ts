/**
 * What one logical unit's handler may use at most, and what it may unless the operator says
 * otherwise. Checked here for whoever takes it from outside.
 *
 * @module
 */

const MIB = 1024 * 1024;

/** See the module. The deadline of an operation stands beside them, in the record of the LUN. */
export interface ResourceLimits {
  /**
   * Private memory of the handler, beyond what the runtime takes before it: heap, buffers,
   * WebAssembly, stacks. Memory that the daemon holds for it (capabilities) is not counted.
   */
  readonly memory_bytes: number;
  /** Share of the processors where they are scarce, beside others of 100 (cgroup v2 cpu.weight). */
  readonly cpu_weight: number;
  /** Processor time in percent of one processor; 0: no limit (cgroup v2 cpu.max). */
  readonly cpu_quota_percent: number;
  /** Threads, those of the runtime included. */
  readonly threads: number;
  /** Descriptors, those of the runtime included. */
  readonly descriptors: number;
  /** 0 to 19: readiness to let others go first. */
  readonly nice: number;
  /** Operations that the handler has at a time; more wait in the LUN's ring. */
  readonly queue_depth: number;
  /** Lines of the log for each second; more are counted and dropped. */
  readonly log_lines_per_second: number;
}

/** What an operator has said; the rest is as {@linkcode DEFAULT_LIMITS} says. */
export type LimitOptions = Partial<ResourceLimits>;

export const DEFAULT_LIMITS: ResourceLimits = {
  memory_bytes: 256 * MIB,
  cpu_weight: 100,
  cpu_quota_percent: 0,
  threads: 256,
  descriptors: 256,
  nice: 0,
  queue_depth: 128,
  log_lines_per_second: 50,
};

/** All limits, from what the operator has said. */
export function withDefaults(options: LimitOptions): ResourceLimits {
  return { ...DEFAULT_LIMITS, ...options };
}

/** What a limit may be: whole numbers, from and to. The runtime itself needs the least values. */
interface Range {
  readonly min: number;
  readonly max: number;
  readonly what: string;
  /** 0 is allowed, too, and means none. */
  readonly none?: boolean;
}

const RANGES: Readonly<Record<keyof ResourceLimits, Range>> = {
  memory_bytes: { min: 32 * MIB, max: 2 ** 46, what: "bytes, 32 MiB (33554432) or more" },
  cpu_weight: { min: 1, max: 10_000, what: "a weight from 1 to 10000" },
  cpu_quota_percent: { min: 1, max: 100_000, what: "percent of one processor", none: true },
  threads: { min: 32, max: 4096, what: "threads, from 32 to 4096" },
  descriptors: { min: 64, max: 4096, what: "descriptors, from 64 to 4096" },
  nice: { min: 0, max: 19, what: "a nice value from 0 to 19" },
  queue_depth: { min: 1, max: 256, what: "operations, from 1 to 256" },
  log_lines_per_second: { min: 1, max: 10_000, what: "lines for each second, from 1 to 10000" },
};

function isWithin(value: unknown, { min, max, none }: Range): boolean {
  if (!Number.isInteger(value)) return false;
  return (none === true && value === 0) || (Number(value) >= min && Number(value) <= max);
}

/** What is wrong with limits from outside, for people; undefined where nothing is. */
export function limitOptionsProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return '"limits" is not an object';
  }
  for (const [key, item] of Object.entries(value)) {
    if (!Object.hasOwn(RANGES, key)) return `"limits" has an unknown member "${key}"`;
    const range = RANGES[key as keyof ResourceLimits];
    if (!isWithin(item, range)) return `"limits.${key}" is not a number of ${range.what}`;
  }
  return undefined;
}

/** Whether they are limits. */
export function isLimitOptions(value: unknown): value is LimitOptions {
  return limitOptionsProblem(value) === undefined;
}
