/**
 * Where the daemon's control groups are: one for each handler process, below one of its own.
 *
 * A group with processes cannot give controllers to its children (the rule of no internal processes),
 * so that the daemon goes into a child of its own, `daemon`, where its group is its own: a systemd
 * unit with Delegate=yes. Elsewhere root takes a group at the root of the hierarchy.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { Cgroup, type CgroupPlace, placeOf } from "../../sys/cgroup.ts";
import { InstanceCgroup } from "./instance_cgroup.ts";

/** Controllers that limits need, and what is not limited without each. */
export const CONTROLLERS = {
  memory: "memory that is shared or cached is not limited, private memory is (RLIMIT_DATA)",
  cpu: "processor time is not limited",
  pids: "threads are not limited",
} as const;
export type Controller = keyof typeof CONTROLLERS;
const ALL = Object.keys(CONTROLLERS) as Controller[];

/** The daemon's own group, in the group that is its own. */
const DAEMON = "daemon";
/** The group that holds those of handlers. */
const HANDLERS = "lunette";

/** A limit that this machine cannot give. */
export interface MissingLimit {
  /** "cgroup-memory", "cgroup-cpu", "cgroup-pids". */
  readonly layer: `cgroup-${Controller}`;
  /** What that means, and why it is so. */
  readonly reason: string;
}

/** How this process sees itself; tests give another. */
export interface CgroupSurroundings {
  readonly mountinfo: string;
  /** /proc/self/cgroup. */
  readonly cgroup: string;
  readonly pid: number;
  readonly root: boolean;
  /** A group that was delegated by hand (LUNETTE_CGROUP), or "none". */
  readonly configured?: string;
}

/** See {@linkcode CgroupSurroundings}. */
export async function ownSurroundings(): Promise<CgroupSurroundings> {
  const read = (name: string) => Deno.readTextFile(`/proc/self/${name}`).catch(() => "");
  const configured = Deno.env.get("LUNETTE_CGROUP");
  return {
    mountinfo: await read("mountinfo"),
    cgroup: await read("cgroup"),
    pid: Deno.pid,
    root: Deno.uid() === 0,
    ...(configured === undefined ? {} : { configured }),
  };
}

/** A group whose children may have controllers, or why there is none. */
type Found = { readonly base: Cgroup } | { readonly reason: string };

async function isWritable(group: Cgroup): Promise<boolean> {
  try {
    (await Deno.open(`${group.path}/cgroup.subtree_control`, { write: true })).close();
    return true;
  } catch {
    return false;
  }
}

/** The hierarchy's real root has no type, and may have processes and children alike. */
async function isRealRoot(group: Cgroup): Promise<boolean> {
  return !(await group.has("cgroup.type")) && await group.has("cgroup.procs");
}

/** Takes the daemon out of a group in which it is alone, into a child. */
async function makeRoom(group: Cgroup, pid: number): Promise<boolean> {
  const processes = await group.processes();
  if (processes.length === 0) return true;
  if (processes.some((id) => id !== pid)) return false;
  const daemon = group.child(DAEMON);
  await daemon.make();
  await daemon.add(pid);
  return true;
}

async function findBase(around: CgroupSurroundings, place: CgroupPlace): Promise<Found> {
  const own = new Cgroup(place.group);
  if (around.configured !== undefined) {
    const base = new Cgroup(around.configured);
    if (await isWritable(base)) return { base };
    return { reason: `${base.path}, which LUNETTE_CGROUP names, is no group that can be written` };
  }
  if (await isRealRoot(own)) {
    if (await isWritable(own)) return { base: own };
  } else if (await isWritable(own)) {
    // Made by an earlier start in this unit, or by systemd (DelegateSubgroup=daemon).
    const above = new Cgroup(dirname(own.path));
    if (basename(own.path) === DAEMON && await isWritable(above)) return { base: above };
    if (await makeRoom(own, around.pid)) return { base: own };
  }
  const top = new Cgroup(place.mount);
  if (around.root && await isRealRoot(top) && await isWritable(top)) return { base: top };
  return { reason: `no control group is the daemon's own (it is in ${own.path})` };
}

