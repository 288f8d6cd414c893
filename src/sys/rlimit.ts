/**
 * Limits of processes: prlimit(2) and setpriority(2). A process that runs already is limited from
 * outside, by whoever has its user or CAP_SYS_RESOURCE.
 *
 * For the daemon. What a guest does itself stands in guest_limits.ts.
 *
 * @module
 */
import { SystemError } from "./error.ts";

/** Numbers of resources (asm-generic/resource.h): the same on x86-64 and aarch64. */
export const Resource = {
  /** Bytes of a file that may be written; more ends in SIGXFSZ. */
  FSIZE: 1,
  /** Bytes of private writable memory: heap, stacks of threads, anonymous mappings. */
  DATA: 2,
  CORE: 4,
  /** Processes and threads of the real user. Root is exempt. */
  NPROC: 6,
  /** One more than the greatest descriptor's number. */
  NOFILE: 7,
  MEMLOCK: 8,
  /** Bytes in POSIX message queues of the real user. */
  MSGQUEUE: 12,
  /** 20 less the lowest nice value that may be asked for. */
  NICE: 13,
  RTPRIO: 14,
} as const;
export type Resource = typeof Resource[keyof typeof Resource];

/** One limit, hard and soft alike. Infinity: none. */
export interface ResourceLimit {
  readonly resource: Resource;
  readonly value: number;
}

/** A limit as the kernel keeps it: the soft one counts, and may be raised up to the hard one. */
export interface LimitPair {
  readonly soft: number;
  readonly hard: number;
}

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
const PRIO_PROCESS = 0;

const symbols = {
  __errno_location: { parameters: [], result: "pointer" },
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const c = Deno.dlopen("libc.so.6", symbols).symbols;
const errnoPointer = c.__errno_location() as Deno.PointerObject;
const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));

function nameOf(resource: Resource): string {
  const found = Object.entries(Resource).find(([, number]) => number === resource);
  return `RLIMIT_${found?.[0]}`;
}

function toWord(value: number): bigint {
  return value === Infinity ? RLIM_INFINITY : BigInt(Math.floor(value));
}

function fromWord(value: bigint): number {
  return value === RLIM_INFINITY ? Infinity : Number(value);
}

/** A limit of a process; 0 is this one. Throws SystemError. */
export function getLimit(pid: number, resource: Resource): LimitPair {
  const pair = new BigUint64Array(2);
  if (c.prlimit(pid, resource, null, new Uint8Array(pair.buffer)) < 0) {
    throw new SystemError("prlimit", errno[0], `${nameOf(resource)} of process ${pid}`);
  }
  return { soft: fromWord(pair[0]), hard: fromWord(pair[1]) };
}

function setPair(pid: number, resource: Resource, { soft, hard }: LimitPair): void {
  const words = new BigUint64Array([toWord(soft), toWord(hard)]);
  if (c.prlimit(pid, resource, new Uint8Array(words.buffer), null) < 0) {
    throw new SystemError("prlimit", errno[0], `${nameOf(resource)} of process ${pid}`);
  }
}

/**
 * Limits a process, soft and hard alike; 0 is this one. Never above the hard limit that is there:
 * raising one needs a privilege, and what was stricter before stays so. Throws SystemError.
 */
export function setLimits(pid: number, limits: readonly ResourceLimit[]): void {
  for (const { resource, value } of limits) {
    const bounded = Math.min(value, getLimit(pid, resource).hard);
    setPair(pid, resource, { soft: bounded, hard: bounded });
  }
}

/**
 * Gives a process another limit, soft and hard alike, also above the hard one that it has: that needs
 * CAP_SYS_RESOURCE. `next` gets the hard limit. Throws SystemError.
 */
export function resetLimit(
  pid: number,
  resource: Resource,
  next: (value: number) => number,
): void {
  const value = next(getLimit(pid, resource).hard);
  setPair(pid, resource, { soft: value, hard: value });
}

/** Sets the soft limit of a process, within its hard one. Throws SystemError. */
export function setSoftLimit(pid: number, { resource, value }: ResourceLimit): void {
  const { hard } = getLimit(pid, resource);
  setPair(pid, resource, { soft: Math.min(value, hard), hard });
}

/**
 * Sets the nice value of a process's main thread, from which threads that it starts later have
 * theirs: call it before there are any.
 */
export function setNice(pid: number, nice: number): void {
  if (c.setpriority(PRIO_PROCESS, pid, nice) < 0) {
    throw new SystemError("setpriority", errno[0], `process ${pid}`);
  }
}

/** Sets the nice value of all threads that a process has; those that they start have theirs. */
export function setNiceOfThreads(pid: number, nice: number): void {
  // One that is started meanwhile by a thread that was not reached yet: the second round has it.
  for (let round = 0; round < 2; round++) {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) setNice(Number(name), nice);
  }
}
