/**
 * The layers that a process puts around itself before it executes the guest, in the order in which
 * they work: each step may need what the next one gives up. The process is a bare child: it makes the
 * calls, all else is looked up and decided here, in the daemon.
 *
 * @module
 */
import {
  dieWithParent,
  dropBoundingSet,
  dropCapabilities,
  setNoNewPrivileges,
  setUser,
} from "../../sys/credentials.ts";
import {
  FileAccess,
  landlockAbi,
  missingOfAbi,
  type PathRule,
  restrictSelf,
} from "../../sys/landlock.ts";
import { makeMountsPrivate, Namespace, setHostName, unshare } from "../../sys/namespaces.ts";
import { compileFilter, installFilter, type Instruction } from "../../sys/seccomp.ts";
import { placeDescriptors } from "../../sys/spawn.ts";
import type { SystemCalls } from "../../sys/system_call.ts";
import { thisMachine } from "../../sys/syscall_numbers.ts";
import { cString, SystemError } from "../../sys/system_error.ts";
import { startFilter } from "./filters.ts";
import type { Layer, LayerState } from "./layers.ts";
import { isReachable } from "./readable.ts";
import { enterRoot, mappedFiles } from "./root.ts";

/** What the layers of a guest depend on, besides its descriptors. */
export interface LockdownPlan {
  /** Process id of the daemon. */
  readonly parent: number;
  /** Executable of the guest. */
  readonly program: string;
  /** Files and folders that the guest reads until its handler is loaded. */
  readonly read: readonly string[];
  /** Those of them that others than their owner cannot read: a guest with a user of its own. */
  readonly closed: readonly string[];
  /** User and group of the guest, where the daemon is root. */
  readonly uid: number;
  /** The descriptors of the guest: present numbers by those that it has them by. */
  readonly descriptors: ReadonlyMap<number, number>;
  /** Sets limits from outside, where it still has the daemon's user. */
  readonly limit?: (pid: number) => void;
}

const HOST_NAME = "guest";

function applied(layer: Layer, detail = ""): LayerState {
  return { layer, applied: true, detail };
}

function missing(layer: Layer, detail: string): LayerState {
  return { layer, applied: false, detail };
}

function reason(error: unknown): string {
  if (error instanceof SystemError) return error.message;
  throw error;
}

/** Namespaces, and whether the process sees a root of its own. */
interface Isolation {
  readonly state: LayerState;
  readonly hasRoot: boolean;
}

/** What the present step gives, or that it is missing where the kernel refuses it. */
function attempt(layer: Layer, step: () => void): LayerState {
  try {
    step();
    return applied(layer);
  } catch (error) {
    return missing(layer, reason(error));
  }
}

function isolate(calls: SystemCalls, plan: LockdownPlan, libraries: readonly string[]): Isolation {
  const failed = unshare(calls);
  if (!failed.includes("uts")) setHostName(calls, HOST_NAME);
  const refused = missing("namespaces", `the kernel refuses ${failed.join(", ")}`);
  if (failed.includes("mount")) return { state: refused, hasRoot: false };
  try {
    makeMountsPrivate(calls);
    enterRoot(calls, calls.call("getpid"), { ...plan, libraries });
  } catch (error) {
    return { state: missing("namespaces", reason(error)), hasRoot: false };
  }
  const state = failed.length > 0
    ? refused
    : applied("namespaces", Object.keys(Namespace).join(", "));
  return { state, hasRoot: true };
}

/** A user of its own, where it can read what the guest reads. */
function changeUser(calls: SystemCalls, plan: LockdownPlan, hasRoot: boolean): LayerState {
  if (!hasRoot) {
    const hidden = plan.closed[0] ?? [plan.program, ...plan.read].find((one) => !isReachable(one));
    if (hidden !== undefined) return missing("uid", `${hidden} can be read by its owner only`);
  }
  try {
    setUser(calls, plan.uid, plan.uid);
    return applied("uid", String(plan.uid));
  } catch (error) {
    return missing("uid", reason(error));
  }
}

