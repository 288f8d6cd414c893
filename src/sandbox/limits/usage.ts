/** What a handler's process uses now, as the kernel counts it. Asked for, never polled. */
import type { InstanceCgroup } from "./instance_cgroup.ts";

/** What is used; what this user may not see is absent. */
export interface ProcessUsage {
  /** Its share of resident memory: what is shared with other processes counts in part (PSS). */
  readonly memory_bytes?: number;
  /** Memory that no other process has. */
  readonly private_bytes?: number;
  /** All that its control group is charged: with files that are cached, and memory held for it. */
  readonly cgroup_memory_bytes?: number;
  /** Processor time of this process. */
  readonly cpu_ms?: number;
  readonly threads?: number;
  readonly descriptors?: number;
}

/** USER_HZ: what /proc counts in, on every machine of today. */
const TICK_MS = 10;

/** Bytes of a field like "Pss:   12 kB"; undefined where it is not there. */
export function fieldBytes(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Processor time and threads from /proc/PID/stat: its second field may hold anything. */
export function parseStat(text: string): { cpu_ms: number; threads: number } | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user, system, threads] = [fields[11], fields[12], fields[17]];
  if (!Number.isInteger(user + system + threads)) return undefined;
  return { cpu_ms: (user + system) * TICK_MS, threads };
}

function sum(...parts: (number | undefined)[]): number | undefined {
  return parts.reduce((left, right) => left === undefined ? right : left + (right ?? 0), undefined);
}

async function countEntries(path: string): Promise<number | undefined> {
  try {
    let count = 0;
    for await (const _ of Deno.readDir(path)) count++;
    return count;
  } catch {
    return undefined;
  }
}

/** Leaves out what is not known. */
function known(values: Readonly<Record<keyof ProcessUsage, number | undefined>>): ProcessUsage {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Measures a process. */
export async function measure(pid: number, cgroup?: InstanceCgroup): Promise<ProcessUsage> {
  const read = (name: string) => Deno.readTextFile(`/proc/${pid}/${name}`).catch(() => "");
  const rollup = await read("smaps_rollup");
  const stat = parseStat(await read("stat"));
  // Where another user's mappings may not be seen, what is resident still may.
  const memory_bytes = fieldBytes(rollup, "Pss") ?? fieldBytes(await read("status"), "VmRSS");
  return known({
    memory_bytes,
    private_bytes: sum(fieldBytes(rollup, "Private_Clean"), fieldBytes(rollup, "Private_Dirty")),
    cgroup_memory_bytes: (await cgroup?.usage())?.memory_bytes,
    cpu_ms: stat?.cpu_ms,
    threads: stat?.threads,
    descriptors: await countEntries(`/proc/${pid}/fd`),
  });
}
