/**
 * Looks at a guest's process from outside: its threads, descriptors, namespaces, environment.
 *
 * @module
 */
import type { Scene } from "../family.ts";
import { descriptorTargets, namespaceOf, threadStatuses } from "../observe.ts";

const SECCOMP_FILTER = "2";
const NAMESPACES = ["mnt", "net", "ipc", "uts", "cgroup"];

/** Family 27: what every thread must have. */
export function lookAtThreads({ user }: Scene, pid: number): string[] {
  const problems = new Set<string>();
  for (const status of threadStatuses(pid)) {
    const expect = (field: string, right: (value: string) => boolean) => {
      const value = status[field] ?? "nothing";
      if (!right(value)) problems.add(`a thread (${status.Name}) has ${field} ${value}`);
    };
    expect("Seccomp", (value) => value === SECCOMP_FILTER);
    expect("NoNewPrivs", (value) => value === "1");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) expect(set, isZero);
    if (user.uid !== 0) continue;
    expect("CapBnd", isZero);
    expect("Uid", (value) => value.split(/\s+/).every((id) => id !== "0"));
    expect("Gid", (value) => value.split(/\s+/).every((id) => id !== "0"));
    expect("Groups", (value) => value === "");
  }
  return [...problems, ...(user.uid === 0 ? namespaceProblems(pid) : [])];
}

function isZero(value: string): boolean {
  return /^0+$/.test(value);
}

function namespaceProblems(pid: number): string[] {
  return NAMESPACES.filter((kind) => namespaceOf(pid, kind) === namespaceOf(Deno.pid, kind))
    .map((kind) => `the process is in the daemon's ${kind} namespace`);
}

/** What a guest's descriptors may be, by number. What the runtime opens comes behind them. */
const INHERITED: readonly RegExp[] = [
  /^\/dev\/null/,
  /^pipe:/,
  /^pipe:/,
  /^\/memfd:lunette:[^ ]*:channel/,
  /^anon_inode:\[eventfd\]/,
  /guests\.lock/,
  /^\/memfd:lunette:/,
];
/** What the runtime makes for itself. */
const RUNTIME = /^(anon_inode:\[(eventpoll|eventfd|timerfd)\]|socket:|pipe:|\/memfd:lunette:)/;

/** Family 25: what the process has open, and shares with the daemon. */
export function lookAtDescriptors({ daemon, bait }: Scene, pid: number): string[] {
  const problems: string[] = [];
  const targets = descriptorTargets(pid);
  for (const [fd, target] of targets) {
    const fine = INHERITED[fd]?.test(target) ?? RUNTIME.test(target);
    if (!fine) problems.push(`descriptor ${fd} is ${target}`);
    if (/victim/.test(target)) problems.push(`descriptor ${fd} is the victim's: ${target}`);
  }
  const ofDaemon = new Set(descriptorTargets(daemon.pid).values());
  const shared = [...targets.values()].filter((target) =>
    /^socket:/.test(target) && ofDaemon.has(target)
  );
  if (shared.length > 0) problems.push(`sockets are shared with the daemon: ${shared.join()}`);
  const environment = Deno.readTextFileSync(`/proc/${pid}/environ`);
  if (environment.includes(bait.secret)) problems.push("the daemon's environment was inherited");
  return problems;
}