function giveUpCapabilities(
  calls: SystemCalls,
  isRoot: boolean,
  isBounded: boolean,
  uid: LayerState,
): LayerState {
  try {
    dropCapabilities(calls);
  } catch (error) {
    return missing("capabilities", reason(error));
  }
  if (isBounded || !isRoot || uid.applied) return applied("capabilities");
  return missing("capabilities", "the bounding set cannot be emptied");
}

/** What the runtime needs to start, and the modules. */
function landlockRules(plan: LockdownPlan, libraries: readonly string[]): PathRule[] {
  const { EXECUTE, READ_FILE, READ_DIR } = FileAccess;
  const folder = (path: string): boolean => {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  };
  const readable = [...plan.read, "/proc/self", "/sys/devices/system/cpu"].map((path) => ({
    path,
    access: folder(path) ? READ_FILE | READ_DIR : READ_FILE,
  }));
  const files = ["/etc/ld.so.cache", "/dev/urandom"].map((path) => ({ path, access: READ_FILE }));
  const executable = [...new Set([plan.program, ...libraries])]
    .map((path) => ({ path, access: READ_FILE | EXECUTE }));
  return [...readable, ...files, ...executable];
}

function restrictFiles(
  calls: SystemCalls,
  plan: LockdownPlan,
  libraries: readonly string[],
): LayerState {
  const abi = landlockAbi(calls);
  if (abi === 0) return missing("landlock", "the kernel has none, or it is switched off");
  try {
    restrictSelf(calls, abi, landlockRules(plan, libraries));
  } catch (error) {
    return missing("landlock", reason(error));
  }
  const without = missingOfAbi(abi);
  const gaps = without.length === 0 ? "" : `, without ${without.join(", ")}`;
  return applied("landlock", `ABI ${abi}${gaps}`);
}

let startProgram: readonly Instruction[] | undefined;

function filterStart(calls: SystemCalls): LayerState {
  startProgram ??= compileFilter(startFilter(), thisMachine());
  const result = installFilter(
    startProgram,
    0,
    (operation, flags, bytes) => calls.attempt("seccomp", operation, flags, bytes),
  );
  return result === 0 ? applied("seccomp") : missing("seccomp", `errno ${-result}`);
}

let libraries: readonly string[] | undefined;

/** Files whose code the guest maps: those of this process, as they were at the first guest. */
function ownLibraries(): readonly string[] {
  libraries ??= mappedFiles(Deno.readTextFileSync("/proc/self/maps"));
  return libraries;
}

/** Ends with the daemon, which must be there still. */
function bindToDaemon(calls: SystemCalls, { parent }: LockdownPlan): LayerState {
  try {
    return dieWithParent(calls) === parent
      ? applied("process")
      : missing("process", "the daemon has gone");
  } catch (error) {
    return missing("process", reason(error));
  }
}

/**
 * Restricts the process of `calls`, and what it executes; returns what came of each layer. Throws
 * where a step fails that cannot fail on a sound machine.
 */
export function applyLayers(calls: SystemCalls, plan: LockdownPlan): LayerState[] {
  bindToDaemon(calls, plan);
  const descriptors = attempt("descriptors", () => placeDescriptors(calls, plan.descriptors));
  plan.limit?.(calls.call("getpid"));
  const isRoot = calls.call("geteuid") === 0;
  const files = ownLibraries();
  const { state: namespaces, hasRoot } = isRoot
    ? isolate(calls, plan, files)
    : { state: missing("namespaces", "the daemon is not root"), hasRoot: false };
  calls.call("chdir", cString("/"));
  const isBounded = isRoot && dropBoundingSet(calls);
  const uid = isRoot ? changeUser(calls, plan, hasRoot) : missing("uid", "the daemon is not root");
  // Again, and at once: a process that changes its user gets no signal when its parent ends.
  const process = bindToDaemon(calls, plan);
  const capabilities = giveUpCapabilities(calls, isRoot, isBounded, uid);
  const privileges = attempt("no-new-privileges", () => setNoNewPrivileges(calls));
  const landlock = restrictFiles(calls, plan, files);
  const seccomp = filterStart(calls);
  return [process, descriptors, privileges, seccomp, capabilities, landlock, namespaces, uid];
}
