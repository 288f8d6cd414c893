/** Limits of a handler on the command line: options of `create`, lines of `show`. */
import { LAYER_PURPOSE, type LayerState, missingLayers } from "../sandbox/lockdown/layers.ts";
import type { Command } from "commander";
import type { LunDescription } from "../daemon/api.ts";
import { OperatorError } from "../daemon/error.ts";
import { formatSize, parsePercent, parseSize } from "../daemon/size.ts";
import {
  type LimitOptions,
  limitOptionsProblem,
  type ResourceLimits,
} from "../sandbox/limits/limits.ts";
import { printable } from "./output.ts";

/** What commander gives for the options. */
export interface LimitFlags {
  readonly memory?: string;
  readonly cpuWeight?: string;
  readonly cpuQuota?: string;
  readonly threads?: string;
  readonly descriptors?: string;
  readonly nice?: string;
  readonly queueDepth?: string;
  readonly logRate?: string;
}

/** The limit that each option sets. */
export const LIMIT_NAMES: Readonly<Record<keyof LimitFlags, keyof ResourceLimits>> = {
  memory: "memory_bytes",
  cpuWeight: "cpu_weight",
  cpuQuota: "cpu_quota_percent",
  threads: "threads",
  descriptors: "descriptors",
  nice: "nice",
  queueDepth: "queue_depth",
  logRate: "log_lines_per_second",
};

/** Adds the options. */
export function withLimits(command: Command): Command {
  return command
    .option("--memory <size>", "memory of the handler, beyond its runtime's (default 256M)")
    .option("--cpu-weight <1-10000>", "share of scarce processors, beside others of 100")
    .option("--cpu-quota <percent>", "processor time: 50% is half of one processor (default: any)")
    .option("--threads <count>", "threads of the handler and its runtime (default 256)")
    .option("--descriptors <count>", "descriptors, likewise (default 256)")
    .option("--nice <0-19>", "readiness to let other programs go first (default 0)")
    .option("--queue-depth <1-256>", "operations the handler has at a time (default 128)")
    .option("--log-rate <lines>", "lines of the handler's log for each second (default 50)");
}

function parseNumber(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new OperatorError("usage", `--${option}: "${text}" is not a whole number`);
}

/** What the options say. Throws an {@linkcode OperatorError}. */
export function limitOptions(flags: LimitFlags): LimitOptions {
  const limits: { -readonly [key in keyof ResourceLimits]?: number } = {};
  const take = (
    text: string | undefined,
    parse: (text: string) => number,
    name: keyof ResourceLimits,
  ) => {
    if (text !== undefined) limits[name] = parse(text);
  };
  const number = (option: string) => (text: string) => parseNumber(option, text);
  take(flags.memory, parseSize, "memory_bytes");
  take(flags.cpuWeight, number("cpu-weight"), "cpu_weight");
  take(flags.cpuQuota, parsePercent, "cpu_quota_percent");
  take(flags.threads, number("threads"), "threads");
  take(flags.descriptors, number("descriptors"), "descriptors");
  take(flags.nice, number("nice"), "nice");
  take(flags.queueDepth, number("queue-depth"), "queue_depth");
  take(flags.logRate, number("log-rate"), "log_lines_per_second");
  const problem = limitOptionsProblem(limits);
  if (problem !== undefined) throw new OperatorError("usage", problem);
  return limits;
}

const DURATION_UNITS: Readonly<Record<string, number>> = { "": 1000, ms: 1, s: 1000, m: 60_000 };
const DURATION_MAX_MS = 86_400_000;

/** Milliseconds of "30", "30s", "500ms", "2m". Throws an {@linkcode OperatorError}. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text.trim());
  const duration_ms = match === null ? NaN : Number(match[1]) * DURATION_UNITS[match[2]];
  if (duration_ms >= 0 && duration_ms <= DURATION_MAX_MS) return Math.round(duration_ms);
  throw new OperatorError("usage", `"${text}" is not a time`, "Write 30, 30s, 500ms or 2m.");
}

/** Lines for `show`. */
export function describeLimits(lun: LunDescription): [string, string][] {
  const { limits, missing_limits = [], layers = [], last_end } = lun;
  if (limits === undefined) return [];
  const quota = limits.cpu_quota_percent === 0 ? "any" : `at most ${limits.cpu_quota_percent} %`;
  return [
    ["limit", `memory ${formatSize(limits.memory_bytes)}`],
    ["limit", `processor weight ${limits.cpu_weight}, time ${quota}, nice ${limits.nice}`],
    ["limit", `${limits.threads} threads, ${limits.descriptors} descriptors`],
    ["limit", `${limits.queue_depth} operations at a time`],
    ["limit", `${limits.log_lines_per_second} lines of the log for each second`],
    ...missing_limits.map(({ layer, reason }): [string, string] => [
      "missing",
      `${layer}: ${printable(reason)}`,
    ]),
    ...describeLayers(layers),
    ...(last_end === undefined ? [] : [["last end", printable(last_end)] as [string, string]]),
  ];
}

/** The layers of the sandbox in one line, and one for each that is missing. */
function describeLayers(layers: readonly LayerState[]): [string, string][] {
  const applied = layers.filter((state) => state.applied).map(({ layer }) => layer);
  if (applied.length === 0) return [];
  return [
    ["sandbox", applied.join(", ")],
    ...missingLayers(layers).map(({ layer, detail }): [string, string] => [
      "missing",
      `${layer}: ${printable(detail)}; it stops ${LAYER_PURPOSE[layer]}`,
    ]),
  ];
}
