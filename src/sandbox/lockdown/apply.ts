/**
 * The layers that a launcher puts around itself before it executes the guest, in the order in which
 * they work: each step may need what the next one gives up.
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
import {
  makeMountsPrivate,
  Namespace,
  type NamespaceName,
  setHostName,
  unshare,
} from "../../sys/namespaces.ts";
import { compileFilter, installFilter } from "../../sys/seccomp.ts";
import type { SystemCalls } from "../../sys/system_call.ts";
import { thisMachine } from "../../sys/syscall_numbers.ts";
import { SystemError } from "../../sys/system_error.ts";
import { startFilter } from "./filters.ts";
import type { Layer, LayerState } from "./layers.ts";
import { isReachable } from "./readable.ts";
import { enterRoot, mappedFiles } from "./root.ts";

/** What a launcher is told, besides the program that it executes. */
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

function isolate(calls: SystemCalls, plan: LockdownPlan, libraries: string[]): Isolation {
  const failed: string[] = [];
  for (const name of Object.keys(Namespace) as NamespaceName[]) {
    const number = unshare(calls, name);
    if (number !== 0) failed.push(name);
    else if (name === "uts") setHostName(calls, HOST_NAME);
  }
  const refused = missing("namespaces", `the kernel refuses ${failed.join(", ")}`);
  if (failed.includes("mount")) return { state: refused, hasRoot: false };
  try {
    makeMountsPrivate(calls);
    enterRoot(calls, plan.program, libraries, plan);
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

function filterStart(calls: SystemCalls): LayerState {
  const program = compileFilter(startFilter(), thisMachine());
  const result = installFilter(
    program,
    0,
    (operation, flags, bytes) => calls.attempt("seccomp", operation, flags, bytes),
  );
  return result === 0 ? applied("seccomp") : missing("seccomp", `errno ${-result}`);
}

/**
 * Restricts the calling thread, and what it executes; returns what came of each layer. Throws where
 * a step fails that cannot fail on a sound machine.
 */
export function applyLayers(calls: SystemCalls, plan: LockdownPlan): LayerState[] {
  const isRoot = calls.call("geteuid") === 0;
  const libraries = mappedFiles(Deno.readTextFileSync("/proc/self/maps"));
  const { state: namespaces, hasRoot } = isRoot
    ? isolate(calls, plan, libraries)
    : { state: missing("namespaces", "the daemon is not root"), hasRoot: false };
  Deno.chdir("/");
  const isBounded = isRoot && dropBoundingSet(calls);
  const uid = isRoot ? changeUser(calls, plan, hasRoot) : missing("uid", "the daemon is not root");
  const capabilities = giveUpCapabilities(calls, isRoot, isBounded, uid);
  setNoNewPrivileges(calls);
  const landlock = restrictFiles(calls, plan, libraries);
  const seccomp = filterStart(calls);
  if (dieWithParent(calls) !== plan.parent) throw new Error("The daemon has gone");
  return [
    applied("process"),
    applied("descriptors"),
    applied("no-new-privileges"),
    seccomp,
    capabilities,
    landlock,
    namespaces,
    uid,
  ];
}
