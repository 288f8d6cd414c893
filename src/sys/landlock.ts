/**
 * Landlock: access to files, TCP and processes that a thread, and what it executes, gives up
 * (Documentation/userspace-api/landlock.rst, linux/landlock.h). What a kernel's ABI does not know is
 * left away.
 *
 * @module
 */
import type { Request, SystemCalls } from "./system_call.ts";
import { cString, Errno, SystemError } from "./system_error.ts";

const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;

/** LANDLOCK_ACCESS_FS_* that are granted here. */
export const FileAccess = { EXECUTE: 1n << 0n, READ_FILE: 1n << 2n, READ_DIR: 1n << 3n } as const;

/** Bits of LANDLOCK_ACCESS_FS_* that an ABI knows: 13 with the first, then one more with 2, 3, 5. */
function fileAccessOf(abi: number): bigint {
  const bits = 13 + Number(abi >= 2) + Number(abi >= 3) + Number(abi >= 5);
  return (1n << BigInt(bits)) - 1n;
}

/** LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP. */
const NET_ALL = 3n;
const NET_ABI = 4;
/** LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL. */
const SCOPE_ALL = 3n;
const SCOPE_ABI = 6;

// asm-generic/fcntl.h; O_DIRECTORY differs between machines and is not used.
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;

/** A path, and what may be done with it and what is below it. */
export interface PathRule {
  readonly path: string;
  /** A file knows no READ_DIR. */
  readonly access: bigint;
}

/** Version of the kernel's Landlock; 0 where it has none, or it is switched off. */
export function landlockAbi({ attempt }: SystemCalls): number {
  const version = attempt("landlock_create_ruleset", null, 0, CREATE_RULESET_VERSION);
  return version < 0 ? 0 : version;
}

/** struct landlock_ruleset_attr, as long as the ABI knows it. */
function rulesetAttributes(abi: number): Uint8Array<ArrayBuffer> {
  const words = [fileAccessOf(abi)];
  if (abi >= NET_ABI) words.push(NET_ALL);
  if (abi >= SCOPE_ABI) words.push(SCOPE_ALL);
  return new Uint8Array(new BigUint64Array(words).buffer);
}

/** struct landlock_path_beneath_attr, packed. */
function pathAttributes(access: bigint, fd: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(12));
  view.setBigUint64(0, access, true);
  view.setInt32(8, fd, true);
  return new Uint8Array(view.buffer);
}

function addPaths(calls: SystemCalls, ruleset: number, rules: readonly PathRule[]): void {
  const fds = calls.attemptAll(
    rules.map(({ path }) => ["openat", AT_FDCWD, cString(path), O_PATH | O_CLOEXEC, 0]),
  );
  try {
    // What is not there needs no right.
    const failed = fds.findIndex((fd) => fd < 0 && fd !== -Errno.ENOENT);
    if (failed >= 0) throw new SystemError("open", -fds[failed], rules[failed].path);
    calls.callAll(rules.flatMap(({ access }, index): Request[] => {
      if (fds[index] < 0) return [];
      const attributes = pathAttributes(access, fds[index]);
      return [["landlock_add_rule", ruleset, RULE_PATH_BENEATH, attributes, 0]];
    }));
  } finally {
    calls.attemptAll(fds.filter((fd) => fd >= 0).map((fd) => ["close", fd]));
  }
}

/**
 * Restricts the calling thread, and all that it starts or executes from here on, to `rules`: no
 * other file, no TCP, no signal to others. Needs no_new_privs. Throws SystemError.
 */
export function restrictSelf(calls: SystemCalls, abi: number, rules: readonly PathRule[]): void {
  const attributes = rulesetAttributes(abi);
  const ruleset = calls.call("landlock_create_ruleset", attributes, attributes.length, 0);
  try {
    addPaths(calls, ruleset, rules);
    calls.call("landlock_restrict_self", ruleset, 0);
  } finally {
    calls.attempt("close", ruleset);
  }
}

/** What the kernel's ABI leaves open, in words; empty where it can do all that is used here. */
export function missingOfAbi(abi: number): string[] {
  const missing: string[] = [];
  if (abi < 3) missing.push("truncation");
  if (abi < NET_ABI) missing.push("TCP");
  if (abi < SCOPE_ABI) missing.push("signals and abstract sockets");
  return missing;
}
