/**
 * Looks at processes from outside, through /proc.
 *
 * @module
 */
import { libc } from "../../src/sys/libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;

/** Processes whose parent has ended become this process's: none gets away from `descendants`. */
export function adoptOrphans(): void {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}

/** A process. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly name: string;
}

function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const end = text.lastIndexOf(")");
    const [state, parent] = text.slice(end + 2).split(" ");
    return { pid, parent: Number(parent), state, name: text.slice(text.indexOf("(") + 1, end) };
  } catch {
    return undefined;
  }
}

/** All processes below one that have not ended. */
export function descendants(root: number): ProcessInfo[] {
  const all = [...Deno.readDirSync("/proc")]
    .filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => readProcess(Number(name)))
    .filter((info) => info !== undefined);
  const found: ProcessInfo[] = [];
  const parents = new Set([root]);
  for (let grew = true; grew;) {
    grew = false;
    for (const info of all) {
      if (!parents.has(info.parent) || parents.has(info.pid)) continue;
      parents.add(info.pid);
      found.push(info);
      grew = true;
    }
  }
  return found.filter(({ state }) => state !== "Z");
}

/** Whether a process is there and has not ended. */
export function isRunning(pid: number): boolean {
  const info = readProcess(pid);
  return info !== undefined && info.state !== "Z";
}

/** What a process has open: how often, by what it is. Sockets' and pipes' numbers are left out. */
export function openDescriptors(pid: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const target of descriptorTargets(pid).values()) {
    const kind = target.replace(/^(socket|pipe):\[\d+\]$/, "$1");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** What each descriptor of a process is. */
export function descriptorTargets(pid: number): Map<number, string> {
  const targets = new Map<number, string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      targets.set(Number(name), Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
    } catch {
      // Closed meanwhile.
    }
  }
  return targets;
}

/** What a process has open more often than before. */
export function newDescriptors(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): string[] {
  return [...after]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count - (before.get(kind) ?? 0)} of ${kind}`);
}

/** Bytes of private memory of a process that are resident. */
export function privateMemory_bytes(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const kib = [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)];
  return kib.reduce((sum, [, value]) => sum + Number(value) * 1024, 0);
}

/** The fields of /proc/PID/task/TID/status of every thread. */
export function threadStatuses(pid: number): Record<string, string>[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    return Object.fromEntries(
      text.split("\n").filter((line) => line.includes(":")).map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trim()];
      }),
    );
  });
}

/** A namespace of a process: "mnt:[4026531841]". */
export function namespaceOf(pid: number, kind: string): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${kind}`);
}

/** All files below a folder, with their sizes. */
export function listFiles(folder: string): string[] {
  const found: string[] = [];
  const visit = (path: string) => {
    for (const entry of Deno.readDirSync(path)) {
      const name = `${path}/${entry.name}`;
      if (entry.isDirectory) visit(name);
      else found.push(`${name} ${Deno.lstatSync(name).size}`);
    }
  };
  visit(folder);
  return found.sort();
}

/** Tries until it holds, or the time is over; returns whether it held. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeout_ms: number,
): Promise<boolean> {
  const end_ms = performance.now() + timeout_ms;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end_ms) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
