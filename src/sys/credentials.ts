/**
 * User, groups and capabilities of the calling thread (capabilities(7), linux/capability.h,
 * linux/prctl.h). For a process that executes another program afterwards: the C library's functions
 * would change all threads, these calls change one.
 *
 * @module
 */
import type { Request, SystemCalls } from "./system_call.ts";

const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
/** SECBIT_NOROOT and SECBIT_NOROOT_LOCKED (linux/securebits.h). */
const SECBIT_NOROOT_LOCKED = 0b11;
/** Numbers of capabilities end below it. */
const CAPABILITIES_END = 64;
const CAPABILITY_VERSION_3 = 0x2008_0522;

/** Empties the bounding set: nothing that is executed later has a capability. False: not permitted. */
export function dropBoundingSet({ attempt, attemptAll }: SystemCalls): boolean {
  const prctl = (operation: number, value: number): Request => ["prctl", operation, value, 0, 0, 0];
  const numbers = Array.from({ length: CAPABILITIES_END }, (_, capability) => capability);
  // Numbers that the kernel does not know fail.
  const results = attemptAll(numbers.map((capability) => prctl(PR_CAPBSET_READ, capability)));
  const present = numbers.filter((capability) => results[capability] === 1);
  const dropped = attemptAll(present.map((capability) => prctl(PR_CAPBSET_DROP, capability)));
  if (dropped.some((result) => result < 0)) return false;
  // A program that user 0 executes gets none either.
  attempt(...prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED));
  return true;
}

/** Becomes another user for good, with one group and no other. Throws SystemError. */
export function setUser({ call }: SystemCalls, uid: number, gid: number): void {
  call("setgroups", 0, null);
  call("setresgid", gid, gid, gid);
  call("setresuid", uid, uid, uid);
}

/** Gives up all capabilities of this thread. Throws SystemError. */
export function dropCapabilities({ attempt, call }: SystemCalls): void {
  attempt("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  call("capset", header, new Uint8Array(24));
}

/** Nothing that is executed from here on gains a privilege. Throws SystemError. */
export function setNoNewPrivileges({ call }: SystemCalls): void {
  call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/**
 * SIGKILL when the thread that started this process ends; after the user was changed, which clears
 * it. Returns the parent's process id: it may have gone before.
 */
export function dieWithParent({ call }: SystemCalls): number {
  call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return call("getppid");
}