/** Gives the children of a group what it can give. Returns what it could not. */
async function delegateAll(group: Cgroup): Promise<Map<Controller, string>> {
  const refused = new Map<Controller, string>();
  const offered = await group.controllers();
  for (const controller of ALL) {
    if (!offered.includes(controller)) {
      refused.set(controller, `${group.path} has no controller "${controller}"`);
      continue;
    }
    try {
      await group.delegate(controller);
    } catch (error) {
      refused.set(controller, error instanceof Error ? error.message : String(error));
    }
  }
  return refused;
}

function missingLimits(reasonOf: (controller: Controller) => string | undefined): MissingLimit[] {
  return ALL.flatMap((controller) => {
    const reason = reasonOf(controller);
    if (reason === undefined) return [];
    return [{
      layer: `cgroup-${controller}` as const,
      reason: `${CONTROLLERS[controller]}: ${reason}`,
    }];
  });
}

/** See the module. */
export class CgroupTree {
  /** What this machine cannot limit. */
  readonly missing: readonly MissingLimit[];
  readonly #handlers: Cgroup | undefined;
  readonly #pid: number;

  private constructor(handlers: Cgroup | undefined, missing: MissingLimit[], pid: number) {
    this.#handlers = handlers;
    this.missing = missing;
    this.#pid = pid;
  }

  /** The group that holds those of handlers; undefined where there is none. */
  get path(): string | undefined {
    return this.#handlers?.path;
  }

  /** No control groups: what is missing is said, for one reason. */
  static none(reason: string): CgroupTree {
    return new CgroupTree(undefined, missingLimits(() => reason), 0);
  }

  /**
   * What could not be limited if a daemon were started here; nothing is made, and nobody is moved.
   * A group that is the daemon's own would be found by the daemon in it, and is not seen from here.
   */
  static async look(around?: CgroupSurroundings): Promise<readonly MissingLimit[]> {
    const { mountinfo, cgroup, root } = around ?? await ownSurroundings();
    const none = (reason: string) => missingLimits(() => reason);
    const place = placeOf(mountinfo, cgroup);
    if (place === undefined) return none("control groups version 2 are not mounted");
    const top = new Cgroup(place.mount);
    const offered = await top.controllers().catch((): string[] => []);
    if (!root && !await isWritable(new Cgroup(place.group))) {
      return none(`${place.group} is not this user's to write`);
    }
    return missingLimits((controller) =>
      offered.includes(controller) ? undefined : `${top.path} has no controller "${controller}"`
    );
  }

  /** Finds or makes the group for handlers. Never throws: without one there are rlimits alone. */
  static async open(around?: CgroupSurroundings): Promise<CgroupTree> {
    try {
      return await CgroupTree.#open(around ?? await ownSurroundings());
    } catch (error) {
      return CgroupTree.none(error instanceof Error ? error.message : String(error));
    }
  }

  static async #open(around: CgroupSurroundings): Promise<CgroupTree> {
    if (around.configured === "none") return CgroupTree.none("LUNETTE_CGROUP is none");
    const place = placeOf(around.mountinfo, around.cgroup);
    if (place === undefined) return CgroupTree.none("control groups version 2 are not mounted");
    const offered = await new Cgroup(place.mount).controllers().catch((): string[] => []);
    // Nothing is made where nothing could be limited, as on machines that use version 1.
    if (!ALL.some((controller) => offered.includes(controller))) {
      return CgroupTree.none(`${place.mount} has no controller for memory, cpu or pids`);
    }
    const found = await findBase(around, place);
    if ("reason" in found) return CgroupTree.none(found.reason);
    const above = await delegateAll(found.base);
    const handlers = found.base.child(HANDLERS);
    await handlers.make();
    const below = await delegateAll(handlers);
    await removeLeftOver(handlers);
    const missing = missingLimits((controller) => above.get(controller) ?? below.get(controller));
    return new CgroupTree(handlers, missing, around.pid);
  }

  /** Makes the group of a LUN's handler; undefined where there are none here. */
  async make(name: string): Promise<InstanceCgroup | undefined> {
    if (this.#handlers === undefined) return undefined;
    const group = this.#handlers.child(`${this.#pid}-${name}`);
    await group.make();
    return new InstanceCgroup(group);
  }
}

/** Removes what daemons have left that were killed. One with a process in it cannot be removed. */
async function removeLeftOver(handlers: Cgroup): Promise<void> {
  for (const name of await handlers.children()) {
    const pid = /^(\d+)-/.exec(name)?.[1];
    const lives = pid === undefined ||
      await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    if (!lives) await handlers.child(name).remove().catch(() => {});
  }
}
