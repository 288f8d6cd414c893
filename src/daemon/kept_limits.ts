/** Limits that an operator has asked for by name, and that this machine cannot keep. */
import type { Controller, MissingLimit } from "../sandbox/limits/cgroup_tree.ts";
import type { LimitOptions } from "../sandbox/limits/limits.ts";
import { isRoot } from "../sys/privileges.ts";
import { OperatorError } from "./error.ts";

/** Name of a limit that an operator may do without: "cgroup-cpu", ... */
export type LimitLayer = MissingLimit["layer"];

/** All of them. */
export const LIMIT_LAYERS: readonly LimitLayer[] = ["cgroup-memory", "cgroup-cpu", "cgroup-pids"];

/** Whether a text names a limit that an operator may do without. */
export function isLimitLayer(name: unknown): name is LimitLayer {
  return (LIMIT_LAYERS as readonly unknown[]).includes(name);
}

/** What keeps each limit that rlimits do not keep: they see to memory, and with root to threads. */
function controllerOf(limit: keyof LimitOptions): Controller | undefined {
  if (limit === "cpu_weight" || limit === "cpu_quota_percent") return "cpu";
  return limit === "threads" && !isRoot() ? "pids" : undefined;
}

const OPTION: Readonly<Record<string, string>> = {
  cpu_weight: "--cpu-weight",
  cpu_quota_percent: "--cpu-quota",
  threads: "--threads",
};

/**
 * Throws an {@linkcode OperatorError} where a limit that was asked for would be kept by nobody, and
 * the operator did not consent to that.
 */
export function checkKept(
  limits: LimitOptions,
  missing: readonly MissingLimit[],
  accepted: readonly string[],
): void {
  for (const key of Object.keys(limits) as (keyof LimitOptions)[]) {
    const layer = `cgroup-${controllerOf(key)}`;
    const found = missing.find((one) => one.layer === layer);
    if (found === undefined || accepted.includes(layer)) continue;
    throw new OperatorError(
      "unavailable",
      `This machine cannot keep ${OPTION[key]}: ${found.reason}`,
      "Run the daemon as a systemd unit with Delegate=yes, on a machine with cgroup v2; or leave the " +
        `limit away; or consent that nothing keeps it: --accept-missing ${layer}`,
    );
  }
}
